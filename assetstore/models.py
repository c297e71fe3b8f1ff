"""Values that cross the border between user, store and plugins: options in, results out, events.

All are frozen. Times are aware UTC, sizes are ``int`` bytes, durations are ``float`` seconds. A field that is not known is
``None``, never empty: a listing on R2, for instance, knows no content type.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Literal, Protocol, TypeAlias

import attrs

from assetstore.errors import AssetStoreError, InvalidOptionError

MAX_METADATA_BYTES = 8192

Progress: TypeAlias = Callable[[int], None]
OnClash: TypeAlias = Literal["remake", "reuse", "fail"]
Outcome: TypeAlias = Literal["ok", "error", "abandoned"]

_TOKEN = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]+", re.ASCII)
_MEDIA_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+-]+(\s*;[ -~]*)?", re.ASCII)
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_RESERVED = "assetstore-"


def is_header(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
    """Validate the value of an HTTP header: ASCII without control characters, or ``None``."""
    if value is None:
        return
    if not isinstance(value, str):
        raise InvalidOptionError(f"{attribute.name} is a str, not {type(value).__name__}")
    if CONTROL.search(value):
        raise InvalidOptionError(f"{attribute.name} holds no control characters")
    if not value.isascii():
        raise InvalidOptionError(f"{attribute.name} is ASCII", hint="encode other text by RFC 6266 or RFC 8187")
    if attribute.name == "content_type" and value and not _MEDIA_TYPE.fullmatch(value):
        raise InvalidOptionError(f"content_type {value!r} is no media type", hint="write it as 'image/png'")


def as_metadata(value: Mapping[str, str] | None) -> Mapping[str, str] | None:
    """Return a read-only copy, its names in lower case, or say what is wrong with it."""
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise InvalidOptionError(f"metadata is a mapping, not {type(value).__name__}")
    copy: dict[str, str] = {}
    for name, text in value.items():
        if not isinstance(name, str) or not isinstance(text, str):
            raise InvalidOptionError("metadata maps str to str")
        lower = name.lower()
        if not _TOKEN.fullmatch(lower):
            raise InvalidOptionError(f"metadata name {name!r} is no ASCII token")
        if lower.startswith(_RESERVED):
            raise InvalidOptionError(f"metadata names that begin with {_RESERVED!r} are assetstore's own")
        if lower in copy:
            raise InvalidOptionError(f"metadata name {lower!r} is given twice")
        if CONTROL.search(text):
            raise InvalidOptionError(f"metadata {lower!r} holds no control characters and no lone surrogates")
        copy[lower] = text
    if sum(len(name) + len(text.encode()) for name, text in copy.items()) > MAX_METADATA_BYTES:
        raise InvalidOptionError(f"metadata has at most {MAX_METADATA_BYTES} bytes of UTF-8 in all, names included")
    return MappingProxyType(copy)


def _text(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
    if value is not None and not isinstance(value, str):
        raise InvalidOptionError(f"{attribute.name} is a str, not {type(value).__name__}")


def _nfc(value: str | None) -> str | None:
    return unicodedata.normalize("NFC", value) if isinstance(value, str) else value


def is_natural(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
    """Validate a whole number from 0, or ``None``."""
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 0):
        raise InvalidOptionError(f"{attribute.name} is a whole number from 0, not {value!r}")


def is_positive(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
    """Validate a whole number from 1, or ``None``."""
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
        raise InvalidOptionError(f"{attribute.name} is a whole number from 1, not {value!r}")


def secret(**arguments: Any) -> Any:
    """Return an ``attrs.field`` for a secret of a plugin: hidden in every repr and error, refused in URLs."""
    metadata = {**arguments.pop("metadata", {}), "assetstore.secret": True}
    return attrs.field(repr=lambda value: "None" if value is None else "'***'", metadata=metadata, **arguments)


def read_only(value: Mapping[str, str]) -> Mapping[str, str]:
    """Return a copy that cannot be changed."""
    return MappingProxyType(dict(value))


@attrs.frozen(kw_only=True)
class UploadOptions:
    """How an asset is to be written.

    Attributes:
        content_type: media type; the store fills it in from the name before any hook sees it.
        cache_control, content_disposition, content_language: the HTTP headers of these names, ASCII.
        metadata: the user's own facts: lower-case ASCII tokens to text, at most 8,192 bytes in all.
        overwrite: ``False`` writes create-only: AlreadyExistsError when the key is taken.
        if_match: compare-and-swap: the ETag that the stored asset must have; PreconditionError otherwise.
    """

    content_type: str | None = attrs.field(default=None, validator=is_header)
    cache_control: str | None = attrs.field(default=None, validator=is_header)
    content_disposition: str | None = attrs.field(default=None, validator=is_header)
    content_language: str | None = attrs.field(default=None, validator=is_header)
    metadata: Mapping[str, str] | None = attrs.field(default=None, converter=as_metadata)
    overwrite: bool = True
    if_match: str | None = None

    def __attrs_post_init__(self) -> None:
        """Refuse what can never hold.

        Raises:
            InvalidOptionError: the key has to be free and taken at once.
        """
        if not self.overwrite and self.if_match is not None:
            raise InvalidOptionError("overwrite=False and if_match exclude one another", hint="leave one of them out")


@attrs.frozen(kw_only=True)
class ReadOptions:
    """Which bytes to read.

    Attributes:
        offset: first byte, from 0; at or behind the end nothing is read.
        length: how many bytes at most; ``None`` reads to the end.
        if_match: the ETag that the asset must have; PreconditionError otherwise.
    """

    offset: int = attrs.field(default=0, validator=is_natural)
    length: int | None = attrs.field(default=None, validator=is_natural)
    if_match: str | None = None


@attrs.frozen(kw_only=True)
class StatOptions:
    """How to look an asset up; no field yet."""


@attrs.frozen(kw_only=True)
class ListOptions:
    """Which page of a listing.

    Attributes:
        cursor: ``next_cursor`` of the page before; ``None`` begins at the start.
        limit: how many items and prefixes at most on this page, from 1.
        recursive: ``False`` folds all keys that have a ``/`` after the prefix into prefixes.
        start_after: only keys behind this one in the order of UTF-8 bytes.
    """

    cursor: str | None = attrs.field(default=None, validator=_text)
    limit: int = attrs.field(default=1000, validator=is_positive)
    recursive: bool = True
    start_after: str | None = attrs.field(default=None, converter=_nfc, validator=_text)


@attrs.frozen(kw_only=True)
class DeleteOptions:
    """How to delete.

    Attributes:
        foreign: some of the keys break the rules of ``assetstore.keys`` and were listed with ``valid=False``.
    """

    foreign: bool = False


@attrs.frozen(kw_only=True)
class DownloadOptions:
    """How to write an asset to a path.

    Attributes:
        progress: called with the number of bytes that came since the last call.
    """

    progress: Progress | None = None


@attrs.frozen(kw_only=True)
class CopyOptions:
    """How to copy inside a store. Headers and metadata that are ``None`` are those of the source; ``""`` or ``{}`` clears.

    Attributes:
        content_type, cache_control, content_disposition, content_language, metadata: as in ``UploadOptions``.
        overwrite: ``False`` writes create-only: AlreadyExistsError when the destination is taken.
        if_match: the ETag that the *source* must have; PreconditionError otherwise.
    """

    content_type: str | None = attrs.field(default=None, validator=is_header)
    cache_control: str | None = attrs.field(default=None, validator=is_header)
    content_disposition: str | None = attrs.field(default=None, validator=is_header)
    content_language: str | None = attrs.field(default=None, validator=is_header)
    metadata: Mapping[str, str] | None = attrs.field(default=None, converter=as_metadata)
    overwrite: bool = True
    if_match: str | None = None


@attrs.frozen(kw_only=True)
class UrlOptions:
    """How to make a public URL; no field yet."""


@attrs.frozen(kw_only=True)
class CheckOptions:
    """How a backend is to examine its own settings and connection; no field yet."""


@attrs.frozen(kw_only=True)
class StatsOptions:
    """Which statistics; no field yet."""


@attrs.frozen(kw_only=True)
class NameOptions:
    """What a naming plugin may build a key from.

    Attributes:
        content_type: media type of the asset.
        category: ``images``, ``videos``, ``audio``, ``documents``, ``other``, or what the caller said.
        size: bytes, or ``None`` when the source cannot tell before it is read.
        digest: computes the SHA-256 of the bytes as 64 hex digits; reads the source once when first called.
        attempt: 0 for the first proposal, 1 after one clash, and so on.
    """

    content_type: str
    category: str
    size: int | None
    digest: Callable[[], str]
    attempt: int = 0


@attrs.frozen(kw_only=True)
class ProposedKey:
    """A naming plugin's answer.

    Attributes:
        key: the key to write, create-only.
        on_clash: when it is taken, ``remake`` asks for another key, ``reuse`` returns the asset that is there,
            ``fail`` raises AlreadyExistsError.
    """

    key: str
    on_clash: OnClash = "fail"


@attrs.frozen(kw_only=True)
class AssetInfo:
    """What is known of one asset.

    Attributes:
        key: its key.
        size: its length in bytes.
        etag: an opaque mark of this version, without quotes.
        last_modified: when it was written.
        content_type, cache_control, content_disposition, content_language: its HTTP headers.
        metadata: the user's own facts.
        digest: ``"sha256:"`` or ``"md5:"`` and hex digits, when the store knows one; whole reads are checked by it.
        valid: ``False`` for a foreign key that breaks the rules of ``assetstore.keys``; such an asset can only be deleted.
    """

    key: str
    size: int
    etag: str | None = None
    last_modified: datetime | None = None
    content_type: str | None = None
    cache_control: str | None = None
    content_disposition: str | None = None
    content_language: str | None = None
    metadata: Mapping[str, str] | None = attrs.field(
        default=None, converter=attrs.converters.optional(read_only), hash=False
    )
    digest: str | None = None
    valid: bool = True

    def __reduce__(self) -> tuple[object, ...]:
        # A read-only mapping cannot be pickled, and people cache what they know of an asset.
        values = attrs.asdict(self, recurse=False)
        values["metadata"] = None if self.metadata is None else dict(self.metadata)
        return functools.partial(AssetInfo, **values), ()


@attrs.frozen(kw_only=True)
class Prefix:
    """The common beginning, up to and with a ``/``, of keys that a listing with ``recursive=False`` folded together.

    Attributes:
        key: that beginning.
    """

    key: str


@attrs.frozen(kw_only=True)
class ListPage:
    """One page of a listing.

    Attributes:
        items: assets in the order of their keys' UTF-8 bytes.
        prefixes: folded prefixes in the same order; empty for a recursive listing.
        next_cursor: to be handed back for the next page; ``None`` on the last one.
    """

    items: tuple[AssetInfo, ...]
    prefixes: tuple[Prefix, ...] = ()
    next_cursor: str | None = None


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
    """What became of a batch of deletes; each key stands in exactly one of the two.

    Attributes:
        deleted: keys that are gone now, those that were never there included.
        failed: keys that could not be deleted.
    """

    deleted: tuple[str, ...] = ()
    failed: tuple[DeleteFailure, ...] = ()


@attrs.frozen(kw_only=True)
class CheckStep:
    """One thing that a backend examined of itself.

    Attributes:
        name: what was examined.
        ok: whether it is as it should be.
        detail: what was found, without secrets.
        hint: for a failure, the next thing to do.
    """

    name: str
    ok: bool
    detail: str = ""
    hint: str | None = None


@attrs.frozen(kw_only=True)
class CheckReport:
    """What a backend found in its own settings and connection.

    Attributes:
        steps: in the order in which they were examined.
    """

    steps: tuple[CheckStep, ...]


@attrs.frozen(kw_only=True)
class Event:
    """One finished operation.

    Attributes:
        op: a method's name of ``AssetStore``.
        key: the key, for ``list`` the prefix, for ``copy`` and ``move`` the destination; ``None`` before one was generated.
        store: the store's name.
        bytes: bytes of assets that were moved, in whichever direction.
        seconds: how long it took; for streams until the reader was closed.
        outcome: ``ok``, ``error``, or ``abandoned`` for a reader closed before its end.
        error: the class name of the error, or ``None``.
        attempts: how often the write was tried, above 1 after a clash of generated keys.
        time: when it ended.
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


class Body(Protocol):
    """What a backend's ``read`` hands over: bytes that come in pieces."""

    def read(self, size: int = -1, /) -> bytes:
        """Return at most ``size`` bytes, all that are left for -1, and ``b""`` only at the end."""

    def close(self) -> None:
        """Release what the bytes came from; may be called twice."""


@attrs.frozen(kw_only=True)
class AssetStream:
    """An asset and a run of its bytes.

    Attributes:
        info: the whole asset; its ``size`` is the asset's, not the run's.
        body: gives the bytes of the run; the store closes it.
        length: how many bytes the run has.
    """

    info: AssetInfo
    body: Body = attrs.field(repr=False)
    length: int
