"""Runs a plan: gives shards to an engine until each has a result. Any number of processes may do so at once."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from datetime import timedelta
from typing import cast

import attrs
import pluggy

from assetstore.errors import InvalidOptionError
from assetstore.migrate.documents import Plan, shard_names
from assetstore.migrate.engines import load_engine
from assetstore.migrate.hooks import EngineOptions
from assetstore.migrate.leases import BEATS, is_held
from assetstore.migrate.shards import Migration, ShardResult
from assetstore.migrate.work import PlanFolder, newest, open_work
from assetstore.results import AssetInfo
from assetstore.store import AssetStore
from assetstore.sync import outages

PATIENCE = 0.25
"""Seconds after which a run that waits for others looks again, and twice as long each further time."""


@attrs.define(kw_only=True)
class RunReport:
    """What one call of ``run`` did.

    Attributes:
        number: the number of the plan.
        shards: the shards of the plan.
        done: the shards that this call ran.
        left: the shards without a result; those may be leased by others.
        copied: assets that it copied.
        present: assets that an interrupted run had copied.
        failed: assets that it could not copy.
        failed_elsewhere: assets that other calls, earlier ones among them, could not copy.
        bytes: the bytes that it copied.
        seconds: how long it took.
    """

    number: int
    shards: int
    done: int = 0
    left: int = 0
    copied: int = 0
    present: int = 0
    failed: int = 0
    failed_elsewhere: int = 0
    bytes: int = 0
    seconds: float = 0.0

    def add(self, result: ShardResult) -> None:
        """Count a shard."""
        if result.state == "done":
            self.done += 1
            self.copied += result.copied
            self.present += result.present
            self.failed += result.failed
            self.bytes += result.bytes


@outages.named("migrate")
def run(
    work: str | AssetStore,
    *,
    engine: str | pluggy.HookRelay = "threads",
    source: str | AssetStore | None = None,
    destination: str | AssetStore | None = None,
    max_concurrency: int | None = None,
    skip_refused: bool = False,
    wait: bool = True,
    progress: Callable[[int, int], object] | None = None,
    on_result: Callable[[ShardResult], object] | None = None,
) -> RunReport:
    """Run the newest plan until each of its shards has a result; call it again after any interruption.

    Any number of processes may run one plan at once. A process that is killed loses nothing: another one, or the next run,
    repeats its shard after the time of the lease, and what was copied of it is found and not sent again.

    Args:
        work: the work folder: an address such as ``work:migrations/2026/``, or a store.
        engine: ``threads``, ``dask``, ``dask://host:8786``, or another installed engine.
        source: the source, if the plan was made with a live object.
        destination: the destination, likewise.
        max_concurrency: the most assets at once in one shard, from 1 to 1,024.
        skip_refused: run although the plan has keys that the destination cannot hold; they are reported as failed.
        wait: wait for the shards that other processes hold, and run those of processes that were killed.
        progress: called with a number of assets and of their bytes that are done since its last call.
        on_result: called with the result of each shard.

    Raises:
        NotFoundError: there is no finished plan.
        InvalidOptionError: the plan has refused keys, or a store is missing.
    """
    folder, plan = newest(open_work(work))
    _refuse_refused(plan, skip=skip_refused)
    migration = Migration.of(work, source, destination)
    migration.stores(plan)
    options = EngineOptions(max_concurrency=max_concurrency, progress=progress)
    hooks = load_engine(engine) if isinstance(engine, str) else engine
    patience, ran_here = PATIENCE, set[str]()
    report, began = RunReport(number=plan.number, shards=plan.shards), time.monotonic()
    while True:
        found = Shards.of(folder, plan)
        report.left = plan.shards - len(found.done)
        open_ = found.free + found.stale
        if not open_ and not (found.leased and wait):
            break
        if not open_:
            threading.Event().wait(patience)
            patience = min(2 * patience, plan.lease_seconds / BEATS)
            continue
        patience = PATIENCE
        # Two processes begin at different shards, so that they seldom meet.
        first = secrets.randbelow(len(open_))
        shards = map(folder.name, open_[first:] + open_[:first])
        with closing(results_of(hooks, shards, migration, options)) as results:
            for result in results:
                report.add(result)
                if result.state == "done":
                    ran_here.add(result.shard.rpartition("/")[2])
                if on_result is not None:
                    on_result(result)
    report.failed_elsewhere = _failed(folder, (shard for shard in found.done if shard not in ran_here))
    report.seconds = time.monotonic() - began
    return report


def _failed(folder: PlanFolder, shards: Iterable[str]) -> int:
    return sum(len(record.failed) for _, record in folder.results(shards))


def results_of(
    hooks: pluggy.HookRelay, shards: Iterator[str], migration: Migration, options: EngineOptions
) -> Generator[ShardResult, None, None]:
    """Yield the results of an engine; closing it closes the engine's own iterator."""
    yield from cast(
        "Iterator[ShardResult]", hooks.assetstore_run_shards(shards=shards, migration=migration, options=options)
    )


@attrs.frozen(kw_only=True)
class Shards:
    """The shards of a plan, by what becomes of them.

    Attributes:
        done: those that have a result.
        leased: those that living processes hold.
        stale: those whose process has given no sign of life for too long; they are run again.
        free: the others.
    """

    done: list[str]
    leased: list[str]
    stale: list[str]
    free: list[str]

    @classmethod
    def of(cls, folder: PlanFolder, plan: Plan) -> Shards:
        """Look at the work folder."""
        done = {shard for shard, _ in folder.shards("results")}
        newest = {shard: info for shard, info in sorted(folder.shards("leases"), key=_number) if shard not in done}
        written = {shard: info.last_modified for shard, info in newest.items() if is_held(info)}
        found: dict[str, list[str]] = {"done": [], "leased": [], "stale": [], "free": []}
        least = folder.now(f"shards-{secrets.token_hex(8)}") - timedelta(seconds=plan.lease_seconds) if written else None
        for shard in shard_names(plan):
            moment = written.get(shard)
            if shard in done:
                found["done"].append(shard)
            elif shard not in written:
                found["free"].append(shard)
            else:
                found["stale" if moment is None or (least is not None and moment <= least) else "leased"].append(shard)
        return cls(**found)


def _number(lease: tuple[str, AssetInfo]) -> int:
    return int(lease[1].key.rpartition(".")[2])


def _refuse_refused(plan: Plan, *, skip: bool) -> None:
    if plan.tally.refused and not skip:
        some = "; ".join(f"{key!r}: {why}" for key, why in plan.refusals[:3])
        problem = f"the destination cannot hold {plan.tally.refused:,} keys of the plan, for example {some}"
        raise InvalidOptionError(problem, hint="rename them, or leave them out by skip_refused (--skip-refused)")
