"""Runs one shard: leases it, copies its assets, writes its result. Any process can, which knows the migration and a name."""

from __future__ import annotations

import functools
import os
import socket
import threading
import time
import uuid
from pathlib import Path
from typing import Literal, TypeAlias

import attrs

from assetstore.bulk.concurrency import Concurrency
from assetstore.bulk.pool import BulkResults
from assetstore.bulk.running import Running
from assetstore.bulk.work import Task
from assetstore.errors import (
    AccessDeniedError,
    AssetStoreError,
    CredentialsError,
    IntegrityError,
    InvalidOptionError,
    NoSpaceError,
    PluginError,
    StoreNotFoundError,
    UnavailableError,
    UnknownOutcomeError,
    without_users,
)
from assetstore.migrate.documents import FailedAsset, Item, Plan, ShardRecord
from assetstore.migrate.hooks import EngineOptions
from assetstore.migrate.items import Done, copy_item
from assetstore.migrate.leases import Lease
from assetstore.migrate.stores import named, opened
from assetstore.migrate.work import PlanFolder
from assetstore.results import BulkResult
from assetstore.store import AssetStore

ShardState: TypeAlias = Literal["done", "leased", "ended before"]

TRIES = 3
"""How often an asset is tried whose store could not be reached, or that was damaged on its way."""
AGAIN = (UnavailableError, UnknownOutcomeError, IntegrityError)
"""What may go well the next time."""
OUTAGE = 50
"""After so many in a row whose store could not be reached, or denied them, the run ends: it is not about these assets."""
_EVERY_SHARD = (CredentialsError, StoreNotFoundError, NoSpaceError, PluginError)
"""What concerns every asset: it ends the run, and the shard can be run again."""


@attrs.frozen
class Migration:
    """A migration, as an engine gives it to its workers. Pickled, it is the address of the work folder.

    Attributes:
        work: the work folder: an address, or a store.
        source: the source, where the plan does not name it because it is a live object.
        destination: the destination, likewise.
        folder: the relative paths of addresses start here.
    """

    work: str | AssetStore
    source: str | AssetStore | None = None
    destination: str | AssetStore | None = None
    folder: str = attrs.field(factory=lambda: str(Path.cwd()))

    @classmethod
    def of(
        cls, work: str | AssetStore, source: str | AssetStore | None, destination: str | AssetStore | None
    ) -> Migration:
        """Return a migration that other processes may have.

        Raises:
            InvalidOptionError: an address names no store, or holds a secret.
        """
        return cls(
            named(work, "the work folder", folder=True) or work,
            None if source is None else named(source, "the source") or source,
            None if destination is None else named(destination, "the destination") or destination,
        )

    def plan_folder(self, number: int) -> PlanFolder:
        """Return the folder of a plan."""
        return PlanFolder.of(opened(self.work, self.folder), number)

    def stores(self, plan: Plan) -> tuple[AssetStore, AssetStore]:
        """Return source and destination.

        Raises:
            InvalidOptionError: the plan does not name one of them, and it was not given.
            ConfigError: one of them cannot be opened.
        """
        return self._store("source", self.source, plan.source, plan), self._store(
            "destination", self.destination, plan.destination, plan
        )

    def _store(self, what: str, given: str | AssetStore | None, planned: str | None, plan: Plan) -> AssetStore:
        if given is not None:
            return opened(given, self.folder)
        if planned is None:
            problem = f"the plan was made with a live object as {what}, which must be passed again"
            raise InvalidOptionError(problem, hint=f"pass {what}=, or plan with a store's name")
        return opened(planned, plan.folder)

    def require_names(self) -> None:
        """Require that other processes can open the stores.

        Raises:
            InvalidOptionError: one of them is a live object.
        """
        for what, store in (("work folder", self.work), ("source", self.source), ("destination", self.destination)):
            if isinstance(store, AssetStore):
                problem = f"the {what} must be named for this engine, since workers open it themselves"
                raise InvalidOptionError(problem, hint="pass its address, or use the engine threads", store=store.name)


@attrs.frozen(kw_only=True)
class ShardResult:
    """How a shard ended.

    Attributes:
        shard: its name, for example ``0001/000012``.
        state: ``"done"``, ``"leased"`` while another process holds it, or ``"ended before"`` by another process.
        copied: assets that were copied.
        present: assets that an earlier run of the shard had copied.
        failed: assets that were not copied.
        bytes: bytes that were copied.
        seconds: how long it took.
    """

    shard: str
    state: ShardState
    copied: int = 0
    present: int = 0
    failed: int = 0
    bytes: int = 0
    seconds: float = 0.0


