"""Compares every planned asset with what the destination has, in one walk over it and in flat memory."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Literal, TypeAlias

import attrs

from assetstore.bulk.concurrency import Concurrency
from assetstore.bulk.pool import BulkResults
from assetstore.bulk.running import Running
from assetstore.bulk.work import Task
from assetstore.errors import AssetStoreError
from assetstore.migrate.documents import SHARD_KEYS, packed
from assetstore.migrate.reporting import planned
from assetstore.migrate.shards import Migration
from assetstore.migrate.work import PlanFolder, newest, open_work
from assetstore.results import AssetInfo
from assetstore.store import AssetStore
from assetstore.sync import outages
from assetstore.sync.contents import Contents, NotComparable
from assetstore.sync.merge import Pair, merge_any_order, noting
from assetstore.sync.sides import StoreSide

State: TypeAlias = Literal["equal", "missing", "differs", "not_compared"]


@attrs.frozen(kw_only=True)
class Difference:
    """A planned asset that the destination does not have as it was planned.

    Attributes:
        key: its key.
        state: ``"missing"``, ``"differs"`` or ``"not_compared"``.
        detail: which fact differs, or why it could not be compared.
    """

    key: str
    state: State
    detail: str


@attrs.define(kw_only=True)
class Verification:
    """What ``verify`` found.

    Attributes:
        number: the number of the newest plan.
        equal: assets whose size and digest, or bytes, are those of the source.
        missing: assets that are not at the destination.
        differs: assets that differ.
        not_compared: assets that could not be read, or of which no digest of one kind is known; ``download`` compares these.
    """

    number: int
    equal: int = 0
    missing: int = 0
    differs: int = 0
    not_compared: int = 0

    @property
    def same(self) -> bool:
        """Whether every planned asset was compared and is equal."""
        return not (self.missing or self.differs or self.not_compared)


@outages.named("migrate")
def verify(
    work: str | AssetStore,
    *,
    source: str | AssetStore | None = None,
    destination: str | AssetStore | None = None,
    download: bool = False,
    max_concurrency: int | None = None,
    found: Callable[[Difference], object] | None = None,
    progress: Callable[[int], object] | None = None,
) -> Verification:
    """Compare every planned asset of all plans of the work folder with the destination, and write the result there.

    Sizes and digests of the plan are compared with those of the destination's listing; where they do not tell, both stores
    are asked for what they keep, which takes two requests. Times are never compared.

    Args:
        work: the work folder.
        source: the source, if the plan was made with a live object.
        destination: the destination, likewise.
        download: read every asset on both sides and compare the bytes.
        max_concurrency: the most assets to look at at once, from 1 to 1,024.
        found: called with each difference, roughly in the order of keys; what is missing comes last.
        progress: called with the number of assets that were compared since its last call.

    Raises:
        NotFoundError: there is no finished plan.
        AssetStoreError: the listing could not be read to its end.
    """
    store = open_work(work)
    folder, plan = newest(store)
    old, new = Migration(work, source, destination).stores(plan)
    contents = Contents(StoreSide(old, plan.source_name), StoreSide(new, plan.destination_name), download=download)
    verifying = _Verifying(folder, contents, found or (lambda _: None), progress)
    verifying.run(merge_any_order((item.as_info() for item in planned(store)), new.list()), max_concurrency)
    return verifying.result


@attrs.define
class _Verifying:
    """One verification.

    Attributes:
        folder: where the result is written to.
        contents: compares two assets of equal size.
        found: called with each difference.
        progress: called with numbers of assets.
        result: the result so far.
    """

    folder: PlanFolder
    contents: Contents
    found: Callable[[Difference], object]
    progress: Callable[[int], object] | None
    result: Verification = attrs.field(init=False)
    _page: list[Difference] = attrs.field(init=False, factory=list)
    _pages: int = attrs.field(init=False, default=0)

    def __attrs_post_init__(self) -> None:
        self.result = Verification(number=self.folder.number)

    def run(self, pairs: Iterator[Pair], max_concurrency: int | None) -> None:
        """Compare all, and write what differs, in pages, and the result."""
        self.folder.store.delete_many(self.folder.store.list("verified/"))
        with BulkResults(
            "verify",
            self._undecided(pairs),
            lambda pair: Task(pair[0].key, functools.partial(self._look, *pair)),
            running=Running(),
            ordered=False,
            concurrency=Concurrency(max_concurrency),
            size=lambda _: 0,
        ) as results:
            for result in results:
                self._note(str(result.key), *result.result())
        self._write_page()
        self._write("result.json.gz", self.result)

    def _undecided(self, pairs: Iterator[Pair]) -> Iterator[tuple[AssetInfo, AssetInfo]]:
        """Decide what the listings decide, and yield the other pairs."""
        for one, other in noting((pair for pair in pairs if pair[0] is not None), self.progress):
            assert one is not None
            if other is None:
                self._note(one.key, "missing", "")
            elif one.size != other.size:
                self._note(one.key, "differs", f"size: {one.size:,} bytes planned, {other.size:,} there")
            elif (equal := self.contents.listed(one, other)) is None:
                yield one, other
            else:
                self._note(one.key, "equal" if equal else "differs", "" if equal else "digest")

    def _look(self, one: AssetInfo, other: AssetInfo) -> tuple[State, str]:
        try:
            fact = self.contents.difference(one, other)
        except NotComparable as error:
            return "not_compared", str(error)
        except AssetStoreError as error:
            return "not_compared", error.message
        return ("equal", "") if fact is None else ("differs", ": ".join(fact))

    def _note(self, key: str, state: State, detail: str) -> None:
        setattr(self.result, state, getattr(self.result, state) + 1)
        if state != "equal":
            difference = Difference(key=key, state=state, detail=detail)
            self.found(difference)
            self._page.append(difference)
            if len(self._page) == SHARD_KEYS:
                self._write_page()

    def _write_page(self) -> None:
        if self._page:
            self._write(f"{self._pages:06d}.jsonl.gz", *self._page)
            self._page, self._pages = [], self._pages + 1

    def _write(self, name: str, *rows: attrs.AttrsInstance) -> None:
        self.folder.store.upload(packed(map(attrs.asdict, rows)), f"verified/{name}", content_type="application/gzip")
