"""``assetstore migrate``: what its commands print, and their exit codes."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from assetstore import AssetStore, open_store
from assetstore.cli.migrating import migrate_command
from assetstore.sync.verify_file import csv_line

if TYPE_CHECKING:
    from running import Run

SIDES = ("file:assets", "file:new")


@pytest.mark.parametrize("name", sorted(migrate_command.commands))
def test_each_command_has_help_with_an_example(run: Run, name: str) -> None:
    """Help names the command and ends in examples of it."""
    done = run("migrate", name, "--help")
    assert 0 == done.code
    assert f"assetstore migrate {name} work:migrations/2026/" in done.out or f"assetstore migrate {name} old:" in done.out


def test_a_migration_from_plan_to_verification(run: Run, store: AssetStore, folder: Path) -> None:
    """Each command has one closing line and exits 0; what was planned is at the destination."""
    done = run("migrate", "plan", *SIDES, "./work", "--shard-keys", "3", "--price", "A=4.5")
    assert 0 == done.code
    assert done.err.startswith("planned 4 assets, ")
    assert " in 2 shards from file:assets to file:new, in " in done.err
    assert "requests of class A" in done.err
    done = run("migrate", "run", "./work")
    assert (0, "") == (done.code, done.out)
    assert done.err.startswith("migrated 4 assets, ")
    assert ["shards\t2", "shards done\t2"] == run("migrate", "status", "./work").lines[:2]
    assert ["key,store,error,message"] == run("migrate", "report", "./work").lines
    done = run("migrate", "verify", "./work")
    assert (0, "") == (done.code, done.out)
    assert done.err.startswith("verified 4 assets in ")
    assert [info.key for info in store.list()] == [info.key for info in open_store("file:new").list()]


def test_links_say_where_each_asset_was_and_is(run: Run, store: AssetStore, folder: Path) -> None:
    """Without public URLs both are keys, whole ones."""
    run("migrate", "plan", *SIDES, "./work")
    run("migrate", "run", "./work")
    lines = run("migrate", "report", "./work", "--links").lines
    assert ["old,new", *(f"{info.key},{info.key}" for info in store.list())] == lines
    first = run("migrate", "report", "./work", "--links", "--json").records[0]
    assert {"old": lines[1].partition(",")[0], "new": lines[1].partition(",")[0]} == first


def test_what_failed_exits_5_and_is_reported(run: Run, store: AssetStore, folder: Path) -> None:
    """A run with failures says how many; ``report`` has a line for each, ``verify`` finds them missing."""
    run("migrate", "plan", *SIDES, "./work")
    key = next(iter(store.list())).key
    store.delete(key)
    done = run("migrate", "run", "./work")
    assert 5 == done.code
    assert done.err.rstrip().endswith(", 1 failed")
    done = run("migrate", "run", "./work")
    assert 5 == done.code
    assert done.err.rstrip().endswith("0 shards of 1, 1 failed in other runs")
    row = f"{key},file:assets,NotFoundError,there is no asset under this key"
    assert [row] == run("migrate", "report", "./work").lines[1:]
    assert key == run("migrate", "report", "./work", "--json").records[0]["key"]
    done = run("migrate", "verify", "./work")
    assert (5, [f"missing       {key}"]) == (done.code, done.lines)


@pytest.mark.parametrize("key", ["a\nb", "a\rb", 'a"b,c'])
def test_a_key_of_several_lines_is_one_cell(key: str) -> None:
    """Programs read back what was written, whatever keys a source has."""
    assert [[key, "x"]] == list(csv.reader(io.StringIO(csv_line((key, "x")) + "\n", newline="")))


def test_without_a_finished_plan_nothing_runs(run: Run, store: AssetStore, folder: Path) -> None:
    """The error says what to do next."""
    done = run("migrate", "run", "./work")
    assert 3 == done.code
    assert "next: make one by assetstore migrate plan" in done.err


def test_a_side_that_is_no_store_is_refused(run: Run, store: AssetStore, folder: Path) -> None:
    """A key or a path names no store, and an address with a password is not written down."""
    assert 2 == run("migrate", "plan", "maps/", "file:new", "./work").code
    assert 2 == run("migrate", "plan", "./assets", "file:new", "./work").code
    done = run("migrate", "plan", "s3://key:hunter2@localhost/old", "file:new", "./work")
    assert 2 == done.code
    assert "must hold no secret" in done.err
    assert "hunter2" not in done.err


def test_keys_that_the_destination_cannot_hold_are_shown_before_anything_runs(
    run: Run, store: AssetStore, folder: Path
) -> None:
    """The plan exits 5 and names each; a run must be told to leave them out."""
    long = f"file:new#{'d' * 1010}/"
    planned = run("migrate", "plan", "file:assets", long, "./work")
    assert 5 == planned.code
    assert {"refused"} == {line.partition(" ")[0] for line in planned.lines}
    done = run("migrate", "run", "./work")
    assert (2, True) == (done.code, f"cannot hold {len(planned.lines)} keys" in done.err)
    done = run("migrate", "run", "./work", "--skip-refused")
    assert (5, True) == (done.code, f", {len(planned.lines)} failed" in done.err)
