"""Results: the frozen objects that operations return, and the event that each of them ends in.

Times are aware UTC, sizes are bytes, durations are seconds. A value that the backend does not know is ``None``, never empty:
a listing of R2, for example, has no content types.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar, Generic, Literal, Protocol, TypeAlias, TypeVar, cast

import attrs

from assetstore.errors import AssetStoreError
from assetstore.options import Headers, Method, is_positive, read_only

OnClash: TypeAlias = Literal["remake", "reuse", "fail"]
Outcome: TypeAlias = Literal["ok", "error", "abandoned"]
T_co = TypeVar("T_co", covariant=True)


def _own_fields_first(_: type, fields: list[attrs.Attribute[Any]]) -> list[attrs.Attribute[Any]]:
    return sorted(fields, key=lambda field: field.inherited)  # type: ignore[attr-defined]  # missing in attrs' stubs


def _html_table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table for a notebook. Keys and metadata come from anybody, so everything is escaped."""
    import html  # slow to load, and needed in notebooks alone

    def text(cell: object) -> str:
        if type(cell) in (int, float):
            return f"{cell:,}" if type(cell) is int else f"{cell:,.3f}"
        return "" if cell is None else str(cell)

    def line(tag: str, cells: Sequence[object]) -> str:
        return f"<tr>{''.join(f'<{tag}>{html.escape(text(cell))}</{tag}>' for cell in cells)}</tr>"

    return f"<table>{line('th', head)}{''.join(line('td', row) for row in rows)}</table>"


def _made_of(value: attrs.AttrsInstance, **plain: object) -> tuple[object, ...]:
    """Return, for ``__reduce__``, how to make a value from its fields, some of them in a form that can be pickled."""
    return functools.partial(type(value), **{**attrs.asdict(value, recurse=False), **plain}), ()


@attrs.frozen(kw_only=True, slots=False, field_transformer=_own_fields_first)
class AssetInfo(Headers):
    """One asset: its key, size, headers and metadata.

    Attributes:
        key: its key.
        size: its length in bytes.
        etag: an opaque mark of this version, without quotes.
        last_modified: when it was written.
        digest: when the store knows one, ``"sha256:"`` or ``"md5:"`` and hex digits; or ``"md5-parts/SIZE:"``, the MD5 of
            the MD5s of parts of SIZE bytes in hex, ``-`` and their count. Whole reads are checked against it.
        valid: ``False`` for a foreign key that breaks the rules of ``assetstore.keys``; such an asset can only be deleted.
            In a scope its key is what the prefix leaves of it, which is nothing for the marker of the scope's own folder.
    """

    key: str
    size: int
    etag: str | None = None
    last_modified: datetime | None = None
    digest: str | None = None
    valid: bool = True

    def __reduce__(self) -> tuple[object, ...]:
        # A read-only mapping cannot be pickled, and people cache these objects.
        return _made_of(self, metadata=None if self.metadata is None else dict(self.metadata))

    def _repr_html_(self) -> str:
        values = {field.name: getattr(self, field.name) for field in attrs.fields(AssetInfo)}
        values["metadata"] = "\n".join(f"{name}: {text}" for name, text in (self.metadata or {}).items()) or None
        return _html_table(("field", "value"), [pair for pair in values.items() if not (pair[1] is None or pair[1] is True)])


@attrs.frozen(kw_only=True)
class Container:
    """The place in a service that holds the assets of a backend, for example a bucket. It holds no secret.

    Attributes:
        service: the service, for example the URL of its endpoint, without anything that only we call it.
        account: a mark of the credentials, which tells nothing of them; equal for stores that may do the same.
        name: the place's name, unique in the service.
    """

    FOLDERS: ClassVar[str] = "folders of this machine"
    """The service of a backend whose assets are files; the name is then the real path of their folder."""

    service: str
    account: str = attrs.field(repr=False)
    name: str

    def is_same(self, other: Container) -> bool:
        """Return whether both are one place, whoever looks at it."""
        return (self.service, self.name) == (other.service, other.name)

    def is_reached_from(self, other: Container) -> bool:
        """Return whether a store there can ask its service to copy from here."""
        return (self.service, self.account) == (other.service, other.account)


class Body(Protocol):
    """The bytes that a backend's ``read`` returns, in pieces."""

    def read(self, size: int = -1, /) -> bytes:
        """Return at most ``size`` bytes, all that are left for -1, and ``b""`` only at the end."""

    def close(self) -> None:
        """Release the connection or file; may be called twice."""


