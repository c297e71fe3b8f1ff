"""``assetstore check`` and ``assetstore verify``: what they print, and their exit codes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from assetstore import AssetStore, open_store

if TYPE_CHECKING:
    from running import Run


@pytest.fixture
def copy(store: AssetStore, folder: Path) -> Path:
    """Give a folder with the files of the store ``file:assets``."""
    for _ in store.download_many(store.list(), "copy"):
        pass
    return folder / "copy"


def test_equal_sides_exit_0(run: Run, copy: Path) -> None:
    """One line says what was compared."""
    done = run("check", "./copy", "file:assets")
    assert (0, "") == (done.code, done.out)
    assert done.err.startswith("compared ./copy with file:assets: 4 equal, in ")


def test_differences_exit_5_and_have_a_line_each(run: Run, copy: Path, store: AssetStore) -> None:
    """Each line says on which side, or which fact differs."""
    (copy / "maps/keep.webp").unlink()
    (copy / "notes.txt").write_bytes(b"the bytes of notes.TXT")
    (copy / "new.txt").write_bytes(b"new")
    store.upload(b"longer than it was", "maps/tower.png")
    done = run("check", "./copy", "file:assets")
    assert 5 == done.code
    assert {
        "only there    maps/keep.webp",
        "differs       maps/tower.png  (27 bytes here, 18 there)",
        "only here     new.txt",
        "differs       notes.txt  (the digests differ)",
    } == set(done.lines)
    assert "1 equal, 1 only here, 1 only there, 2 different, in " in done.err


def test_json_has_a_record_for_each_finding_and_one_at_the_end(run: Run, copy: Path) -> None:
    """Programs read states, facts and counts."""
    (copy / "new.txt").write_bytes(b"new")
    done = run("--json", "check", "./copy", "file:assets")
    counts = {"equal": 4, "only_source": 1, "only_destination": 0, "different": 0, "not_compared": 0}
    assert [
        {"key": "new.txt", "state": "only_source", "fact": None, "detail": ""},
        {"op": "check", "source": "./copy", "destination": "file:assets", **counts},
    ] == done.records


def test_what_could_not_be_compared_exits_7(run: Run, copy: Path) -> None:
    """"Nobody knows" is not "equal", and not "different" either; ``--size-only`` asks for less."""
    with open_store("file:by-hand") as store:
        store.upload(b"x", "made")
    Path("by-hand/made").unlink()
    for key in ("maps/deep/cave.webp", "maps/keep.webp", "maps/tower.png", "notes.txt"):
        path = Path("by-hand") / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes((copy / key).read_bytes())
    done = run("check", "file:assets", "file:by-hand")
    assert 7 == done.code
    assert "not compared  notes.txt  (no digest of one kind: sha256 here, none there)" in done.lines
    assert ": 0 equal, 4 not compared, in " in done.err
    assert 0 == run("check", "file:assets", "file:by-hand", "--download").code
    assert 0 == run("check", "file:assets", "file:by-hand", "--size-only").code


def test_missing_and_empty_sides_exit_3(run: Run, copy: Path) -> None:
    """A mistyped address is told as such; an empty side can be allowed."""
    done = run("check", "./cpoy", "file:assets")
    assert (3, "  why: the folder './cpoy' is missing") == (done.code, done.err.splitlines()[1])
    done = run("check", "./copy", "file:none")
    assert (3, "  next: correct the address, or allow it by --allow-empty") == (done.code, done.err.splitlines()[2])
    assert 5 == run("check", "./copy", "file:none", "--allow-empty").code


def test_excluded_keys_are_compared_on_neither_side(run: Run, copy: Path) -> None:
    """As in a sync."""
    (copy / "maps/keep.webp").unlink()
    (copy / "new.txt").write_bytes(b"new")
    done = run("check", "./copy", "file:assets", "--exclude", "keep.*", "--exclude", "new.txt", "-q")
    assert (0, "", "") == (done.code, done.out, done.err)
