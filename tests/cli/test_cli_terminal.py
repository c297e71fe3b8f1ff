"""What a terminal gets: colours and tables of ours, and no control character of anybody else's."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from assetstore import AssetStore

if TYPE_CHECKING:
    from running import Run

COLOUR = re.compile(r"\x1b\[[0-9;]*m")
HARMLESS = re.compile(r"[^\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]*")

COMMANDS = [
    ("list", "-r"),
    ("list", "-r", "-l"),
    ("list", "**"),
    ("list", "nope\x1b[31m"),
    ("stat", "good/one.txt", "good/right-to-left\u202egpj.exe", "x\x1b[2Jy", "\u202e"),
    ("read", "bell\x07"),
    ("read", "nope\u202e"),
    ("download", "-r", "", "-o", "out\x1b"),
    ("download", "**", "-n"),
    ("upload", "--key", "evil\x1b", "missing\x1b"),
    ("upload", "file\x1b[31m.txt", "--to", "\u202e/"),
    ("upload", "--name", "a\x07.png", "file\x1b[31m.txt"),
    ("upload", "-r", "tree"),
    ("delete", "-n", "**"),
    ("delete", "-y", "**"),
    ("copy", "**", "to\u202e/"),
    ("move", "bell\x07", "a"),
    ("copy", "good/one.txt", "x\x9b"),
    ("check", ":", "./tree"),
    ("check", "./tree", ":x\x1b"),
    ("verify", "-v"),
    ("verify", "x\x1b"),
    ("sync", ":", "./out\x1b"),
    ("sync", "./tree", ":x", "-v"),
    ("sync", ":good", "./out\x1b", "-n"),
    ("presign", "a\u202e", "--content-type", "a/b\x1b"),
    ("url", "a\u202e"),
    ("stats",),
    ("plugins",),
    ("doctor",),
    ("--bad\x1b",),
    ("greet\x1b",),
    ("list", "--limit", "\x1b"),
    ("upload", "--metadata", "a\x1b[31m", "x"),
]


@pytest.mark.usefixtures("stopped_clock")  # a bar, which comes when it takes long, moves the cursor
@pytest.mark.parametrize("terminal", [True, False])
@pytest.mark.parametrize("trouble", ["", "denied", "broken"])
@pytest.mark.parametrize("arguments", COMMANDS, ids=lambda arguments: repr(arguments)[:30])
def test_no_control_character_from_outside_reaches_a_terminal(
    run: Run, folder: Path, arguments: tuple[str, ...], trouble: str, terminal: bool
) -> None:
    """Keys, file names, messages, metadata and locations are escaped in every command; only ``--json`` escapes otherwise."""
    (folder / "file\x1b[31m.txt").write_bytes(b"")
    (folder / "tree").mkdir()
    (folder / "tree/new\nline\x1b").write_bytes(b"")
    (folder / "tree/link\x07").symlink_to("x")
    done = run("-s", f"stub:?trouble={trouble}", *arguments, terminal=terminal)
    plain_out = COLOUR.sub("", done.out) if terminal else done.out
    plain_err = COLOUR.sub("", done.err) if terminal else done.err
    if not terminal:
        # A valid key that is read by a program and not by people stays as it is, and the columns of a table have tabs.
        plain_out = plain_out.replace("\u202e", "").replace("\t", "")
    assert HARMLESS.fullmatch(plain_out)
    assert HARMLESS.fullmatch(plain_err)


def test_json_is_pure_ascii(run: Run) -> None:
    """``--json`` gives back every key, in ASCII."""
    done = run("-s", "stub:", "--json", "list", "-r", terminal=True)
    assert done.raw.isascii()
    assert {"bell\x07\x1b]0;owned\x07", "line\nfeed\r", "good/right-to-left\u202egpj.exe"} <= {
        record["key"] for record in done.records
    }


def test_a_piped_key_is_the_key_itself(run: Run) -> None:
    """Every valid key goes into a pipe unchanged, one a line; a foreign one is escaped so that it stays on its line."""
    lines = run("-s", "stub:", "list", "-r").out.split("\n")
    assert "good/right-to-left\u202egpj.exe" in lines
    assert r"$'line\nfeed\r'" in lines


def test_a_terminal_gets_tables_within_its_width(run: Run) -> None:
    """Tables are drawn for people, with headings, at most 80 columns wide."""
    lines = [COLOUR.sub("", line) for line in run("plugins", terminal=True).lines]
    assert ["plugin", "distribution", "version", "hooks"] == lines[0].split()
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize(("variable", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_colours_can_be_switched_off(
    run: Run, store: AssetStore, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    """NO_COLOR and a dumb terminal get none; others do."""
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    commands = (("plugins",), ("-s", "file:assets", "doctor"), ("-s", "file:assets", "stat", "missing"))
    for command in commands:
        assert "\x1b" in (done := run(*command, terminal=True)).out + done.err
    monkeypatch.setenv(variable, value)
    for command in commands:
        assert "\x1b" not in (done := run(*command, terminal=True)).out + done.err


def test_without_a_terminal_there_are_no_colours(run: Run, store: AssetStore) -> None:
    """Files and pipes get plain text."""
    done = run("-s", "file:assets", "doctor")
    assert "\x1b" not in done.out + done.err
