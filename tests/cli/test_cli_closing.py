"""What many items print: one closing line, and what ``-v``, ``-q`` and ``--no-progress`` make of it."""

from __future__ import annotations

import contextlib
import io
import itertools
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from assetstore import AssetStore
from assetstore.cli.session import Session

if TYPE_CHECKING:
    from running import Run

S = ("-s", "file:assets")
TO = r"file:assets \(folder .*, local\)"
MANY = 50


@pytest.fixture
def art(folder: Path) -> Path:
    """Give a folder with fifty files."""
    for number in range(MANY):
        path = folder / f"art/{number % 5}/{number}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"ten bytes!")
    return folder / "art"


@pytest.mark.usefixtures("stopped_clock")  # no bar is drawn
def test_many_items_print_one_line(run: Run, art: Path) -> None:
    """Uploads, downloads, copies, moves and deletions sum up on stderr; the keys of uploads stay on stdout, for scripts."""
    size = r"500 B in \d+\.\d s"
    for terminal in (False, True):
        done = run(*S, "upload", "-r", "art", "--to", "x/", terminal=terminal)
        assert (0, 0 if terminal else MANY) == (done.code, len(done.lines))
        assert re.fullmatch(rf"(\x1b\[32m)?uploaded(\x1b\[0m)? 50 files, {size} to {TO}\n", done.err)
    for arguments, line in (
        (("download", "-r", "x", "-o", "out"), rf"downloaded 50 files, {size} to out, from {TO}\n"),
        (("copy", "-r", "x", "y/"), rf"copied 50 assets, {size} in {TO}\n"),
        (("move", "-r", "y", "z/"), rf"moved 50 assets, {size} in {TO}\n"),
        (("delete", "-n", "-r", "x"), rf"(would delete x/.*\n){{50}}would delete 50 assets, 500 B from {TO}\n"),
        (("delete", "-y", "-r", "x"), rf"deleted 50 assets, {size} from {TO}\n"),
    ):
        done = run(*S, *arguments)
        assert (0, b"") == (done.code, done.raw)
        assert re.fullmatch(line, done.err), done.err


def test_what_exists_is_skipped_and_counted(run: Run, art: Path) -> None:
    """Under ``--no-overwrite`` several items that exist are no failure: they stay, and the rest is done."""
    run(*S, "upload", "-r", "art", "--to", "x/", "--exclude", "7.txt")
    done = run(*S, "upload", "-r", "art", "--to", "x/", "--no-overwrite")
    assert (0, ["x/2/7.txt"]) == (done.code, done.lines)
    assert re.fullmatch(rf"uploaded 1 file, 10 B in \d+\.\d s to {TO}; 49 skipped\n", done.err)
    done = run(*S, "upload", "-r", "art", "--to", "x/", "--no-overwrite", "-n")
    assert done.err.endswith("; 50 skipped\n")
    run(*S, "download", "x/0/0.txt", "-o", "out/0/")
    done = run(*S, "download", "-r", "x/0", "-o", "out/0", "--no-overwrite", "--json")
    assert (0, 1) == (done.code, sum(record.get("skipped", False) for record in done.records))
    assert re.fullmatch(rf"downloaded 9 files, 90 B in \d+\.\d s to out/0, from {TO}; 1 skipped\n", done.err)
    for command in ("copy", "move"):
        run(*S, "copy", "x/0/0.txt", f"{command}/0.txt")
        done = run(*S, command, "-r", "x/0", f"{command}/", "--no-overwrite")
        assert (0, True) == (done.code, done.err.endswith("; 1 skipped\n"))


def test_a_single_key_that_exists_is_a_failure(run: Run, store: AssetStore, art: Path) -> None:
    """Who names one key and finds it taken has to know: exit code 6."""
    assert 6 == run(*S, "upload", "art/0/0.txt", "--key", "notes.txt", "--no-overwrite").code
    assert 6 == run(*S, "copy", "maps/keep.webp", "notes.txt", "--no-overwrite").code


