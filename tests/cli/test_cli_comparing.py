"""``assetstore check`` and ``assetstore verify``: what they print, and their exit codes."""

from __future__ import annotations

import json
import os
import re
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
    assert re.fullmatch(r"compared \./copy with file:assets in .+ s: 4 equal\n", done.err)


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
    assert done.err.endswith(" s: 1 equal, 1 only here, 1 only there, 2 different\n")


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
    assert done.err.endswith(" s: 0 equal, 4 not compared\n")
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


def damage(path: Path) -> None:
    """Change the bytes of a file as a disk does, which leaves its time."""
    status = path.stat()
    path.write_bytes(b"?" * status.st_size)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def test_a_sound_store_exits_0(run: Run, store: AssetStore) -> None:
    """One line says how much was read."""
    done = run("verify", "file:assets")
    assert (0, "") == (done.code, done.out)
    assert re.fullmatch(r"verified 108 B of file:assets in .+ s: 4 ok\n", done.err)


def test_a_damaged_asset_exits_5(run: Run, store: AssetStore, folder: Path) -> None:
    """It has a line with the reason, and those without a digest have one with ``-v``."""
    damage(folder / "assets/maps/keep.webp")
    (folder / "assets/by-hand.txt").write_bytes(b"made by hand")
    line = "damaged     maps/keep.webp  (the bytes do not match the stored sha256 digest)"
    done = run("verify", "file:assets")
    assert (5, [line]) == (done.code, done.lines)
    assert re.fullmatch(r"verified 120 B of file:assets in .+ s: 3 ok, 1 damaged, 1 without digest\n", done.err)
    assert ["no digest   by-hand.txt", line] == run("-s", "file:assets", "verify", "-v").lines


def test_assets_without_digest_exit_7(run: Run, store: AssetStore, folder: Path) -> None:
    """Nothing is damaged as far as anybody knows, which is not the same as sound."""
    (folder / "assets/by-hand.txt").write_bytes(b"made by hand")
    assert 7 == run("verify", "file:assets").code


def test_the_report_is_where_it_was_asked_for(run: Run, store: AssetStore, folder: Path) -> None:
    """A broken-off run says where it is, and the next one where it goes on."""
    done = run("verify", "file:assets", "--report", "all.jsonl")
    assert done.err.endswith(" s: 4 ok; report: all.jsonl\n")
    states = [json.loads(line)["state"] for line in (folder / "all.jsonl").read_text().splitlines()]
    assert ["ok"] * 4 == states
    lines = (folder / "all.jsonl").read_text().splitlines(keepends=True)
    (folder / "all.jsonl").unlink()
    (folder / "all.jsonl.part").write_text("".join(lines[:2]))
    assert "would read 2 assets, 49 B of file:assets, after maps/keep.webp\n" == run(
        "verify", "file:assets", "-n", "--report", "all.jsonl"
    ).err
    done = run("verify", "file:assets", "--report", "all.jsonl")
    assert done.err.endswith(" s: 4 ok; resumed after maps/keep.webp; report: all.jsonl\n")


def test_verify_writes_json(run: Run, store: AssetStore, folder: Path) -> None:
    """A record for each asset that is not ok, and one at the end."""
    damage(folder / "assets/notes.txt")
    *found, end = run("--json", "verify", "file:assets").records
    assert [("notes.txt", "damaged")] == [(record["key"], record["state"]) for record in found]
    counts = {"ok": 3, "damaged": 1, "no_digest": 0, "unreadable": 0, "size": 108}
    assert {"op": "verify", "store": "file:assets", **counts, "resumed_after": None, "report": None} == end


def test_a_dry_run_says_what_it_would_read(run: Run, store: AssetStore) -> None:
    """Nothing is read, and on this machine nothing costs anything."""
    assert "would read 4 assets, 108 B of file:assets\n" == run("verify", "file:assets", "-n").err
