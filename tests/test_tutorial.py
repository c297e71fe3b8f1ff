"""The tutorial does what it says: a reader who types its blocks one after the other sees what it shows."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import attrs
import pytest

TEXT = (Path(__file__).parent.parent / "docs" / "write-a-backend.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)([^\n]*)\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)

# From a minute on, pytest tells the time twice: in 61.20s (0:01:01).
TOOK = r" in [\d.]+s( \([^)]+\))?$"

OFFLINE = ("--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--target")


@attrs.define
class Reader:
    """Types one block after the other into a folder.

    Attributes:
        folder: where to.
        said: what the last block that ran printed.
        shown: for each block of output, what the page shows and what was printed.
        commands: the commands that ran.
    """

    folder: Path
    said: str = ""
    shown: list[tuple[str, str]] = attrs.field(factory=list)
    commands: list[str] = attrs.field(factory=list)

    def type(self, language: str, name: str, text: str) -> None:
        """Write a file, or go on with it; run a program or commands; compare an output."""
        if language == "text":
            self.shown.append((text, self.said))
        elif language == "sh":
            self.said = "".join(self.run(*shlex.split(line)) for line in text.splitlines())
        elif name:
            with (self.folder / name).open("a", encoding="utf-8") as file:
                file.write(f"{text}\n")
        else:
            self.said = self.run("python", "-c", text)

    def run(self, program: str, *arguments: str) -> str:
        """Return what a command prints."""
        self.commands.append(program)
        if program == "pip":
            assert ("install", ".") == arguments
            arguments = ("install", *OFFLINE, str(self.folder / "site"), ".")
        command = [sys.executable, *(() if program == "python" else ("-m", program)), *arguments]
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
        path = os.pathsep.join([str(self.folder / "site"), os.environ.get("PYTHONPATH", "")])
        done = subprocess.run(
            command,
            cwd=self.folder,
            env={**kept, "COLUMNS": "80", "PYTHONPATH": path},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (command, 0) == (command, done.returncode), done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    """Return a reader who has come to the end."""
    reader = Reader(tmp_path_factory.mktemp("tutorial"))
    for language, name, text in BLOCKS:
        reader.type(language, name.strip(), text)
    return reader


def essence(output: str) -> list[str]:
    """Return the lines of an output without how long it took."""
    return [re.sub(TOOK, "", line).strip() for line in output.splitlines()]


def test_every_output_is_what_is_shown(reader: Reader) -> None:
    """Each program and command of the page runs and prints what the page shows, every figure included but for the time."""
    assert 3 == len(reader.shown)
    for shown, printed in reader.shown:
        assert essence(shown) == essence(printed)
    assert ["python", "pytest", "pip", "assetstore", "assetstore", "python"] == reader.commands


def test_a_slow_machine_shows_the_same() -> None:
    """How long it took is no part of an output, in whichever form pytest tells it."""
    assert essence("9 passed") == essence("9 passed in 28.49s") == essence("9 passed in 61.20s (0:01:01)")


def test_all_guarantees_ran(reader: Reader) -> None:
    """The output shown of the contract is that of hundreds of tests that passed, and of none that did not."""
    ((_, said),) = [pair for pair in reader.shown if "passed" in pair[1]]
    assert 200 < int(re.findall(rf"^(\d+) passed{TOOK}", said, re.MULTILINE)[0][0])


def test_the_backend_is_short_and_installed(reader: Reader) -> None:
    """The whole file has fewer than 120 lines that are not blank, and it is what was installed."""
    text = (reader.folder / "sqlite_assets.py").read_text(encoding="utf-8")
    assert 120 > len([line for line in text.splitlines() if line.strip()])
    assert text == (reader.folder / "site" / "sqlite_assets.py").read_text(encoding="utf-8")


def test_a_vendors_errors_become_ours(reader: Reader) -> None:
    """What SQLite raises is an error of ours that names the next step."""
    program = """
from pathlib import Path
from assetstore import AssetStore, BackendError, StoreNotFoundError
from sqlite_assets import SqliteBackend
Path("text.sqlite").write_text("no database at all" * 100)
for path, kind in (("missing/assets.sqlite", StoreNotFoundError), ("text.sqlite", BackendError)):
    try:
        AssetStore(SqliteBackend(path=Path(path))).stat("a")
    except kind as error:
        print(type(error).__name__, error.hint)
"""
    expected = ["StoreNotFoundError look at missing/assets.sqlite", "BackendError look at text.sqlite"]
    assert expected == reader.run("python", "-c", program).splitlines()


def test_the_page_fits_ten_minutes_and_leads_nowhere_wrong() -> None:
    """It has at most 310 lines, and every file that it links to exists."""
    docs = Path(__file__).parent.parent / "docs"
    links = re.findall(r"\]\(([^)]+)\)", TEXT)
    assert (True, True) == (len(TEXT.splitlines()) <= 310, len(links) > 5)
    assert [] == [link for link in links if not (docs / link).exists()]
