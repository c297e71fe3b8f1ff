"""The engine of migrations that runs on Dask, with a scheduler and a worker in this process."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from assetstore import AssetStore, open_store
from assetstore.errors import ConfigError, InvalidOptionError, PluginError, UnavailableError
from assetstore.migrate import Migration, failed_assets, plan, run, verify
from assetstore.plugin import AssetStream, ReadOptions, hookimpl
from assetstore.testing import MemoryBackend
from assetstore.testing.engines import check_engine

distributed = pytest.importorskip("distributed")

from assetstore_dask import Dask, engine  # noqa: E402
from assetstore_dask.tasks import run_one  # noqa: E402

OPTIONS = {"processes": False, "dashboard_address": "127.0.0.1:0", "protocol": "tcp"}


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Give the address of a scheduler with one worker."""
    with distributed.LocalCluster(n_workers=1, threads_per_worker=2, **OPTIONS) as cluster:
        yield f"dask:{cluster.scheduler_address}"


class Leaving(MemoryBackend):
    """Ends the process when it is read."""

    @hookimpl
    def assetstore_read(self, key: str, options: ReadOptions) -> AssetStream:
        """Call ``sys.exit``."""
        sys.exit(3)


def filled(folder: Path, count: int) -> AssetStore:
    """Return a store of small assets, whose last one differs from what its name says."""
    store = open_store(f"file://{folder}/old")
    for number in range(count):
        store.upload(b"%d" % number, f"maps/{number:03d}.txt")
    return store


def test_shards_run_on_the_workers_and_each_result_comes_once(address: str, tmp_path: Path) -> None:
    """All assets arrive; what a worker could not copy is reported, and the others go on."""
    old = filled(tmp_path, 45)
    made = plan(f"file://{tmp_path}/old", f"file://{tmp_path}/new", f"{tmp_path}/work", shard_keys=5)
    old.upload(b"changed", "maps/007.txt")
    seen: list[str] = []
    report = run(f"{tmp_path}/work", engine=address, on_result=lambda result: seen.append(result.shard))
    assert (9, 44, 1, 0) == (report.done, report.copied, report.failed, report.left)
    assert [f"0001/{number:06d}" for number in range(made.shards)] == sorted(seen)
    assert ["maps/007.txt"] == [one.key for one in failed_assets(f"{tmp_path}/work")]
    assert 44 == sum(1 for _ in open_store(f"file://{tmp_path}/new").list())


def test_the_engine_keeps_what_every_engine_promises(address: str) -> None:
    """The test kit for engines finds nothing."""
    check_engine(Dask(address))


@pytest.mark.parametrize("store", ["work", "old"])
def test_a_plugin_that_exits_does_not_take_the_worker_with_it(store: str) -> None:
    """Dask takes a task that raises SystemExit for a dead worker, so a task never does, whichever store it comes from."""
    old, new, work = (AssetStore(MemoryBackend(), name=name) for name in ("old", "new", "work"))
    old.upload(b"x", "a.txt")
    plan(old, new, work)
    leaving = {"old": old, "work": work} | {store: AssetStore(Leaving(), name=store)}
    with pytest.raises(PluginError, match="SystemExit"):
        run_one(Migration(leaving["work"], leaving["old"], new), "0001/000000", None)


def test_a_task_is_not_bigger_than_a_name_and_an_address(tmp_path: Path) -> None:
    """What a task carries does not grow with the migration: some hundred bytes."""
    migration = Migration(f"{tmp_path}/work")
    assert len(pickle.dumps((run_one, (migration, "0001/000012", None)))) < 400 + len(str(tmp_path))


def test_few_shards_are_in_hand_at_once(address: str, tmp_path: Path) -> None:
    """No more shards are taken than the threads of the workers have in hand, so a plan of any length takes no memory."""
    filled(tmp_path, 40)
    plan(f"file://{tmp_path}/old", f"file://{tmp_path}/new", f"{tmp_path}/work", shard_keys=2)
    taken: list[str] = []
    shards = (taken.append(name) or name for name in (f"0001/{number:06d}" for number in range(20)))
    results = Dask(address).assetstore_run_shards(shards, Migration(f"{tmp_path}/work"), engine.EngineOptions())
    for count, _ in enumerate(results, 1):
        assert len(taken) <= count + 2 * engine.PER_THREAD
    assert 20 == len(taken)


