"""``find`` and ``du``: which assets there are, and how much they take."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from assetstore import AssetStore

if TYPE_CHECKING:
    from running import Run

S = ("-s", "file:assets")


@pytest.fixture
def shelf(folder: Path, store: AssetStore) -> AssetStore:
    """Give the store with a large file, an old one, and one whose name has no suffix."""
    store.upload(b"x" * 2_000_000, "maps/deep/world.png")
    store.upload(b"no suffix", "maps/photo", content_type="image/jpeg")
    store.upload(b"old", "notes/old.txt")
    path = folder / "assets" / "notes" / "old.txt"
    long_ago = path.stat().st_mtime - timedelta(days=90).total_seconds()
    os.utime(path, (long_ago, long_ago))
    return store


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((), 7),
        (("maps/",), 5),
        (("*.txt",), 1),
        (("--larger", "1MB"), 1),
        (("--larger", "1MiB", "--smaller", "2MB"), 0),
        (("--smaller", "10"), 2),
        (("--older", "30d"), 1),
        (("--newer", "30d"), 6),
        (("--type", "image/*"), 5),
        (("--type", "image/png"), 2),
        (("--type", "IMAGE/webp", "--type", "text/plain"), 4),
        (("maps/", "--type", "text/*"), 0),
    ],
)
def test_everything_that_is_given_must_hold(run: Run, shelf: AssetStore, arguments: tuple[str, ...], expected: int) -> None:
    """Prefix or glob, type, size and age narrow the search."""
    done = run(*S, "find", *arguments, "--stat")
    assert (0, expected) == (done.code, len(done.lines)), done.lines
    assert ("no asset is like this\n" == done.err) == (expected == 0)


def test_a_type_that_the_store_does_not_list_is_guessed_and_said(run: Run) -> None:
    """The suffix decides, stderr says for how many; with ``--stat`` the store decides."""
    store = "stub:"
    guessed = run("-s", store, "find", "good/", "--type", "text/plain")
    assert ["good/one.txt"] == guessed.lines
    assert "2 types went by the suffix of the key; --stat asks the store" in guessed.err
    assert "went by the suffix" not in run("-s", store, "find", "good/").err
    (record,) = run("-s", store, "find", "good/", "--type", "text/plain", "--json").records
    assert ("good/one.txt", "text/plain", True) == (record["key"], record["content_type"], record["content_type_guessed"])


def test_keys_end_in_zero_bytes_for_xargs(run: Run, shelf: AssetStore) -> None:
    """``-0`` writes keys as they are, whatever they hold."""
    shelf.upload(b"", "a b\u2028c.txt")
    assert "a b\u2028c.txt\0notes.txt\0".encode() == run(*S, "find", "*.txt", "-0").raw
    assert 2 == run(*S, "find", "-0", "--json").code
    program = shlex.join([sys.executable, "-m", "assetstore", *S])
    script = f"{program} find '*.txt' -0 | xargs -0 {program} update --cache-control no-cache"
    assert 0 == subprocess.run(["sh", "-c", script], capture_output=True, check=False).returncode
    assert ["no-cache"] * 2 == [shelf.stat(key).cache_control for key in ("a b\u2028c.txt", "notes.txt")]


@pytest.mark.parametrize("wrong", [("--type", "png"), ("--type", "image/"), ("--larger", "big"), ("--older", "-1d")])
def test_a_wrong_condition_is_refused(run: Run, shelf: AssetStore, wrong: tuple[str, ...]) -> None:
    """What could never hold is a mistake, not an empty result."""
    done = run(*S, "find", *wrong)
    assert (2, True) == (done.code, "must be a" in done.err)


def test_folders_count_with_everything_in_them(run: Run, shelf: AssetStore) -> None:
    """The largest folder comes first, the total last; ``--depth`` opens folders, from the one that is named."""
    total = sum(info.size for info in shelf.list())
    maps = sum(info.size for info in shelf.list("maps/"))
    deep = sum(info.size for info in shelf.list("maps/deep/"))
    assert [f"{maps}\t5\tmaps/", "3\t1\tnotes/", f"{total}\t7\ttotal"] == run(*S, "du").lines
    assert [f"{maps}\t5\tmaps/", f"{deep}\t2\tmaps/deep/"] == run(*S, "du", "--depth", "2").lines[:2]
    assert [f"{deep}\t2\tmaps/deep/", f"{maps}\t5\ttotal"] == run(*S, "du", "maps/").lines
    assert [f"{total}\t7\ttotal"] == run(*S, "du", "--depth", "0").lines
    first, *_, last = run(*S, "du", "--json").records
    assert [{"folder": "maps/", "assets": 5, "bytes": maps}, {"total": True, "assets": 7, "bytes": total}] == [first, last]


def test_kinds_are_counted_by_category_and_type(run: Run, shelf: AssetStore) -> None:
    """Every asset counts once, and stderr says how many types are guesses."""
    done = run(*S, "du", "--by", "category")
    assert ["images", "documents", "other", "total"] == [line.split("\t")[2] for line in done.lines]
    records = run(*S, "du", "--by", "type", "--json").records
    assert 7 == sum(record["assets"] for record in records[:-1]) == records[-1]["assets"]
    expected = ["application/octet-stream", "image/png", "image/webp", "text/plain"]
    assert expected == sorted(record["type"] for record in records[:-1])
    assert "7 types went by the suffix of the key" in done.err


def test_an_empty_store_has_a_total_of_nothing(run: Run, folder: Path) -> None:
    """Nothing is not a failure."""
    (folder / "assets").mkdir()
    done = run(*S, "du")
    assert (0, ["0\t0\ttotal"], "file:assets is empty\n") == (done.code, done.lines, done.err)


def test_a_terminal_gets_a_table_with_readable_sizes(run: Run, shelf: AssetStore) -> None:
    """People read units, programs read bytes."""
    assert "1.9 MiB" in run(*S, "du", terminal=True).out
