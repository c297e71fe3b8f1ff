"""``check``: compares two sides asset by asset, and changes nothing."""

from __future__ import annotations

import contextlib
import os
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, TypeAlias

import attrs

from assetstore.bulk.concurrency import Concurrency
from assetstore.bulk.pool import BulkResults
from assetstore.bulk.running import Running
from assetstore.bulk.work import Task
from assetstore.errors import AssetStoreError, InvalidOptionError, NotFoundError
from assetstore.keys import Filter
from assetstore.results import AssetInfo, BulkResult
from assetstore.store import AssetStore
from assetstore.sync.compare import is_apart
from assetstore.sync.contents import DIGESTS, Contents, Fact, NotComparable, sizes
from assetstore.sync.merge import Pair, merge_any_order, noting
from assetstore.sync.outages import Outages, concerns_all, named, reason
from assetstore.sync.sides import FolderSide, Side, StoreSide, lies_below, open_side, require_a_store

State: TypeAlias = Literal["only_source", "only_destination", "differs", "not_compared"]
ONLY_SOURCE: State = "only_source"
ONLY_DESTINATION: State = "only_destination"
KEPT = 1000
"""So many findings a report keeps; ``found`` is called with every one."""


@attrs.frozen(kw_only=True)
class Finding:
    """An asset that the two sides do not have alike, or that could not be compared.

    Attributes:
        key: its key below both sides.
        state: ``only_source``, ``only_destination``, ``differs`` or ``not_compared``.
        fact: what differs: ``size``, ``digest``, ``bytes`` or ``headers``; ``None`` for the other states.
        detail: the same in a few words for people; may be empty.
    """

    key: str
    state: State
    fact: Fact | None = None
    detail: str = ""


@attrs.frozen(kw_only=True)
class CompareReport:
    """What ``check`` found.

    Attributes:
        source: the name of the source.
        destination: the name of the destination.
        equal: assets that both sides have alike.
        only_source: assets that the destination lacks.
        only_destination: assets that the source lacks.
        different: assets that differ.
        not_compared: assets of which nobody knows, because nothing tells or something could not be read.
        findings: the first 1,000 of all that are not equal.
    """

    source: str
    destination: str
    equal: int
    only_source: int
    only_destination: int
    different: int
    not_compared: int
    findings: tuple[Finding, ...] = attrs.field(repr=False)

    @property
    def differences(self) -> int:
        """How many assets differ or are on one side alone."""
        return self.only_source + self.only_destination + self.different

    @property
    def same(self) -> bool:
        """Whether every asset was compared and is equal."""
        return not self.differences and not self.not_compared


def check(
    source: str | Path | AssetStore | Side,
    destination: str | Path | AssetStore | Side,
    *,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    ignore_case: bool = False,
    download: bool = False,
    size_only: bool = False,
    headers: bool = False,
    allow_empty: bool = False,
    max_concurrency: int | None = None,
    found: Callable[[Finding], object] | None = None,
    progress: Callable[[int], object] | None = None,
) -> CompareReport:
    """Compare two stores or folders asset by asset, in memory that does not grow with them. Nothing is changed.

    Sizes come first. Then digests of one kind: those in the listings, otherwise those that both stores keep, which takes a
    request for each side; a file of a folder is read. What no digest tells is counted as not compared, never as equal. Times
    are never compared.

    Args:
        source: an address, the path of a folder, or a store.
        destination: likewise.
        include: globs, of which one must match; without any, all assets are compared.
        exclude: globs of assets to leave out, on both sides.
        ignore_case: whether globs ignore upper and lower case.
        download: compares the bytes, which reads both sides whole.
        size_only: compares sizes alone.
        headers: compares headers and metadata too, of stores.
        allow_empty: whether a side may have no asset at all.
        max_concurrency: the most assets to look at at once, from 1 to 1,024.
        found: called with each finding, roughly in the order of keys; what one side alone has comes last, when both are
            listed to their ends.
        progress: called with the number of keys compared since its last call.

    Raises:
        NotFoundError: a side is missing or has no asset, or the globs leave nothing.
        InvalidOptionError: the options contradict one another.
        AssetStoreError: a listing could not be read to its end.
    """
    with named("check"), contextlib.ExitStack() as exits:
        sides = open_side(source, exits), open_side(destination, exits)
        _require_sense(sides, download=download, size_only=size_only, headers=headers)
        comparison = Comparison(
            *sides,
            Filter(include=include, exclude=exclude, ignore_case=ignore_case),
            contents=None if size_only else Contents(*sides, download=download, headers=headers),
            found=found,
            progress=progress,
        )
        comparison.run(max_concurrency, allow_empty=allow_empty)
        return comparison.report()


def _require_sense(sides: tuple[Side, Side], *, download: bool, size_only: bool, headers: bool) -> None:
    if size_only and (download or headers):
        hint = "leave out size_only, or the others"
        raise InvalidOptionError("size_only compares sizes alone, and not bytes or headers", hint=hint)
    folders = [side.name for side in sides if isinstance(side, FolderSide)]
    if headers and folders:
        raise InvalidOptionError(f"the folder {folders[0]!r} has no headers to compare", hint="leave out headers")
    require_a_store(*sides, "diff -r")