def test_a_live_store_is_refused(tmp_path: Path) -> None:
    """Workers open stores by name, so a store that exists in this process alone cannot be migrated by them."""
    old, new = AssetStore(MemoryBackend(), name="old"), AssetStore(MemoryBackend(), name="new")
    old.upload(b"x", "a.txt")
    plan(old, new, f"{tmp_path}/work")
    with pytest.raises(InvalidOptionError, match="the source must be named for this engine"):
        run(f"{tmp_path}/work", engine="dask", source=old, destination=new)


def test_a_worker_without_a_store_is_named_before_anything_is_copied(
    address: str, tmp_path: Path
) -> None:
    """The stores are tried on every worker; what one lacks ends the run, and no shard is leased."""
    filled(tmp_path, 3)
    plan(f"file://{tmp_path}/old", f"file://{tmp_path}/new", f"{tmp_path}/work")
    migration = Migration(f"{tmp_path}/work", source="missing:")
    with pytest.raises(ConfigError, match=r"the worker tcp://.* cannot use the stores: .*missing"):
        list(Dask(address).assetstore_run_shards(iter(["0001/000000"]), migration, engine.EngineOptions()))
    assert [] == list(open_store(f"file://{tmp_path}/work").list("0001/leases/"))


def test_what_a_worker_that_came_later_lacks_is_a_clear_error(address: str, tmp_path: Path) -> None:
    """It was not there when the stores were tried, and what it raises may be anything."""
    filled(tmp_path, 3)
    plan(f"file://{tmp_path}/old", f"file://{tmp_path}/new", f"{tmp_path}/work")
    shards = iter(["0001/000000", "no number"])
    with pytest.raises(PluginError, match="a worker cannot run the shard no number: ValueError"):
        list(Dask(address).assetstore_run_shards(shards, Migration(f"{tmp_path}/work"), engine.EngineOptions()))


def test_a_scheduler_that_does_not_answer_is_a_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The address is named, and nothing has happened."""
    filled(tmp_path, 3)
    plan(f"file://{tmp_path}/old", f"file://{tmp_path}/new", f"{tmp_path}/work")
    monkeypatch.setattr(engine, "CONNECT_SECONDS", 1)
    with pytest.raises(UnavailableError, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:1"):
        run(f"{tmp_path}/work", engine="dask://127.0.0.1:1")


def test_after_a_lost_scheduler_the_run_goes_on_anew(tmp_path: Path) -> None:
    """The end of a scheduler in the middle of a run is a clear error, and another run does what is left."""
    filled(tmp_path, 40)
    plan(f"file://{tmp_path}/old", f"file://{tmp_path}/new", f"{tmp_path}/work", shard_keys=1, lease_seconds=4)
    cluster = distributed.LocalCluster(n_workers=1, threads_per_worker=1, **OPTIONS)
    with pytest.raises(UnavailableError, match="the Dask scheduler was lost"):
        run(f"{tmp_path}/work", engine=f"dask:{cluster.scheduler_address}", on_result=lambda _: cluster.close())
    report = run(f"{tmp_path}/work")
    assert 0 == report.left
    assert 40 == sum(1 for _ in open_store(f"file://{tmp_path}/new").list())
    assert verify(f"{tmp_path}/work").same


@pytest.mark.parametrize("text", ["dask:0", "dask:-1", "dask:many", "dask:host:8786"])
def test_what_is_neither_a_number_nor_an_address_is_refused(text: str) -> None:
    """A scheduler's address has ``//``, as Dask's own have."""
    with pytest.raises(InvalidOptionError, match="the engine must be dask, dask:N or dask://host:8786"):
        Dask(text)


@pytest.mark.parametrize(
    ("text", "address", "processes"),
    [
        ("dask", None, None),
        ("dask:4", None, 4),
        ("dask://host:8786", "tcp://host:8786", None),
        ("dask:tls://host:8786", "tls://host:8786", None),
    ],
)
def test_the_text_of_the_engine_says_where_it_runs(text: str, address: str | None, processes: int | None) -> None:
    """A cluster of this machine, or a scheduler."""
    assert (address, processes) == (Dask(text).address, Dask(text).processes)