def test_a_generated_key_that_is_taken_is_a_failure(run: Run, art: Path) -> None:
    """Under a scheme that makes one key of two names ``--no-overwrite`` skips nothing: the second file is not there yet."""
    (art.parent / "assetstore.toml").write_text('[stores.dev]\nurl = "file:assets"\nnaming = { scheme = "original" }\n')
    (art / "1/0.txt").write_bytes(b"another")
    done = run("-s", "dev", "upload", "art/0/0.txt", "art/1/0.txt", "--no-overwrite")
    assert (5, ["documents/0.txt"], True) == (done.code, done.lines, done.err.endswith("; 1 failed\n"))


def test_failures_are_counted_beside_what_was_skipped(run: Run, art: Path) -> None:
    """A failure has its three lines, and the code is 5, also if the rest was skipped."""
    run(*S, "upload", "-r", "art", "--to", "x/")
    done = run(*S, "upload", "-r", "art", "missing", "--to", "x/", "--no-overwrite")
    assert (5, "error: cannot upload", True) == (done.code, done.err[:20], done.err.endswith("; 50 skipped, 1 failed\n"))
    assert 4 == len(done.err.splitlines())


def test_what_ends_early_says_how_far_it_came() -> None:
    """Ctrl-C and an error that concerns every item leave the closing line, unless nothing was done."""
    for done, line in ((2, r"uploaded 2 files, 6 B in \d+\.\d s to dev\n"), (0, "")):
        session, err = Session(), io.StringIO()
        closing = session.closing("upload", "file", "to dev", several=True, dry_run=False)
        session.done, session.size = done, 3 * done
        with contextlib.redirect_stderr(err), pytest.raises(KeyboardInterrupt), closing:
            raise KeyboardInterrupt
        assert re.fullmatch(line, err.getvalue())


def test_verbose_gives_each_item_its_line(run: Run, art: Path) -> None:
    """``-v`` names every item, and those that were skipped."""
    run(*S, "upload", "-r", "art/0", "--to", "x/")
    done = run(*S, "upload", "-r", "art", "--to", "x/", "-v")
    assert MANY + 1 == len(done.err.splitlines())
    done = run(*S, "upload", "-r", "art", "--to", "x/", "--no-overwrite", "-v")
    assert "skipped art/0/0.txt: the key is taken" in done.err.splitlines()


def test_quiet_prints_errors_alone(run: Run, store: AssetStore, art: Path) -> None:
    """``-q`` leaves stderr empty unless something fails, and stdout as it is."""
    for arguments in (("upload", "-r", "art"), ("download", "-r", "maps", "-o", "o"), ("copy", "-r", "maps", "m/"),
                      ("move", "-r", "m", "n/"), ("delete", "-y", "-r", "n"), ("delete", "0/0.txt")):
        done = run(*S, *arguments, "-q")
        assert (0, "") == (done.code, done.err)
        assert len(done.lines) == (MANY if arguments[0] == "upload" else 0)
    done = run(*S, "upload", "-q", "missing", "art/0/0.txt", "--to", "x")
    assert (5, 3, ["x/0.txt"]) == (done.code, len(done.err.splitlines()), done.lines)


@pytest.mark.usefixtures("stopped_clock")
def test_generated_keys_are_shown_on_a_terminal(run: Run, art: Path) -> None:
    """A key that the store made is told, however many there are; nothing else tells it."""
    done = run(*S, "upload", "art/0/0.txt", "art/0/5.txt", terminal=True)
    assert 2 == len(re.findall(r"documents/\d{8}_\S+_[05]\.txt -> ", done.err))


@pytest.mark.parametrize("option", ["--no-progress", "-q"])
def test_the_bar_can_be_switched_off(run: Run, art: Path, monkeypatch: pytest.MonkeyPatch, option: str) -> None:
    """Without the option long work draws a bar; with it there is none."""
    monkeypatch.setattr(time, "monotonic", map(float, itertools.count()).__next__)  # every look at the clock takes a second
    arguments = (*S, "upload", "-r", "art", "--to", "x")
    assert "━" in run(*arguments, terminal=True).err
    assert "━" not in run(*arguments, option, terminal=True).err