@attrs.frozen(kw_only=True, slots=False)
class AssetStream:
    """An asset and a range of its bytes.

    Attributes:
        info: the whole asset; its ``size`` is the asset's, not the range's.
        body: the bytes of the range; the store closes it.
        length: how many bytes the range has.
    """

    info: AssetInfo
    body: Body = attrs.field(repr=False)
    length: int


@attrs.frozen(kw_only=True)
class Prefix:
    """The common beginning, up to a ``/``, of keys that a listing with ``recursive=False`` folded together.

    Attributes:
        key: the beginning, with the ``/``.
    """

    key: str


@attrs.frozen(kw_only=True)
class ListPage:
    """One page of a listing.

    Attributes:
        items: assets in the order of their keys' UTF-8 bytes.
        prefixes: folded prefixes in the same order; empty for a recursive listing.
        next_cursor: pass it as ``cursor`` for the next page; ``None`` on the last one.
    """

    items: tuple[AssetInfo, ...]
    prefixes: tuple[Prefix, ...] = ()
    next_cursor: str | None = None

    def _repr_html_(self) -> str:
        names = ("key", "size", "last_modified", "content_type")
        both: tuple[AssetInfo | Prefix, ...] = (*self.items, *self.prefixes)
        entries = sorted(both, key=lambda entry: entry.key)
        rows = [tuple(getattr(entry, name, None) for name in names) for entry in entries]
        return _html_table(names, rows if self.next_cursor is None else [*rows, ("…", None, None, None)])


class Listing(Generic[T_co]):
    """The iterator that ``list`` returns. Its repr reads nothing, so that a notebook does not use it up by showing it."""

    def __init__(self, prefix: str, entries: Iterator[T_co]) -> None:
        self._prefix = prefix
        self._entries = entries

    def __iter__(self) -> Iterator[T_co]:
        return self._entries

    def __next__(self) -> T_co:
        return next(self._entries)

    def __repr__(self) -> str:
        return f"<listing of {self._prefix!r}: loop over it; list_page() shows a table>"


class Stats(dict[str, Mapping[str, float]]):
    """What ``stats`` returns: for each operation ``{"count", "bytes", "errors", "seconds"}``."""

    def _repr_html_(self) -> str:
        names = list(dict.fromkeys(name for sums in self.values() for name in sums))
        rows = [(op, *(sums.get(name) for name in names)) for op, sums in self.items() if any(sums.values())]
        return _html_table(("operation", *names), rows)


@attrs.frozen
class BulkResult(Generic[T_co]):
    """What became of one item of a call about many assets, for example ``upload_many``.

    Attributes:
        item: the item as it was given.
        index: its place among the items, from 0.
        key: the key; ``None`` for an upload whose key was not generated.
        value: what the single operation returns; ``None`` after a failure.
        error: why it failed, or ``None``: an AssetStoreError, the OSError of a file, or what a source or callback raised.
    """

    item: Any = attrs.field(repr=False)
    index: int
    key: str | None
    value: T_co | None
    error: Exception | None

    def result(self) -> T_co:
        """Return the value, or raise the error."""
        if self.error is not None:
            raise self.error
        return cast(T_co, self.value)


@attrs.frozen(kw_only=True)
class DeleteFailure:
    """One key that could not be deleted, and why.

    Attributes:
        key: the key.
        error: what went wrong.
    """

    key: str
    error: AssetStoreError


@attrs.frozen(kw_only=True)
class DeleteReport:
    """The outcome of a batch of deletes. Each key is in exactly one of the two fields.

    Attributes:
        deleted: keys that are gone now, including those that never existed.
        failed: keys that could not be deleted.
    """

    deleted: tuple[str, ...] = ()
    failed: tuple[DeleteFailure, ...] = ()


@attrs.frozen(kw_only=True, slots=False)
class PresignedRequest:
    """A request that whoever holds it may send until it expires. The URL is a secret and hidden in the repr.

    Attributes:
        url: where to send it.
        method: the HTTP method it is signed for.
        headers: headers that must be sent exactly like this.
        expires_at: when it expires.
    """

    url: str = attrs.field(repr=lambda _: "'***'")
    method: Method
    headers: Mapping[str, str] = attrs.field(factory=dict, converter=read_only)
    expires_at: datetime

    def __reduce__(self) -> tuple[object, ...]:
        return _made_of(self, headers=dict(self.headers))

    def as_dict(self) -> dict[str, object]:
        """Return ``{"method", "url", "headers"}``, the shape that Uppy's ``getUploadParameters`` returns for a PUT.

        Content-Length is left out: a browser sends it by itself and lets no script do so (Fetch, "Forbidden header").
        """
        headers = {name: value for name, value in self.headers.items() if name.lower() != "content-length"}
        return {"method": self.method, "url": self.url, "headers": headers}


