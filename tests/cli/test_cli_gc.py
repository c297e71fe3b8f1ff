"""``gc``: what is left over, shown and deleted."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from assetstore import AssetStore

if TYPE_CHECKING:
    from running import Run

LEFT = ".assetstore/tmp/" + "0" * 32
SHOWN = f"unfinished file\t2d\t5 B\t{LEFT}"


def age(path: Path) -> None:
    """Make a file two days old."""
    status = path.stat()
    os.utime(path, (status.st_atime - 2 * 86_400, status.st_mtime - 2 * 86_400))


@pytest.fixture
def left(store: AssetStore, folder: Path) -> Path:
    """Return an old file that an upload left in the store's folder."""
    path = folder / "assets" / LEFT
    path.write_bytes(b"12345")
    age(path)
    return path


def test_what_is_left_is_shown_and_stays(run: Run, left: Path) -> None:
    """Kind, age, bytes and name; the last line says how to delete it. The store is named before or after the command."""
    for arguments in (("gc", "file:assets"), ("-s", "file:assets", "gc"), ("gc", "-s", "file:assets")):
        done = run(*arguments)
        assert (0, [SHOWN]) == (done.code, done.lines)
        assert "found 1 leftover, 5 B, in file:assets" in done.err
        assert "--delete deletes what is left over" in done.err
    assert left.exists()


def test_it_is_deleted_once_that_is_confirmed(run: Run, left: Path) -> None:
    """The question says how much; another answer than yes deletes nothing."""
    asked = "delete 1 leftover (5 B) from file:assets"
    done = run("gc", "file:assets", "--delete", terminal=True, stdin=b"n\n")
    assert (1, True, True) == (done.code, asked in done.err, left.exists())
    done = run("gc", "file:assets", "--delete", terminal=True, stdin=b"y\n")
    assert (0, True, False) == (done.code, " 1 leftover, 5 B, in file:assets" in done.err, left.exists())


def test_without_a_terminal_a_deletion_needs_yes(run: Run, left: Path, store: AssetStore) -> None:
    """``--delete`` alone is wrong usage there; with ``--yes`` it asks nothing, and touches no asset."""
    done = run("gc", "file:assets", "--delete")
    assert (2, True, True) == (done.code, "use --yes" in done.err, left.exists())
    done = run("gc", "file:assets", "--delete", "-y")
    assert (0, [SHOWN], False) == (done.code, done.lines, left.exists())
    assert 4 == len(list(store.list()))
    done = run("gc", "file:assets", "--delete")
    assert (0, [], True) == (done.code, done.lines, "deleted 0 leftovers" in done.err)


def test_json_has_all_facts(run: Run, left: Path) -> None:
    """One object for each leftover, in which an unknown fact is null."""
    [record] = run("gc", "file:assets", "--delete", "--yes", "--json").records
    modified = record.pop("modified")
    assert modified.startswith("20")
    facts = {"op": "gc", "kind": "unfinished file", "name": LEFT, "size": 5}
    assert {**facts, "removed": True, "repaired": False, "detail": "", "error": None} == record


def test_a_leftover_that_cannot_be_deleted_is_a_failure(run: Run, store: AssetStore, folder: Path) -> None:
    """The others are deleted all the same, and the exit code says that some failed."""
    (folder / "assets" / LEFT).write_bytes(b"12345")
    age(folder / "assets" / LEFT)
    begun = store.begin_upload(key="b", size=10 << 20, part_size=5 << 20)
    [upload] = (folder / "assets/.assetstore/uploads").iterdir()
    # Nothing of ours makes a folder in there, and none is removed with what is in it.
    (upload / "strange").mkdir()
    age(upload)
    done = run("gc", "file:assets", "--delete", "--yes")
    assert (5, [SHOWN]) == (done.code, done.lines)
    assert f"cannot collect '.assetstore/uploads/{upload.name}'" in done.err
    assert (begun.token not in done.err, upload.exists()) == (True, True)


def test_the_age_is_an_hour_at_least_and_has_a_unit(run: Run, left: Path) -> None:
    """An age below the hour, or one that could be meant in days, deletes nothing."""
    for given, why in {"59m": "at least 3600 seconds", "7": "must have a unit", "soon": "must be a number"}.items():
        done = run("gc", "file:assets", "--older-than", given, "--delete", "--yes")
        assert (2, True) == (done.code, why in done.err)
    assert run("gc", "file:assets", "--older-than", "3d").lines == []
    assert left.exists()


def test_unfinished_downloads_are_found_in_a_folder(run: Run, folder: Path) -> None:
    """No store is needed, and none is looked at."""
    part = folder / "out" / f".{'a' * 16}.part"
    part.parent.mkdir()
    part.write_bytes(b"half")
    age(part)
    done = run("gc", "--downloads", "out")
    assert (0, [f"unfinished download\t2d\t4 B\tout/{part.name}"]) == (done.code, done.lines)
    assert 0 == run("gc", "--downloads", "out", "--delete", "--yes").code
    assert [] == list(part.parent.iterdir())
    for wrong in (("file:assets",), ("--repair",)):
        assert 2 == run("gc", *wrong, "--downloads", "out").code


def test_a_store_that_has_nothing_to_repair_says_so(run: Run) -> None:
    """``--repair`` is refused where records cannot be damaged."""
    done = run("gc", "memory:", "--repair")
    assert (1, True) == (done.code, "does not support collect with repair" in done.err)
    assert 0 == run("gc", "memory:").code
