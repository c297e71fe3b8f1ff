"""Migrations between two stores: plan, run, and what comes in between."""

from __future__ import annotations

from pathlib import Path

import pytest

from assetstore import AssetStore, open_store
from assetstore.errors import NotFoundError
from assetstore.migrate import plan, run
from assetstore.testing import MemoryBackend


def memory(name: str) -> AssetStore:
    """Return an empty store."""
    return AssetStore(MemoryBackend(), name=name)


def filled(count: int) -> AssetStore:
    """Return a store with assets that have headers."""
    store = memory("old")
    for number in range(count):
        store.upload(b"%d" % number, f"maps/{number:03d}.txt", cache_control="max-age=5", metadata={"by": "gm"})
    return store


def test_a_run_copies_what_the_plan_found_with_its_headers() -> None:
    """Each asset arrives with bytes, headers and metadata; a second plan has nothing left."""
    old, new, work = filled(25), memory("new"), memory("work")
    made = plan(old, new, work, shard_keys=10)
    assert (3, 25) == (made.shards, made.tally.objects)
    report = run(work, source=old, destination=new)
    assert (3, 0, 25, 0) == (report.done, report.left, report.copied, report.failed)
    assert [info.key for info in old.list()] == [info.key for info in new.list()]
    assert [b"7", "max-age=5", {"by": "gm"}] == [
        new.read("maps/007.txt"), new.stat("maps/007.txt").cache_control, new.stat("maps/007.txt").metadata
    ]
    again = plan(old, new, work, shard_keys=10)
    assert (2, 0, 0, 25) == (again.number, again.shards, again.tally.objects, again.tally.equal)


def test_a_named_migration_runs_from_its_work_folder_alone(tmp_path: Path) -> None:
    """A plan of addresses names its stores, so another process needs nothing but the address of the work folder."""
    old = open_store(f"file://{tmp_path}/old")
    old.upload(b"abc", "maps/a.txt")
    made = plan(f"file://{tmp_path}/old", f"file://{tmp_path}/new", f"{tmp_path}/work")
    assert 1 == made.shards
    assert 1 == run(f"{tmp_path}/work").copied
    assert b"abc" == open_store(f"file://{tmp_path}/new").read("maps/a.txt")


def test_a_plan_that_is_not_finished_is_not_run() -> None:
    """``run`` refuses what a killed plan has left, and planning again goes on there."""
    old, new, work = filled(25), memory("new"), memory("work")

    def end(count: int) -> None:
        raise KeyboardInterrupt

    for number in range(25, 1100):
        old.upload(b"x", f"maps/{number:04d}.txt")
    with pytest.raises(KeyboardInterrupt):
        plan(old, new, work, shard_keys=10, progress=end)
    written = [info.key for info in work.list()]
    with pytest.raises(NotFoundError, match="the plan is not finished"):
        run(work, source=old, destination=new)
    made = plan(old, new, work, shard_keys=10)
    assert (1, 110, 1100) == (made.number, made.shards, made.tally.objects)
    assert written == [info.key for info in work.list()][: len(written)]