@attrs.define(eq=False)
class Comparison:
    """One run of ``check``.

    Attributes:
        source: the first side.
        destination: the second side.
        filtering: says which keys are compared.
        contents: compares pairs of equal size; ``None`` when the size is all.
        found: is called with each finding.
        progress: is called with numbers of keys.
        counts: how many keys have each state.
        equal: how many keys have none.
        kept: the first findings.
    """

    source: Side
    destination: Side
    filtering: Filter
    contents: Contents | None
    found: Callable[[Finding], object] | None = None
    progress: Callable[[int], object] | None = None
    counts: dict[State, int] = attrs.field(
        factory=lambda: {"only_source": 0, "only_destination": 0, "differs": 0, "not_compared": 0}
    )
    equal: int = 0
    kept: list[Finding] = attrs.field(factory=list)
    _unread: dict[str, list[str]] = attrs.field(factory=lambda: {"source": [], "destination": []})

    def run(self, max_concurrency: int | None, *, allow_empty: bool) -> None:
        """Compare all.

        Raises:
            NotFoundError: a side has no asset, or the filter leaves nothing.
        """
        pairs = merge_any_order(
            self._walk(self.source, "source", isinstance(self.destination, FolderSide), allow_empty=allow_empty),
            self._walk(self.destination, "destination", isinstance(self.source, FolderSide), allow_empty=allow_empty),
        )
        outages = Outages()
        with BulkResults(
            "check",
            self._undecided(pairs),
            lambda pair: Task(pair[0].key, lambda: self._looked(*pair)),
            running=Running(),
            ordered=False,
            concurrency=Concurrency(max_concurrency),
            size=lambda _: 0,
        ) as results:
            for result in results:
                outages.note(result.error)
                self._decide(result)
        if not self.equal and not any(self.counts.values()) and not allow_empty:
            raise NotFoundError("the globs leave nothing to compare", hint="correct include and exclude", op="check")

    def report(self) -> CompareReport:
        """Return what was found."""
        return CompareReport(
            source=self.source.name,
            destination=self.destination.name,
            equal=self.equal,
            only_source=self.counts["only_source"],
            only_destination=self.counts["only_destination"],
            different=self.counts["differs"],
            not_compared=self.counts["not_compared"],
            findings=tuple(self.kept),
        )

    def _walk(self, side: Side, role: str, beside_folder: bool, *, allow_empty: bool) -> Iterator[AssetInfo]:
        """Yield what the filter takes."""

        def problem(key: str, error: AssetStoreError) -> None:
            if not self.filtering.leaves_out(key):
                self._unread[role].append(key)
                self._note(Finding(key=key, state="not_compared", detail=f"{error.message}, in {side.name}"))

        info = None
        is_store = isinstance(side, StoreSide)
        for info in side.walk(problem):
            if self.filtering.takes(info.key) and not (is_store and is_apart(info, beside_folder)):
                yield info
        if info is None and not allow_empty and not self._unread[role]:
            hint = "correct the address, or allow it by allow_empty"
            raise NotFoundError(f"the {role} {side.name!r} has no asset", hint=hint, op="check")

    def _undecided(self, pairs: Iterable[Pair]) -> Iterator[tuple[AssetInfo, AssetInfo]]:
        """Decide about the pairs that the listings decide, and yield the others."""
        for one, other in noting(pairs, self.progress):
            if one is None or other is None:
                self._alone(one, other)
            elif one.size != other.size:
                self._note(Finding(key=one.key, state="differs", fact="size", detail=sizes(one, other)))
            elif self.contents is None or (agree := self.contents.listed(one, other)):
                self.equal += 1
            elif agree is None:
                yield one, other
            else:
                self._note(Finding(key=one.key, state="differs", fact="digest", detail=DIGESTS))

    def _alone(self, one: AssetInfo | None, other: AssetInfo | None) -> None:
        info, state, lacking, side = one, ONLY_SOURCE, "destination", self.destination
        if info is None:
            info, state, lacking, side = other, ONLY_DESTINATION, "source", self.source
        assert info is not None
        for unread in self._unread[lacking]:
            if info.key == unread:
                return  # it is there, and was noted
            if lies_below(info.key, unread):
                self._note(Finding(key=info.key, state="not_compared", detail=f"its folder cannot be read in {side.name}"))
                return
        self._note(Finding(key=info.key, state=state, detail=_why_not_there(side, info.key)))

    def _looked(self, one: AssetInfo, other: AssetInfo) -> Finding | None:
        assert self.contents is not None
        try:
            different = self.contents.difference(one, other)
        except NotComparable as unknown:
            return Finding(key=one.key, state="not_compared", detail=str(unknown))
        return None if different is None else Finding(key=one.key, state="differs", fact=different[0], detail=different[1])

    def _decide(self, result: BulkResult[Any]) -> None:
        if concerns_all(result.error):
            result.result()
        if result.error is not None:
            self._note(Finding(key=str(result.key), state="not_compared", detail=reason(result.error)))
        elif result.value is not None:
            self._note(result.value)
        else:
            self.equal += 1

    def _note(self, finding: Finding) -> None:
        self.counts[finding.state] += 1
        if len(self.kept) < KEPT:
            self.kept.append(finding)
        if self.found is not None:
            self.found(finding)


def _why_not_there(side: Side, key: str) -> str:
    """Return why a folder cannot have a key under its own name; empty where it could."""
    if not isinstance(side, FolderSide):
        return ""
    path = "/".join(part for part in unicodedata.normalize("NFC", key).split("/") if part not in ("", "."))
    if path != key:
        return f"a folder would merge it with {path!r}"
    return "a folder has this name there" if os.path.isdir(os.path.join(side.folder, key)) else ""
