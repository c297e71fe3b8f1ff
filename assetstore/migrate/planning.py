"""Plans a migration: walks both sides once and writes the sorted shards of what must be copied, in flat memory."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TypedDict

import attrs

from assetstore.errors import AlreadyExistsError, InvalidOptionError, NotFoundError
from assetstore.migrate.documents import LEASE_SECONDS, SHARD_BYTES, SHARD_KEYS, Item, Plan, Tally
from assetstore.migrate.leases import BEATS
from assetstore.migrate.pricing import PART, Rates, priced
from assetstore.migrate.stores import named, opened
from assetstore.migrate.work import PlanFolder, open_work, require_create_only
from assetstore.results import AssetInfo
from assetstore.store import AssetStore
from assetstore.sync import outages
from assetstore.sync.compare import difference, is_apart, is_newer, may_be_newer
from assetstore.sync.merge import UnorderedError, merge, noting
from assetstore.sync.sorting import sorted_on_disk

MAX_LEASE = 86_400
"""Seconds. Who waits longer for the shard of a process that was killed has forgotten it."""
EXAMPLES = 100
"""How many refused keys the plan itself shows; the manifests have all."""


class Settings(TypedDict):
    """What a plan depends on; an interrupted plan of other settings is not gone on with.

    Attributes:
        source: the address of the source, ``None`` for a live object.
        destination: that of the destination, likewise.
        keys: the most keys of a shard.
        newer: whether what is newer at the destination is copied over too.
        sorted: whether the listings are put in the order of keys; a plan finds out by itself that it must.
    """

    source: str | None
    destination: str | None
    keys: int
    newer: bool
    sorted: bool


@outages.named("migrate")
def plan(
    source: str | AssetStore,
    destination: str | AssetStore,
    work: str | AssetStore,
    *,
    shard_keys: int = SHARD_KEYS,
    lease_seconds: float = LEASE_SECONDS,
    overwrite_newer: bool = False,
    anew: bool = False,
    rates: Rates | None = None,
    prices: Mapping[str, float] | None = None,
    progress: Callable[[int], object] | None = None,
) -> Plan:
    """Compare both sides and write what must be copied into the work folder, as sorted shards.

    A plan that was interrupted goes on where it ended, if it is called with the same arguments. When the newest plan is
    finished, the next one has what is left and what has changed since: that is how to cut over. If a service lists in
    another order than that of keys, the plan begins anew and puts both listings in order in temporary files.

    Args:
        source: the store to copy from: an address such as ``old:maps/``, or a store.
        destination: the store to copy to, likewise.
        work: the work folder, in any store that can write only where nothing is.
        shard_keys: the most keys of a shard, from 1 to 10,000.
        lease_seconds: how long a shard stays leased after the last sign of life of its process; from 4 to 86,400.
        overwrite_newer: copy also over what is newer at the destination.
        anew: begin an interrupted plan from its start.
        rates: how fast a run is expected to be.
        prices: what a million requests of each class cost, and under ``out`` a GB that is read, for both stores; by default
            each store's own.
        progress: called with the number of keys that were walked since its last call.

    Raises:
        InvalidOptionError: an address names no store or holds a secret, or a number is out of its range.
        UnsupportedError: the store of the work folder, or the destination, cannot write only where nothing is.
        NotFoundError: the source has no assets.
        AlreadyExistsError: another process is planning in this work folder.
    """
    _require_in_range(shard_keys, lease_seconds)
    names = named(source, "the source"), named(destination, "the destination")
    sides, store = (opened(names[0] or source), opened(names[1] or destination)), open_work(work)
    require_create_only(sides[1], "the destination")
    _refuse_overlap(*sides, store)
    settings = Settings(source=names[0], destination=names[1], keys=shard_keys, newer=overwrite_newer, sorted=False)
    folder = _open_folder(store, settings, anew=anew)
    planning = Planning(*sides, folder=folder, settings=settings, progress=progress)
    try:
        planning.run()
    except UnorderedError:
        planning = planning.anew(store)
        planning.run()
    if not planning.tally.planned + planning.tally.equal:
        problem = "the source has no assets"
        raise NotFoundError(problem, hint="correct its address", op="migrate", store=names[0] or sides[0].name)
    made = Plan(
        number=planning.folder.number,
        source=names[0],
        destination=names[1],
        folder=str(Path.cwd()),
        source_name=names[0] or sides[0].name,
        destination_name=names[1] or sides[1].name,
        shards=planning.shards,
        tally=planning.tally,
        refusals=tuple(planning.refusals),
        lease_seconds=lease_seconds,
        **priced(planning.tally, planning.shards, sides, store, rates or Rates(), prices),
    )
    with _alone():
        planning.folder.write_plan(made)
    return made


def _require_in_range(shard_keys: int, lease_seconds: float) -> None:
    if not 1 <= shard_keys <= SHARD_KEYS:
        raise InvalidOptionError(f"shard_keys must be between 1 and {SHARD_KEYS:,}, got {shard_keys!r}")
    if not BEATS <= lease_seconds <= MAX_LEASE:  # R2 takes one write of a key in a second
        raise InvalidOptionError(f"lease_seconds must be between {BEATS} and {MAX_LEASE:,}, got {lease_seconds!r}")


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    try:
        yield
    except AlreadyExistsError as error:
        problem = "another process is planning in this work folder, or has just done so"
        raise AlreadyExistsError(problem, hint="use its plan", op="migrate", store=error.store) from error


def _refuse_overlap(source: AssetStore, destination: AssetStore, work: AssetStore) -> None:
    """Refuse parts of one store of which one lies in the other: a migration would copy its own copies, or documents.

    Raises:
        InvalidOptionError: they do.
    """
    pairs = ((source, destination, "source and destination"), (source, work, "source and work folder"))
    for one, other, what in (*pairs, (destination, work, "destination and work folder")):
        if one._overlaps(other):  # noqa: SLF001 - only stores know their places
            problem = f"{what} must not lie in one another"
            raise InvalidOptionError(problem, hint="choose folders beside each other, or another store", store=one.name)


def _open_folder(work: AssetStore, settings: Settings, *, anew: bool) -> PlanFolder:
    """Return the folder of the interrupted plan, if it was made with these settings, or that of a new one."""
    folders = PlanFolder.all_of(work)
    if not folders:
        return PlanFolder.of(work, 1)
    folder = folders[-1]
    try:
        folder.plan()
    except NotFoundError:
        # What is not gone on with stays: its process may be alive, and nobody runs a plan that is not finished.
        first = next(folder.store.list("manifests/", limit=1), None)
        if not anew and (first is None or {**folder.head("000000")["settings"], "sorted": False} == settings):
            return folder
    return PlanFolder.of(work, folder.number + 1)


@attrs.define(kw_only=True)
class Planning:
    """A plan that is being made.

    Attributes:
        source: the source.
        destination: the destination.
        folder: where it is written to.
        settings: what the plan depends on; one of other settings is not gone on with.
        progress: called with the number of keys that were walked.
        shards: how many were written.
        refusals: the first keys that the destination cannot hold, and why.
    """

    source: AssetStore = attrs.field(kw_only=False)
    destination: AssetStore = attrs.field(kw_only=False)
    folder: PlanFolder
    settings: Settings
    progress: Callable[[int], object] | None
    shards: int = 0
    refusals: list[tuple[str, str]] = attrs.field(factory=list)
    _counts: dict[str, int] = attrs.field(init=False, factory=lambda: attrs.asdict(Tally()))
    _last: str = attrs.field(init=False, default="")
    """The last key that was walked, which the last shard need not have."""

    def run(self) -> None:
        """Walk both sides to their ends, from where an interrupted plan has come to."""
        last = self._resume()
        items: list[Item] = []
        keys, size = self.settings["keys"], 0
        pairs = merge(self._listed(self.source, last), self._listed(self.destination, last))
        for one, other in noting(pairs, self.progress):
            self._last = one.key if one is not None else other.key if other is not None else ""
            if (item := self._decide(one, other)) is not None:
                items.append(item)
                size += item.size
                if len(items) == keys or size >= SHARD_BYTES:
                    self._write(items)
                    items, size = [], 0
        if items:
            self._write(items)

    def anew(self, work: AssetStore) -> Planning:
        """Return a plan that puts the listings in order; shards that this one wrote may be wrong, and stay in its folder."""
        folder = PlanFolder.of(work, self.folder.number + 1) if self.shards else self.folder
        return Planning(
            self.source, self.destination, folder=folder, settings={**self.settings, "sorted": True}, progress=self.progress
        )

    def _listed(self, store: AssetStore, last: str | None) -> Iterator[AssetInfo]:
        if not self.settings["sorted"]:
            return store.list(start_after=last)
        return sorted_on_disk(info for info in store.list() if last is None or info.key > last)

    def _resume(self) -> str | None:
        """Take over what an interrupted plan has written; return the last key that it has counted."""
        for _ in self.folder.shards("manifests"):
            self.shards += 1
        if not self.shards:
            return None
        names = [f"{number:06d}" for number in range(self.shards)]
        head = self.folder.head(names[-1])
        self.settings["sorted"] = head["settings"].get("sorted", False)
        self._counts.update(head["tally"])
        for name in names if self._counts["refused"] else ():
            if len(self.refusals) < EXAMPLES:
                self._remember(self.folder.items(name))
        return str(head["last"])

    def _decide(self, one: AssetInfo | None, other: AssetInfo | None) -> Item | None:
        """Return what is to be done about a key, if anything is."""
        counts = self._counts
        if one is None:
            counts["extra"] += other is not None and not is_apart(other, beside_folder=False)
            return None
        if is_apart(one, beside_folder=False):
            return None
        problem = self.destination._problem_of(one.key)  # noqa: SLF001 - only stores know their scopes
        if problem is not None:
            counts["refused"] += 1
            return _item(one, None, problem=problem)
        if other is None:
            return self._count(_item(one, None))
        if difference(one, other) is None:
            headers = may_be_newer(one, other)
            counts["headers" if headers else "equal"] += 1
            return _item(one, other, headers=True) if headers else None
        if not self.settings["newer"] and is_newer(other, one):
            counts["newer"] += 1
            return _item(one, other, problem="the destination has a newer version, which was kept", kept=True)
        return self._count(_item(one, other))

    def _count(self, item: Item) -> Item:
        counts = self._counts
        counts["objects"] += 1
        counts["bytes"] += item.size
        if item.size > PART:
            counts["large"] += 1
            counts["parts"] += -(-item.size // PART)
        return item

    def _write(self, items: list[Item]) -> None:
        self._remember(items)
        head = {"settings": self.settings, "tally": self._counts, "last": self._last}
        with _alone():
            self.folder.write_manifest(f"{self.shards:06d}", head, items)
        self.shards += 1

    def _remember(self, items: list[Item]) -> None:
        for item in items:
            if item.problem is not None and not item.kept and len(self.refusals) < EXAMPLES:
                self.refusals.append((item.key, item.problem))

    @property
    def tally(self) -> Tally:
        """What was found so far."""
        return Tally(**self._counts)


def _item(
    one: AssetInfo, other: AssetInfo | None, *, problem: str | None = None, kept: bool = False, headers: bool = False
) -> Item:
    return Item(
        key=one.key,
        size=one.size,
        etag=one.etag,
        digest=one.digest,
        modified=one.last_modified,
        replaces=None if other is None else other.etag or "",
        problem=problem,
        kept=kept,
        headers=headers,
    )