def run_shard(migration: Migration, shard: str, options: EngineOptions | None = None) -> ShardResult:
    """Run one shard, unless another process holds it or has done so.

    Args:
        migration: what it belongs to.
        shard: its name, for example ``0001/000012``.
        options: how to run it.

    Raises:
        AssetStoreError: what concerns every shard, for example missing credentials or an outage of a store. The shard is
            given back, and can be run again.
    """
    number, _, name = shard.partition("/")
    folder = migration.plan_folder(int(number))
    plan = _plan(migration, folder.number)
    owner = f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
    lease = Lease.take(folder, name, owner, plan.lease_seconds)
    if lease is None:
        return ShardResult(shard=shard, state="leased")
    with lease.beating(plan.lease_seconds):
        result = _known_result(folder, name, "ended before")
        if result is None:
            source, destination = migration.stores(plan)
            copying = Copying(source, destination, lease, options or EngineOptions())
            result = copying.run()
    if result is None:
        return ShardResult(shard=shard, state="leased")
    lease.clear()
    return result


@functools.lru_cache(maxsize=16)
def _plan(migration: Migration, number: int) -> Plan:
    return migration.plan_folder(number).plan()


def _known_result(folder: PlanFolder, shard: str, state: ShardState) -> ShardResult | None:
    record = folder.result(shard)
    if record is None:
        return None
    return ShardResult(
        shard=folder.name(shard),
        state=state,
        copied=record.copied,
        present=record.present,
        failed=len(record.failed),
        bytes=record.bytes,
        seconds=record.seconds,
    )


@attrs.define
class Learnt:
    """What the shards of one thread have learnt, which holds for its next shard too, however few assets that has.

    Attributes:
        concurrency: how much to do at once.
        refused: how many assets in a row could not reach their store, or were denied by the destination.
    """

    concurrency: Concurrency
    refused: int = 0

    def note(self, error: Exception | None, destination: AssetStore) -> None:
        """Take what became of the next asset. A source may well deny many assets in a row, all of one folder.

        Raises:
            UnavailableError: the last assets could not be reached, one and all.
            AccessDeniedError: the destination has denied them.
        """
        is_denied = isinstance(error, AccessDeniedError) and error.store == destination.name
        self.refused = self.refused + 1 if is_denied or isinstance(error, UnavailableError) else 0
        if self.refused == OUTAGE and error is not None:
            self.refused = 0
            raise error


@functools.lru_cache(maxsize=16)
def _learnt(most: int | None, process: int, thread: int) -> Learnt:
    return Learnt(Concurrency(most))


@attrs.define
class Copying:
    """The assets of one shard on their way.

    Attributes:
        source: the source.
        destination: the destination.
        lease: the lease of the shard.
        options: how to run it.
    """

    source: AssetStore
    destination: AssetStore
    lease: Lease
    options: EngineOptions
    _copied: int = 0
    _present: int = 0
    _bytes: int = 0
    _failed: list[tuple[Item, AssetStoreError]] = attrs.field(factory=list)

    def run(self) -> ShardResult | None:
        """Copy the assets and write the result; return ``None`` if another process has taken the shard meanwhile."""
        began = time.monotonic()
        items = self.lease.folder.items(self.lease.shard)
        for _ in range(TRIES):
            again = self._pass(items)
            if self.lease.lost:
                return None
            items = [item for item, _ in again]
            if not items:
                break
        self._failed += again
        record = ShardRecord(
            owner=self.lease.owner,
            copied=self._copied,
            present=self._present,
            bytes=self._bytes,
            seconds=round(time.monotonic() - began, 3),
            failed=tuple(_failed(item, error) for item, error in sorted(self._failed, key=lambda pair: pair[0].key)),
        )
        own = self.lease.folder.write_result(self.lease.shard, record)
        return _known_result(self.lease.folder, self.lease.shard, "done" if own else "ended before")

    def _pass(self, items: list[Item]) -> list[tuple[Item, AssetStoreError]]:
        """Copy assets; return those that may be tried again."""
        again: list[tuple[Item, AssetStoreError]] = []

        def plan(item: Item) -> Task[Done]:
            copy = functools.partial(copy_item, self.source, self.destination, item, repeated=self.lease.is_repeated)
            return Task(item.key, copy)

        learnt = _learnt(self.options.max_concurrency, os.getpid(), threading.get_ident())
        with BulkResults(
            "migrate",
            items,
            plan,
            running=Running(),
            ordered=False,
            concurrency=learnt.concurrency,
            size=lambda done: done.size,
        ) as results:
            for result in results:
                if self.lease.lost:
                    break
                learnt.note(result.error, self.destination)
                if isinstance(result.error, AGAIN):
                    again.append((result.item, result.error))
                else:
                    self._take(result)
        return again

    def _take(self, result: BulkResult[Done]) -> None:
        error, done = result.error, result.value
        if error is not None and (isinstance(error, _EVERY_SHARD) or not isinstance(error, AssetStoreError)):
            raise error
        if error is not None:
            self._failed.append((result.item, error))
        elif done is not None:
            self._copied += done.state == "copied"
            self._present += done.state == "present"
            self._bytes += done.size
        if self.options.progress is not None:
            self.options.progress(1, result.item.size)


def _failed(item: Item, error: AssetStoreError) -> FailedAsset:
    return FailedAsset(key=item.key, store=error.store, error=type(error).__name__, message=without_users(error.message))
