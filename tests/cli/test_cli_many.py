"""Many items at once on the command line: order, ``-j``, and what Ctrl-C and SIGTERM leave."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from assetstore import AssetStore
from threads_left import threads_left

if TYPE_CHECKING:
    from running import Run

S = ("-s", "file:assets")
MANY = 60


@pytest.fixture
def art(folder: Path) -> list[str]:
    """Give a folder with files of many sizes, and return the keys that they will have, in order."""
    (folder / "art").mkdir()
    for number in range(MANY):
        (folder / f"art/{number:02}.txt").write_bytes(b"x" * (number * 7919 % 50_000))
    return [f"x/{number:02}.txt" for number in range(MANY)]


@pytest.mark.parametrize("limit", [(), ("-j", "1"), ("--max-concurrency", "3")])
def test_many_items_are_told_in_order(run: Run, art: list[str], folder: Path, limit: tuple[str, ...]) -> None:
    """However many are worked on at once, lines and records come in the order of the items."""
    done = run(*S, "upload", "-r", "art", "--to", "x", *limit)
    assert (0, art) == (done.code, done.lines)
    for command in (("download", "-r", "x", "-o", "out"), ("copy", "-r", "x", "y/"), ("move", "-r", "y", "z/")):
        done = run(*S, "--json", *command, *limit)
        assert 0 == done.code
        sources = [str(record.get("source", record["key"])) for record in done.records]
        assert [name.rpartition("/")[2] for name in art] == [source.rpartition("/")[2] for source in sources]
    files = sorted((folder / "out").iterdir())
    assert [path.read_bytes() for path in sorted((folder / "art").iterdir())] == [path.read_bytes() for path in files]
    listed = run(*S, "list", "-r").lines
    assert MANY == sum("z/" in line for line in listed)


@pytest.mark.parametrize("wrong", ["0", "1025", "many"])
def test_j_is_from_1_to_1024(run: Run, wrong: str) -> None:
    """Anything else is a usage error."""
    assert 2 == run(*S, "download", "-r", "x", "-j", wrong).code


def test_one_failure_stops_no_other(run: Run, store: AssetStore, folder: Path) -> None:
    """The failure stands between the others, in its place, and the exit code says that some failed."""
    (folder / "out/maps").mkdir(parents=True)
    (folder / "out/maps/keep.webp").mkdir()
    done = run(*S, "--json", "download", "-r", "", "-o", "out")
    assert 5 == done.code
    assert ["maps/deep/cave.webp", "maps/keep.webp", "maps/tower.png", "notes.txt"] == [r["key"] for r in done.records]
    assert [1] == [number for number, record in enumerate(done.records) if "error" in record]


def test_no_overwrite_skips_in_order(run: Run, art: list[str]) -> None:
    """What exists is skipped in its place, and the others are uploaded."""
    run(*S, "upload", "art/03.txt", "art/59.txt", "--to", "x/")
    done = run(*S, "--json", "upload", "-r", "art", "--to", "x", "--no-overwrite")
    assert (0, [3, 59]) == (done.code, [number for number, record in enumerate(done.records) if record.get("skipped")])
    assert MANY == len(done.records)


@pytest.mark.parametrize(("name", "code", "word"), [("SIGINT", 130, "interrupted"), ("SIGTERM", 143, "terminated")])
def test_a_signal_ends_what_runs(run: Run, art: list[str], name: str, code: int, word: str) -> None:
    """Uploads that would wait for ever are ended, one line says so, and no thread is left."""
    done = run("-s", f"stub:?trouble={name}", "upload", "-r", "art", "--to", "x", "-j", "1")
    assert (code, word) == (done.code, done.err.splitlines()[-1])
    assert [] == threads_left()