@attrs.frozen(kw_only=True)
class UploadedPart:
    """A part that the store has.

    Attributes:
        number: from 1.
        etag: the ETag that the store returned for the part, without quotes.
        size: in bytes; ``None`` where only the sender reported it.
    """

    number: int = attrs.field(validator=is_positive)
    etag: str
    size: int | None = None


@attrs.frozen(kw_only=True)
class DirectUpload:
    """An upload whose sender sends the bytes straight to the backend. Token and URL are secrets, hidden in the repr.

    Attributes:
        key: the key of the finished asset.
        token: pass it to ``finish_upload``; it holds everything that the server needs, signed.
        request: the PUT to send; ``None`` for an upload in parts, whose requests ``presign_parts`` makes.
        part_size: bytes of each part but the last, or ``None``.
        part_count: how many parts there are, or ``None``.
        expires_at: when the token expires.
    """

    key: str
    token: str = attrs.field(repr=lambda _: "'***'")
    request: PresignedRequest | None = None
    part_size: int | None = None
    part_count: int | None = None
    expires_at: datetime


@attrs.frozen(kw_only=True)
class CheckStep:
    """One step of a backend's examination of itself.

    Attributes:
        name: what was examined.
        ok: whether it is in order.
        detail: what was found, without secrets.
        hint: for a failure, the next thing to do.
        warning: whether a failure is only a warning: the store works all the same.
    """

    name: str
    ok: bool
    detail: str = ""
    hint: str | None = None
    warning: bool = False


@attrs.frozen(kw_only=True)
class CheckReport:
    """The result of a backend's examination of its own settings and connection.

    Attributes:
        steps: in the order in which they were examined.
    """

    steps: tuple[CheckStep, ...]


@attrs.frozen(kw_only=True)
class Leftover:
    """Something that interrupted work left behind in a store.

    Attributes:
        kind: what it is, for example ``"unfinished file"`` or ``"upload in parts"``.
        name: where it is: a path below the store's folder, or the backend's key.
        size: its bytes; ``None`` when they are unknown.
        modified: when it last changed; ``None`` when that is unknown.
        removed: whether it was removed.
        repaired: whether it was repaired instead.
        detail: what else is to be said, for people.
        error: why it could not be examined, removed or repaired, or ``None``.
    """

    kind: str
    name: str
    size: int | None = None
    modified: datetime | None = None
    removed: bool = False
    repaired: bool = False
    detail: str = ""
    error: AssetStoreError | None = None


@attrs.frozen(kw_only=True)
class CollectReport:
    """What interrupted work left behind.

    Attributes:
        items: the leftovers that are old enough, and damaged records of any age.
        now: the present by the clock of the store, for a backend whose assets have the times of another machine;
            ``None`` for the clock of this one.
    """

    items: tuple[Leftover, ...] = ()
    now: datetime | None = None


@attrs.frozen(kw_only=True)
class ProposedKey:
    """The answer of a naming plugin.

    Attributes:
        key: the key to write, create-only.
        on_clash: when the key is taken, ``remake`` asks for another one, ``reuse`` returns the existing asset,
            ``fail`` raises AlreadyExistsError.
    """

    key: str
    on_clash: OnClash = "fail"


@attrs.frozen(kw_only=True, slots=False)
class Event:
    """One finished operation.

    Attributes:
        op: the name of a method of ``AssetStore``.
        key: the key, for ``list`` the prefix, for ``copy`` and ``move`` the destination; ``None`` before one was generated.
        store: the store's name.
        bytes: bytes of assets transferred, in either direction.
        seconds: how long it took; for streams until the reader was closed.
        outcome: ``ok``, ``error``, or ``abandoned`` for a reader that was closed before its end and read nothing elsewhere.
        error: the class name of the error, or ``None``.
        attempts: how often the write was tried, above 1 after a clash of generated keys.
        time: when it ended.
        requests: how many requests the backend sent, repeated ones too, by the class by which the service charges for them:
            ``"A"``, ``"B"`` and ``"free"`` on R2 and S3. Empty where the backend sends or counts none. A request for several
            keys counts once, in the event of one of them.
    """

    op: str
    key: str | None
    store: str
    bytes: int
    seconds: float
    outcome: Outcome
    error: str | None
    attempts: int
    time: datetime
    requests: Mapping[str, int] = attrs.field(factory=dict, hash=False)
