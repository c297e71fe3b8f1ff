"""Leases: any interleaving of workers, crashes and the clock of the store."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
from hypothesis import given, settings
from hypothesis import strategies as st

from assetstore import AssetInfo, AssetStore
from assetstore.migrate.documents import ShardRecord
from assetstore.migrate.leases import Lease
from assetstore.migrate.work import PlanFolder
from assetstore.testing import MemoryBackend

SECONDS = 60
SHARD = "000000"
WORKERS = 3


@attrs.define(eq=False, kw_only=True)
class Clocked(MemoryBackend):
    """A store with a clock of its own, which has nothing to do with this machine's."""

    now: datetime = datetime(1999, 1, 1, tzinfo=UTC)

    def _write(self, key: str, data: bytes, headers: dict[str, Any], **conditions: Any) -> AssetInfo:
        info = attrs.evolve(super()._write(key, data, headers, **conditions), last_modified=self.now)
        self._assets[key] = info, data
        return info


def record(owner: str) -> ShardRecord:
    """Return a result that tells its worker."""
    return ShardRecord(owner=owner, copied=1, present=0, bytes=1, seconds=1.0)


@attrs.define
class World:
    """A shard, its workers and the clock."""

    backend: Clocked = attrs.field(factory=Clocked)
    folder: PlanFolder = attrs.field(init=False)
    leases: dict[int, Lease] = attrs.field(factory=dict)
    beaten: dict[int, datetime] = attrs.field(factory=dict)
    result: ShardRecord | None = None

    def __attrs_post_init__(self) -> None:
        self.folder = PlanFolder(AssetStore(self.backend), 1)

    def alive(self, worker: int) -> bool:
        """Return whether a worker holds the shard, which has not ended, and has given a sign of life in time."""
        held = self.result is None and worker in self.leases and not self.leases[worker].lost
        return held and self.backend.now - self.beaten[worker] < timedelta(seconds=SECONDS)

    def take(self, worker: int) -> None:
        """Let a worker ask for the shard; it must not get what a living one holds."""
        others = [other for other in range(WORKERS) if other != worker and self.alive(other)]
        if worker in self.leases:
            return
        lease = Lease.take(self.folder, SHARD, f"worker {worker}", SECONDS)
        if lease is not None:
            assert [] == others
            self.leases[worker], self.beaten[worker] = lease, self.backend.now

    def beat(self, worker: int) -> None:
        """Let a worker give a sign of life; who was alive has lost nothing."""
        if worker in self.leases:
            was_alive = self.alive(worker)
            self.leases[worker].beat()
            assert not (was_alive and self.leases[worker].lost)
            self.beaten[worker] = self.backend.now

    def crash(self, worker: int) -> None:
        """Let a worker disappear without a word."""
        self.leases.pop(worker, None)

    def give_back(self, worker: int) -> None:
        """Let a worker end in order."""
        if (lease := self.leases.pop(worker, None)) is not None:
            lease.give_back()

    def finish(self, worker: int) -> None:
        """Let a worker write its result, whether or not it still holds the shard; the first one counts for ever."""
        if (lease := self.leases.pop(worker, None)) is not None:
            own = self.folder.write_result(SHARD, record(f"worker {worker}"))
            assert own is (self.result is None)
            self.result = self.result or record(f"worker {worker}")
            lease.clear()
        assert self.result == self.folder.result(SHARD)

    def wait(self, seconds: int) -> None:
        """Let time pass at the store."""
        self.backend.now += timedelta(seconds=seconds)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["take", "beat", "crash", "give_back", "finish"]), st.integers(0, WORKERS - 1)),
        st.tuples(st.just("wait"), st.integers(1, 2 * SECONDS)),
    ),
    max_size=40,
)


@settings(max_examples=300, deadline=None)
@given(steps=STEPS)
def test_a_shard_is_never_lost_nor_ends_twice(steps: list[tuple[str, int]]) -> None:
    """No living holder loses its shard, the first result stays, and after the time of a lease anybody can go on."""
    world = World()
    for name, argument in steps:
        getattr(world, name)(argument)
    assert world.result == world.folder.result(SHARD)
    if world.result is None:
        world.wait(SECONDS)
        lease = Lease.take(world.folder, SHARD, "the last", SECONDS)
        assert lease is not None
        assert world.folder.write_result(SHARD, record("the last"))


def test_what_is_given_back_is_free_at_once_and_counts_as_repeated() -> None:
    """The next worker need not wait, and knows that a part may be done."""
    folder = World().folder
    first = Lease.take(folder, SHARD, "a", SECONDS)
    assert first is not None
    assert Lease.take(folder, SHARD, "b", SECONDS) is None
    first.give_back()
    second = Lease.take(folder, SHARD, "b", SECONDS)
    assert second is not None
    assert (False, True) == (first.is_repeated, second.is_repeated)
