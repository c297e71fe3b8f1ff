"""What a sync may be asked for, what it plans and what it reports."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias, TypedDict

import attrs

from assetstore.errors import AssetStoreError, InvalidOptionError, RefusedError, spelled
from assetstore.keys import Filter, glob_regex
from assetstore.options import HEADERS, UploadManyOptions, UploadOptions
from assetstore.sync.contents import Fact as ContentFact

Kind: TypeAlias = Literal["new", "changed", "headers", "renamed", "deleted"]
Fact: TypeAlias = ContentFact | Literal["time", "unknown"]
NEW: Kind = "new"
CHANGED: Kind = "changed"
HEADERS_FIXED: Kind = "headers"
RENAMED: Kind = "renamed"
DELETED: Kind = "deleted"
KINDS: tuple[Kind, ...] = (NEW, CHANGED, HEADERS_FIXED, RENAMED, DELETED)
KEPT = 1000
"""So many errors a report keeps; ``done`` is called with every one."""
_PERCENT = re.compile(r"(\d{1,3}(?:\.\d+)?)%")


class SyncKeywords(TypedDict, total=False):
    """The fields of ``SyncOptions`` as keywords."""

    include: Sequence[str]
    exclude: Sequence[str]
    ignore_case: bool
    delete: bool
    max_delete: int | str | None
    allow_empty: bool
    dry_run: bool
    checksum: bool
    size_only: bool
    skip_existing: bool
    update: bool
    last: Sequence[str]
    headers: Mapping[str, Mapping[str, Any]]
    times: bool
    renames: bool
    max_concurrency: int | None


def _globs(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise InvalidOptionError(f"{attribute.name} must be several globs, got {spelled(value)}", hint="pass a list")
    for glob in value:
        glob_regex(glob)


def _limit(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
    if value is None or (type(value) is int and value >= 0):
        return
    found = _PERCENT.fullmatch(value) if isinstance(value, str) else None
    if found is None or float(found[1]) > 100:
        message = f"{attribute.name} must be a whole number, or a percentage such as '5%', got {spelled(value)}"
        raise InvalidOptionError(message)


def _rules(_: object, attribute: attrs.Attribute[Any], value: Mapping[str, Mapping[str, Any]]) -> None:
    for glob, headers in value.items():
        glob_regex(glob)
        unknown = sorted(headers.keys() - set(HEADERS))
        if unknown:
            message = f"{attribute.name} must name headers of an upload, got {', '.join(map(spelled, unknown))}"
            raise InvalidOptionError(message, hint="for example {'*.webp': {'cache_control': 'max-age=60'}}")
        UploadOptions(**headers)


@attrs.frozen(kw_only=True)
class SyncOptions:
    """What a sync is asked for.

    Attributes:
        include: globs, of which one must match; without any, all assets are taken.
        exclude: globs of assets to leave out. Both hold for the destination too: what they leave out is never deleted. A
            glob without ``/`` is compared with each name of a path, one with ``/`` with the path from its beginning.
        ignore_case: whether globs ignore upper and lower case.
        delete: deletes what the destination alone has, after all else went well.
        max_delete: refuses to begin if more assets than this would be deleted, or more than this percentage of the
            destination, for example ``"5%"``.
        allow_empty: whether the source may have no asset at all.
        dry_run: plans only.
        checksum: compares the digests of all pairs of equal size, and reads files for them that seem unchanged.
        size_only: compares sizes alone.
        skip_existing: leaves alone what the destination has under any content.
        update: leaves alone what is newer at the destination.
        last: globs of assets to write after all others, and only if all went well until then, for example a catalogue.
        headers: maps a glob to headers that all assets which it matches get at the destination, also the unchanged ones.
            The last glob that matches wins. Each unchanged asset that matches costs a request, to see what it has.
        times: keeps the times of files in the metadata ``mtime``, in seconds.
        renames: copies at the destination what it has under another key already.
        max_concurrency: the most assets to work on at once, from 1 to 1,024; by default what brings the most.

    Raises:
        InvalidOptionError: a value is out of its range, or two contradict one another.
    """

    include: Sequence[str] = attrs.field(default=(), validator=_globs)
    exclude: Sequence[str] = attrs.field(default=(), validator=_globs)
    ignore_case: bool = False
    delete: bool = False
    max_delete: int | str | None = attrs.field(default=None, validator=_limit)
    allow_empty: bool = False
    dry_run: bool = False
    checksum: bool = False
    size_only: bool = False
    skip_existing: bool = False
    update: bool = False
    last: Sequence[str] = attrs.field(default=(), validator=_globs)
    headers: Mapping[str, Mapping[str, Any]] = attrs.field(factory=dict, validator=_rules)
    times: bool = False
    renames: bool = True
    max_concurrency: int | None = None

    def __attrs_post_init__(self) -> None:
        if self.checksum and self.size_only:
            raise InvalidOptionError("checksum and size_only contradict one another", hint="leave out one")
        if self.skip_existing and self.update:
            raise InvalidOptionError("skip_existing and update contradict one another", hint="leave out one")
        if self.max_delete is not None and not self.delete:
            raise InvalidOptionError("max_delete limits what delete deletes", hint="pass delete=True too")
        if self.max_concurrency is not None:
            UploadManyOptions(max_concurrency=self.max_concurrency)

    @property
    def filtering(self) -> Filter:
        """What ``include`` and ``exclude`` leave."""
        return Filter(include=self.include, exclude=self.exclude, ignore_case=self.ignore_case)

    def allowed_deletions(self, there: int) -> int | None:
        """Return how many of ``there`` assets may be deleted, or ``None`` for all."""
        if not isinstance(self.max_delete, str):
            return self.max_delete
        from fractions import Fraction  # seldom needed

        return int(there * Fraction(self.max_delete.rstrip("%")) / 100)


@attrs.frozen(kw_only=True)
class Action:
    """One thing to do at the destination.

    Attributes:
        kind: ``new``, ``changed``, ``headers`` (other headers, the same bytes), ``renamed`` (a copy at the destination) or
            ``deleted``.
        key: the key below both sides.
        size: the asset's bytes; only those of ``new`` and ``changed`` are sent.
        fact: why it is ``changed``: ``size``, ``digest``, ``time``, or ``unknown`` when nothing tells; otherwise ``None``.
        origin: the key at the destination that ``renamed`` copies.
    """

    kind: Kind
    key: str
    size: int
    fact: Fact | None = None
    origin: str | None = None


@attrs.frozen(kw_only=True)
class Counts:
    """How many assets of each kind.

    Attributes:
        new: the destination lacks them.
        changed: other bytes.
        headers: other headers alone.
        renamed: the destination has them under another key.
        deleted: the destination alone has them.
        unchanged: nothing is to be done.
        skipped: they differ, and ``skip_existing`` or ``update`` leaves them alone.
    """

    new: int = 0
    changed: int = 0
    headers: int = 0
    renamed: int = 0
    deleted: int = 0
    unchanged: int = 0
    skipped: int = 0


@attrs.frozen(kw_only=True)
class Failure:
    """What a sync could not do.

    Attributes:
        key: the key.
        error: why.
        action: what it wanted to do; ``None`` for what it could not read.
    """

    key: str
    error: Exception
    action: Action | None = None


@attrs.frozen(kw_only=True)
class SyncPlan:
    """What a sync is going to do. Nothing was changed when ``planned`` is called with it.

    Attributes:
        source: the name of the source.
        destination: the name of the destination.
        counts: how many assets of each kind.
        bytes: how many bytes are to be sent.
        unreadable: what is there and cannot be read, with the reason; because of it nothing is deleted.
    """

    source: str
    destination: str
    counts: Counts
    bytes: int
    unreadable: tuple[Failure, ...] = ()

    @property
    def actions(self) -> int:
        """How many things are to be done."""
        return sum(getattr(self.counts, kind) for kind in KINDS)


@attrs.frozen(kw_only=True)
class SyncReport:
    """What a sync did, or in a dry run what it would do.

    Attributes:
        source: the name of the source.
        destination: the name of the destination.
        dry_run: whether nothing was done.
        counts: how many assets of each kind were done.
        bytes: how many bytes were sent.
        seconds: how long it took.
        failed: how many assets failed.
        errors: the first 1,000 of them.
        withheld: how many assets were not deleted, or not written by ``last``, because something before them failed.
        stopped: the error that ended the sync early, for example a full disk; ``None`` if it came to its end.
        slowed: whether a store asked for fewer requests, or could not be reached for a while.
    """

    source: str
    destination: str
    dry_run: bool
    counts: Counts
    bytes: int
    seconds: float
    failed: int = 0
    errors: tuple[Failure, ...] = attrs.field(default=(), repr=False)
    withheld: int = 0
    stopped: AssetStoreError | None = None
    slowed: bool = False

    @property
    def ok(self) -> bool:
        """Whether the destination is as it was asked for."""
        return not self.failed and not self.withheld and self.stopped is None

    def __bool__(self) -> bool:
        return True


@attrs.frozen(kw_only=True)
class Refusal:
    """One reason why a sync does not begin.

    Attributes:
        key: the key; ``None`` when it concerns no single one.
        message: what is wrong.
    """

    key: str | None
    message: str


class SyncRefusedError(RefusedError):
    """A sync does not begin, because it would do what it must not. Nothing was changed.

    Attributes:
        refusals: all reasons.
    """

    def __init__(self, message: str, *, refusals: tuple[Refusal, ...] = (), hint: str | None = None) -> None:
        super().__init__(message, hint=hint, op="sync")
        self.refusals = refusals
