"""The progress bar: on a terminal only, and never over data."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING

import pytest
from running import Stream

from assetstore import AssetStore
from assetstore.cli.progress import Bar

if TYPE_CHECKING:
    from running import Run

COLOUR = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")


def drawn(*, terminal: bool = True, wanted: bool = True, patience: float = -1, total: int | None = 4096) -> str:
    """Return what stderr got from a bar over two steps, with a line in between."""
    err = Stream(terminal=terminal)
    with contextlib.redirect_stderr(err), Bar("uploading", total, wanted=wanted, patience=patience) as bar:
        bar.label = "a-name-that-is-rather-long.webp"
        bar.advance(1024)
        bar.print("uploaded one")
        bar.advance(1024)
    return err.text().decode()


@pytest.mark.parametrize(("total", "amount"), [(4096, "2.0 KiB of 4.0 KiB"), (None, "2.0 KiB")])
def test_long_work_shows_a_bar(monkeypatch: pytest.MonkeyPatch, total: int | None, amount: str) -> None:
    """It says what is done to what, how much of it, and how fast; lines are printed above it."""
    monkeypatch.setenv("COLUMNS", "80")
    text = drawn(total=total)
    assert "uploading …ather-long.webp" in text
    assert amount in text
    assert "/s" in text
    assert "uploaded one" in text


def test_other_work_goes_on_in_the_same_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    """It counts anew, things instead of bytes where it moves none."""
    monkeypatch.setenv("COLUMNS", "80")
    err = Stream(terminal=True)
    with contextlib.redirect_stderr(err), Bar("comparing", None, wanted=True, patience=-1, noun="asset") as bar:
        bar.advance(1234)
        bar.begin("syncing", 3, "action")
        bar.advance(1)
    text = err.text().decode()
    assert text.index("1,234 assets") < text.index("1 of 3 actions")


@pytest.mark.parametrize(("columns", "name"), [("50", False), ("80", True)])
def test_a_narrow_terminal_shows_how_long_it_still_takes(monkeypatch: pytest.MonkeyPatch, columns: str, name: bool) -> None:
    """The name of the item makes room for the time, which is never cut off."""
    monkeypatch.setenv("COLUMNS", columns)
    text = drawn()
    assert name == ("…ather-long.webp" in text)
    assert ("50%" in text) != name
    assert re.search(r"/s +-?-?:?(--:--|\d\d:\d\d)", COLOUR.sub("", text))


@pytest.mark.parametrize("arguments", [{"terminal": False}, {"wanted": False}, {"patience": 3600.0}])
def test_no_bar_where_none_is_wanted(arguments: dict[str, float]) -> None:
    """Files, data on the same terminal and short work get none."""
    assert "" == drawn(**arguments)  # type: ignore[arg-type]  # one of the keywords each


@pytest.mark.usefixtures("stopped_clock")
def test_short_commands_show_no_bar(run: Run, store: AssetStore) -> None:
    """What takes no time leaves the terminal as it is."""
    assert "━" not in run("-s", "file:assets", "download", "**", "-o", "new", terminal=True).err
