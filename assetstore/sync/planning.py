"""Plans a sync: walks both sides to their ends, decides about every key, and refuses what must not be done."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import attrs

from assetstore.bulk.concurrency import Concurrency
from assetstore.bulk.pool import BulkResults
from assetstore.bulk.running import Running
from assetstore.bulk.work import Task
from assetstore.errors import AssetStoreError, InvalidKeyError, StoreNotFoundError
from assetstore.keys import Filter
from assetstore.results import AssetInfo, BulkResult
from assetstore.sync.compare import is_apart, is_newer
from assetstore.sync.decisions import NOTHING, Decider, Decision
from assetstore.sync.folder_index import FolderIndex
from assetstore.sync.merge import Pair, merge, noting
from assetstore.sync.options import (
    CHANGED,
    DELETED,
    KEPT,
    KINDS,
    NEW,
    Action,
    Counts,
    Failure,
    SyncOptions,
    SyncPlan,
    SyncRefusedError,
)
from assetstore.sync.outages import Outages, concerns_all
from assetstore.sync.pages import AT_ONCE, SPAN
from assetstore.sync.refusals import Refusals
from assetstore.sync.renames import Renames
from assetstore.sync.sides import FileInfo, FolderSide, Problem, Side, StoreSide, lies_below
from assetstore.sync.spool import Spool, Step


@attrs.define(eq=False)
class Planning:
    """The planning of one sync.

    Attributes:
        source: the source.
        destination: the destination.
        options: what was asked for.
        spool: gets the steps.
        index: the digests of the folder, where one side is one.
        compared: called with numbers of keys, as they are compared.
        listing: what the destination lists, where that was asked for before.
        unreadable: how many things are there and cannot be read or compared.
        errors: the first of them.
        unchanged: keys of which nothing is to be done.
        skipped: keys that differ and are left alone.
    """

    source: Side
    destination: Side
    options: SyncOptions
    spool: Spool
    index: FolderIndex | None
    compared: Callable[[int], object] | None = None
    listing: Iterator[AssetInfo] | None = None
    unreadable: int = 0
    errors: list[Failure] = attrs.field(factory=list)
    unchanged: int = 0
    skipped: int = 0
    decider: Decider = attrs.field(init=False)
    _refusals: Refusals = attrs.field(init=False)
    _filtering: Filter = attrs.field(init=False)
    _late: Filter = attrs.field(init=False)
    _unread: list[str] = attrs.field(factory=list)
    _here: int = 0
    _there: int = 0

    def __attrs_post_init__(self) -> None:
        self.decider = Decider(self.source, self.destination, self.options)
        self._refusals = Refusals(self.destination, self.spool)
        self._filtering = self.options.filtering
        self._late = Filter(include=self.options.last, ignore_case=self.options.ignore_case)

    def run(self) -> SyncPlan:
        """Plan.

        Raises:
            SyncRefusedError: it must not be done.
            AssetStoreError: a listing could not be read to its end.
        """
        here = self._walk(self.source)
        if self.listing is not None:
            here = itertools.chain(list(itertools.islice(here, AT_ONCE * SPAN)), here)  # while the pages are on their way
        pairs = merge(here, self._walk(self.destination))
        outages = Outages()
        with BulkResults(
            "sync",
            self._undecided(pairs),
            lambda pair: Task(pair[0].key, lambda: self.decider.look(*pair)),
            running=Running(),
            ordered=False,
            concurrency=Concurrency(self.options.max_concurrency),
            size=lambda _: 0,
        ) as results:
            for result in results:
                outages.note(result.error)
                self._looked(result)
        self._refuse()
        if self.options.renames:
            Renames(self.source, self.destination, self.spool, self.decider).find()
        self._refuse_deletions()
        return self._plan()

    def _plan(self) -> SyncPlan:
        totals = self.spool.totals()
        counts = {kind: totals.get(kind, (0, 0))[0] for kind in KINDS}
        return SyncPlan(
            source=self.source.name,
            destination=self.destination.name,
            counts=Counts(**counts, unchanged=self.unchanged, skipped=self.skipped),
            bytes=sum(totals.get(kind, (0, 0))[1] for kind in (NEW, CHANGED)),
            unreadable=tuple(self.errors),
        )

    def _walk(self, side: Side) -> Iterator[AssetInfo]:
        """Yield what the filter takes; neither unfinished direct uploads nor, for a folder, what marks folders."""
        is_source = side is self.source
        other = self.destination if is_source else self.source

        def problem(key: str, error: AssetStoreError) -> None:
            is_folder = not key or key.endswith("/")
            if not is_source and not is_folder:
                self._unread.append(key)  # no key below it can be written, whatever the filter says of the link itself
            if self._filtering.leaves_out(key) if is_folder else not self._filtering.takes(key):
                return
            if isinstance(error, InvalidKeyError):
                self._refusals.add(key, error.message)
            else:
                self._fail(key, error)
                if not is_source and is_folder:
                    self._unread.append(key)

        takes = self._filtering.takes if self.options.include or self.options.exclude else None
        try:
            for info in self._known(side, problem):
                if takes is not None and not takes(info.key):
                    continue
                if isinstance(side, StoreSide) and is_apart(info, isinstance(other, FolderSide)):
                    continue
                if is_source:
                    self._here += 1
                else:
                    self._there += 1
                yield info
        except StoreNotFoundError:
            # The first download makes the folder.
            if is_source or not isinstance(side, FolderSide) or side.folder.exists():
                raise

    def _known(self, side: Side, problem: Problem) -> Iterator[AssetInfo]:
        if self.index is None:
            return side.walk(problem)
        if isinstance(side, FolderSide):
            return self.index.known(side.walk(problem))
        return side.walk(problem) if self.listing is None else self.listing

    def _undecided(self, pairs: Iterable[Pair]) -> Iterator[tuple[AssetInfo, AssetInfo]]:
        """Decide about what the listings decide, and yield the other pairs."""
        for one, other in noting(pairs, self.compared):
            if one is None:
                assert other is not None
                self._refusals.look(other.key, valid=other.valid, written=False)
                self._only_there(other)
                continue
            self._refusals.look(one.key, valid=one.valid, written=True)
            if not one.valid:
                continue
            if other is None:
                self._only_here(one)
            elif self.options.skip_existing:
                self._count(one, other, self.decider.listed(one, other) or NOTHING)
            elif (decision := self.decider.listed(one, other)) is None:
                yield one, other
            else:
                self._count(one, other, decision)

    def _only_here(self, one: AssetInfo) -> None:
        if any(one.key == key or lies_below(one.key, key) for key in self._unread):
            error = InvalidKeyError("the destination has something else there that cannot be read", key=one.key)
            self._fail(one.key, error)
            return
        self._add(Action(kind=NEW, key=one.key, size=one.size), one)

    def _only_there(self, other: AssetInfo) -> None:
        if not self.options.delete and not self.options.renames:
            return
        action = Action(kind=DELETED, key=other.key, size=other.size)
        self.spool.add(_step(action, None, other), kept=not self.options.delete)

    def _looked(self, result: BulkResult[Decision]) -> None:
        one, other = result.item
        if concerns_all(result.error):
            result.result()
        if result.value is None:
            assert result.error is not None
            self._fail(one.key, result.error)
            return
        decision = result.value
        file = one if isinstance(one, FileInfo) else other
        if decision.digest is not None and isinstance(file, FileInfo) and self.index is not None:
            etag = (other if file is one else one).etag if decision.kind != CHANGED else None
            self.index.note(self.spool, file, decision.digest, etag)
        self._count(one, other, decision)

    def _count(self, one: AssetInfo, other: AssetInfo, decision: Decision) -> None:
        if decision.kind is None:
            self.unchanged += 1
        elif self.options.skip_existing or (self.options.update and is_newer(other, one)):
            self.skipped += 1
        else:
            action = Action(kind=decision.kind, key=one.key, size=one.size, fact=decision.fact)
            self._add(action, one, other, decision.headers)

    def _add(
        self, action: Action, one: AssetInfo, other: AssetInfo | None = None, headers: dict[str, Any] | None = None
    ) -> None:
        late = bool(self.options.last) and self._late.takes(one.key)
        step = _step(action, one, other)
        self.spool.add(attrs.evolve(step, headers=headers) if headers else step, late=late)

    def _fail(self, key: str, error: Exception) -> None:
        self.unreadable += 1
        if len(self.errors) < KEPT:
            self.errors.append(Failure(key=key, error=error))

    def _refuse(self) -> None:
        if self._refusals.found:
            refusals = tuple(self._refusals.found)
            first = "; ".join(f"{refusal.key!r}: {refusal.message}" for refusal in refusals[:3])
            more = f"; and {len(refusals) - 3:,} more" if len(refusals) > 3 else ""
            raise SyncRefusedError(
                f"{self.destination.name!r} cannot hold these keys: {first}{more}",
                refusals=refusals,
                hint="rename them, or leave them out by exclude",
            )
        if self._here or self.options.allow_empty:
            return
        if self.errors:
            raise self.errors[0].error
        raise SyncRefusedError(
            f"the source {self.source.name!r} has no asset",
            hint="correct the address or the globs, or allow it by allow_empty",
        )

    def _refuse_deletions(self) -> None:
        if not self.options.delete:
            return
        allowed, wanted = self.options.allowed_deletions(self._there), self.spool.lost()
        if allowed is not None and wanted > allowed:
            raise SyncRefusedError(
                f"the sync would delete {wanted:,} of {self._there:,} assets in {self.destination.name!r},"
                f" and max_delete allows {allowed:,}",
                hint="look at a dry run, and raise max_delete",
            )


def _step(action: Action, one: AssetInfo | None, other: AssetInfo | None) -> Step:
    file = one if isinstance(one, FileInfo) else other if isinstance(other, FileInfo) else None
    info = one or other
    assert info is not None
    return Step(
        action=action,
        path="" if file is None else file.path,
        stamp=None if file is None else file.stamp,
        modified=_seconds(one),
        etag=None if other is None else other.etag,
        written=_seconds(other),
        digest=info.digest,
        valid=info.valid,
    )


def _seconds(info: AssetInfo | None) -> float | None:
    return None if info is None or info.last_modified is None else info.last_modified.timestamp()
