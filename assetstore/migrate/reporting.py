"""Says how far a plan has come, what was not copied and why, and where each asset is now."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime

import attrs

from assetstore.errors import NotFoundError
from assetstore.migrate.documents import FailedAsset, Item, ShardRecord, shard_names
from assetstore.migrate.running import Shards
from assetstore.migrate.shards import Migration
from assetstore.migrate.work import PlanFolder, newest, open_work
from assetstore.store import AssetStore
from assetstore.sync import outages
from assetstore.sync.address import Address

RECENT = 100
"""So many shards that ended last tell the rate."""


@attrs.frozen(kw_only=True)
class Status:
    """How far the newest plan has come.

    Attributes:
        number: the number of the plan.
        shards: how many shards it has.
        done: shards that have a result.
        leased: shards that living processes hold.
        stale: shards whose process has given no sign of life for too long; a run does them again.
        left: shards that nobody has begun.
        objects: assets of the plan, those that cannot or must not be copied among them.
        copied: assets that were copied.
        present: assets that an interrupted run had copied.
        failed: assets that were not copied.
        bytes: bytes that were copied.
        total_bytes: the bytes of all assets to copy.
        objects_per_second: how fast the last shards were, all processes together; ``None`` before the first one.
        bytes_per_second: likewise.
        seconds_left: how long the rest takes at this rate.
    """

    number: int
    shards: int
    done: int
    leased: int
    stale: int
    left: int
    objects: int
    copied: int
    present: int
    failed: int
    bytes: int
    total_bytes: int
    objects_per_second: float | None
    bytes_per_second: float | None
    seconds_left: float | None


@outages.named("migrate")
def status(work: str | AssetStore) -> Status:
    """Return how far the newest plan has come.

    Raises:
        NotFoundError: there is no finished plan.
    """
    folder, plan = newest(open_work(work))
    shards = Shards.of(folder, plan)
    # Not the records themselves, which name every asset that failed.
    counts = {shard: _Counts.of(record) for shard, record in folder.results()}
    ended = sorted((info.last_modified, shard) for shard, info in folder.shards("results") if info.last_modified)
    rates = _rates([(moment, counts[shard]) for moment, shard in ended[-RECENT:] if shard in counts])
    copied, present = sum(one.copied for one in counts.values()), sum(one.present for one in counts.values())
    failed = sum(one.failed for one in counts.values())
    rest = plan.tally.planned - copied - present - failed
    return Status(
        number=plan.number,
        shards=plan.shards,
        done=len(shards.done),
        leased=len(shards.leased),
        stale=len(shards.stale),
        left=len(shards.free),
        objects=plan.tally.planned,
        copied=copied,
        present=present,
        failed=failed,
        bytes=sum(one.bytes for one in counts.values()),
        total_bytes=plan.tally.bytes,
        objects_per_second=rates and rates[0],
        bytes_per_second=rates and rates[1],
        seconds_left=0.0 if not rest else rest / rates[0] if rates else None,
    )


@attrs.frozen
class _Counts:
    copied: int
    present: int
    failed: int
    bytes: int
    seconds: float

    @classmethod
    def of(cls, record: ShardRecord) -> _Counts:
        return cls(record.copied, record.present, len(record.failed), record.bytes, record.seconds)


def _rates(recent: Sequence[tuple[datetime, _Counts]]) -> tuple[float, float] | None:
    """Return assets and bytes a second of the shards that ended last, by the clock of the store."""
    if not recent:
        return None
    began = min(moment.timestamp() - one.seconds for moment, one in recent)
    seconds = max(recent[-1][0].timestamp() - began, 0.001)
    done = sum(one.copied + one.present + one.failed for _, one in recent)
    return done / seconds, sum(one.bytes for _, one in recent) / seconds


def failed_assets(work: str | AssetStore) -> Iterator[FailedAsset]:
    """Yield the assets that the newest plan did not copy, in the order of their keys.

    Raises:
        NotFoundError: there is no finished plan.
    """
    folder, _ = newest(open_work(work))
    for _, record in folder.results():
        yield from record.failed


def links(
    work: str | AssetStore, *, source: str | AssetStore | None = None, destination: str | AssetStore | None = None
) -> Iterator[tuple[str, str]]:
    """Yield where each asset was and where it is now, for all that the plans of the work folder have copied.

    Each of the two is a public URL where the store has one, otherwise the key.

    Args:
        work: the work folder.
        source: the source, if the plan was made with a live object.
        destination: the destination, likewise.
    """
    migration = Migration(work, source, destination)
    _, plan = newest(open_work(work))
    name_old, name_new = (
        _namer(store, address)
        for store, address in zip(migration.stores(plan), (plan.source, plan.destination), strict=True)
    )
    return ((name_old(item.key), name_new(item.key)) for item in copied(open_work(work)))


def copied(work: AssetStore) -> Iterator[Item]:
    """Yield what the plans have copied, each key once, sorted."""
    return _merged(_copied_of(folder) for folder in reversed(PlanFolder.all_of(work)))


def planned(work: AssetStore) -> Iterator[Item]:
    """Yield what the plans want at the destination, each key once as the newest plan has it, sorted."""
    # What the newest plan leaves as it is at the destination is not what an older one wanted there.
    items = _merged(_planned_of(folder) for folder in reversed(PlanFolder.all_of(work)))
    return (item for item in items if item.problem is None)


def _merged(streams: Iterable[Iterator[Item]]) -> Iterator[Item]:
    # Of equal keys the first stream's comes first.
    for _, group in itertools.groupby(heapq.merge(*streams, key=_key), key=_key):
        yield next(group)


def _key(item: Item) -> str:
    return item.key


def _planned_of(folder: PlanFolder) -> Iterator[Item]:
    for shard in _shards_of(folder):
        yield from folder.items(shard)


def _copied_of(folder: PlanFolder) -> Iterator[Item]:
    for shard in _shards_of(folder):
        if (record := folder.result(shard)) is not None:
            failed = {one.key for one in record.failed}
            yield from (item for item in folder.items(shard) if item.key not in failed)


def _shards_of(folder: PlanFolder) -> list[str]:
    try:
        return shard_names(folder.plan())
    except NotFoundError:  # it is not finished
        return []


def _namer(store: AssetStore, address: str | None) -> Callable[[str], str]:
    if store.can("url"):
        return store.url
    return (Address.parse(address).folder if address else "").__add__
