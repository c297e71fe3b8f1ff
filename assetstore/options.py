"""Options: the frozen objects that describe how to do an operation. Times are aware UTC, sizes are bytes.

Backends and wrappers declare in ``supports`` the fields that they honour, for example ``"upload.if_match"``; the store
refuses any other field that is not at its default. ``OPERATIONS`` maps operations to these classes.
"""

from __future__ import annotations

import functools
import inspect
import operator
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, TypedDict

import attrs

from assetstore import signed_headers
from assetstore.content.content_types import DEFAULT_CONTENT_TYPE, guess_headers
from assetstore.errors import InvalidOptionError, spelled
from assetstore.limits import (
    LEFTOVER_AGE,
    MAX_CONCURRENCY,
    MAX_EXPIRES,
    MAX_HEADER,
    MAX_METADATA_BYTES,
    MAX_PARTS,
    MIN_LEFTOVER_AGE,
    PAGE,
    RESERVED_METADATA,
)

if TYPE_CHECKING:
    from assetstore.content.checkpoint import Checkpoint
    from assetstore.content.source import Source
    from assetstore.results import AssetInfo, Container, UploadedPart

Progress: TypeAlias = Callable[[int], None]
Duration: TypeAlias = int | timedelta | str
"""Seconds, a ``timedelta``, or a text such as ``"90s"``, ``"15m"``, ``"1h"`` or ``"7d"``."""
Method: TypeAlias = Literal["GET", "HEAD", "PUT", "DELETE"]
Interface: TypeAlias = Literal["asgi", "wsgi"]

CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
"""Control characters and lone surrogates."""

_TOKEN = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]+", re.ASCII)
_MEDIA_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+-]+(\s*;[ -~]*)?", re.ASCII)
_TYPES = re.compile(_MEDIA_TYPE.pattern.replace("A-Z", "*A-Z") + r"|\*", re.ASCII)
_SUFFIX = re.compile(r"\.[A-Za-z0-9+_-]+(\.[A-Za-z0-9]+)?", re.ASCII)
_CODINGS = re.compile(rf"{_TOKEN.pattern}( *, *{_TOKEN.pattern})*", re.ASCII | re.IGNORECASE)
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_DURATION = re.compile(r"([0-9]{1,9}) ?([smhdw]?)")
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


@functools.lru_cache(maxsize=256)
def is_media_type(text: str) -> bool:
    """Return whether a text is written like a media type; a store sees few of them, again and again."""
    return _MEDIA_TYPE.fullmatch(text) is not None


def _check_header(name: str, value: object) -> None:
    if not isinstance(value, str):
        raise InvalidOptionError(f"{name} must be a str, got {type(value).__name__}")
    if len(value) > MAX_HEADER:
        raise InvalidOptionError(f"{name} must have at most {MAX_HEADER:,} characters, got {len(value):,}")
    if not (value.isascii() and value.isprintable()):
        if CONTROL.search(value):
            raise InvalidOptionError(f"{name} must not contain control characters")
        raise InvalidOptionError(f"{name} must be ASCII", hint="encode other text by RFC 6266 or RFC 8187")
    if name == "content_type" and value and not is_media_type(value):
        raise InvalidOptionError(f"content_type must be a media type, got {spelled(value)}", hint="for example 'image/png'")
    if name == "content_encoding" and value and not _CODINGS.fullmatch(value):
        message = f"content_encoding must be a list of codings, got {spelled(value)}"
        raise InvalidOptionError(message, hint="for example 'gzip'")


def as_metadata(value: Mapping[str, str] | None) -> Mapping[str, str] | None:
    """Return a read-only copy of metadata with its names in lower case.

    Raises:
        InvalidOptionError: a name or a value cannot be stored, or all together are too large.
    """
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise InvalidOptionError(f"metadata must be a mapping, got {type(value).__name__}")
    copy: dict[str, str] = {}
    for name, text in value.items():
        if not isinstance(name, str) or not isinstance(text, str):
            raise InvalidOptionError("metadata must map str to str")
        lower = name.lower()
        if not _TOKEN.fullmatch(lower):
            raise InvalidOptionError(f"metadata name {name!r} must be an ASCII token")
        if lower.startswith(RESERVED_METADATA):
            raise InvalidOptionError(f"metadata names that begin with {RESERVED_METADATA!r} are reserved")
        if lower in copy:
            raise InvalidOptionError(f"metadata name {lower!r} is given twice")
        if CONTROL.search(text):
            raise InvalidOptionError(f"metadata {lower!r} must not contain control characters or lone surrogates")
        copy[lower] = text
    if sum(len(name) + len(text.encode()) for name, text in copy.items()) > MAX_METADATA_BYTES:
        raise InvalidOptionError(f"metadata must have at most {MAX_METADATA_BYTES} bytes of UTF-8, names included")
    return MappingProxyType(copy)


def require_text(name: str, value: object) -> None:
    """Raise InvalidOptionError unless the value of the option ``name`` is a text or ``None``."""
    if value is not None and not isinstance(value, str):
        raise InvalidOptionError(f"{name} must be a str, got {type(value).__name__}")


def _text(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
    require_text(attribute.name, value)


def _nfc(value: str | None) -> str | None:
    return unicodedata.normalize("NFC", value) if isinstance(value, str) else value


def is_natural(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
    """Validate a whole number of 0 or more, or ``None``."""
    if type(value) is int and 0 <= value < 1 << 63:
        return
    _whole_number(attribute.name, 0, value)


def require_progress(progress: object) -> None:
    """Require a function for progress, or ``None``: one that must be awaited would be called for nothing."""
    if progress is not None:
        hint = "it gets a number of bytes, in the thread that moves them"
        _require_function("progress", progress, "an ordinary function", hint)


def require_resume(resume: object) -> None:
    """Require ``True``, ``False``, or a function that is told of each transfer that goes on."""
    if not isinstance(resume, bool):
        hint = "it gets a key, the bytes that are there, and all bytes"
        _require_function("resume", resume, "True, False or an ordinary function", hint)


def _require_function(name: str, value: object, wanted: str, hint: str) -> None:
    if callable(value) and not inspect.iscoroutinefunction(value):
        return
    kind = "a coroutine function" if callable(value) else type(value).__name__
    raise InvalidOptionError(f"{name} must be {wanted}, got {kind}", hint=hint)


def is_positive(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
    """Validate a whole number of 1 or more, or ``None``."""
    if type(value) is int and 1 <= value < 1 << 63:
        return
    _whole_number(attribute.name, 1, value)


def _whole_number(name: str, least: int, value: object) -> None:
    if value is not None and not (isinstance(value, int) and not isinstance(value, bool) and least <= value < 1 << 63):
        raise InvalidOptionError(f"{name} must be a whole number of {least} or more, at most 64 bits, got {spelled(value)}")


NOTHING: Mapping[str, str] = MappingProxyType({})


def read_only(value: Mapping[str, str]) -> Mapping[str, str]:
    """Return a copy that cannot be changed."""
    return MappingProxyType(dict(value)) if value else NOTHING


# Each operation makes some of these objects; without slots, here and in ``results``, they take two thirds of the time.
@attrs.frozen(kw_only=True, slots=False)
class Headers:
    """The headers and metadata stored with an asset. ``None`` means unknown, or not given.

    Attributes:
        content_type: HTTP Content-Type, a media type.
        cache_control: HTTP Cache-Control.
        content_disposition: HTTP Content-Disposition.
        content_encoding: HTTP Content-Encoding, for example ``gzip``: how the bytes are packed. The store keeps them packed;
            HTTP clients unpack them (RFC 9110, "Content-Encoding").
        content_language: HTTP Content-Language.
        metadata: maps lower-case ASCII tokens to text, at most 8,192 bytes in all.
    """

    content_type: str | None = None
    cache_control: str | None = None
    content_disposition: str | None = None
    content_encoding: str | None = None
    content_language: str | None = None
    metadata: Mapping[str, str] | None = attrs.field(
        default=None, converter=attrs.converters.optional(read_only), hash=False
    )

    def given(self) -> dict[str, Any]:
        """Return the headers that are not ``None``, by name."""
        return {name: value for name in HEADERS if (value := getattr(self, name)) is not None}


HEADERS = tuple(field.name for field in attrs.fields(Headers))
"""The names of all headers, ``metadata`` the last. Code that handles headers loops over them."""

TEXT_HEADERS = HEADERS[:-1]
"""The headers whose value is a text: all but ``metadata``."""

_TEXTS = operator.attrgetter(*TEXT_HEADERS)


@attrs.frozen(kw_only=True, slots=False)
class CheckedHeaders(Headers):
    """Headers that a caller asks for. Texts must be ASCII without control characters.

    Raises:
        InvalidOptionError: a value cannot be sent as a header.
    """

    metadata: Mapping[str, str] | None = attrs.field(default=None, converter=as_metadata, hash=False)

    def __attrs_post_init__(self) -> None:
        """Check the texts."""
        for index, value in enumerate(_TEXTS(self)):
            if value is not None:
                _check_header(TEXT_HEADERS[index], value)


@attrs.frozen(kw_only=True, slots=False)
class UploadOptions(CheckedHeaders):
    """How to write an asset, beside its headers. The store fills ``content_type`` in from the name.

    Attributes:
        overwrite: ``False`` writes create-only: AlreadyExistsError when the key is taken.
        if_match: compare-and-swap: the ETag that the stored asset must have; PreconditionError otherwise. Where the ETag is
            a digest of the bytes, as on S3, this guards the bytes alone.
    """

    overwrite: bool = True
    if_match: str | None = None

    def __attrs_post_init__(self) -> None:
        """Refuse conditions that exclude one another.

        Raises:
            InvalidOptionError: the key would have to be free and taken at once.
        """
        super().__attrs_post_init__()
        if not self.overwrite and self.if_match is not None:
            raise InvalidOptionError("overwrite=False and if_match exclude one another", hint="leave one of them out")


@attrs.frozen(kw_only=True)
class NewAsset:
    """One of the assets that ``assetstore_upload_many`` writes.

    Attributes:
        key: where to write.
        source: its bytes.
        options: how to write it, as for ``assetstore_upload``.
    """

    key: str
    source: Source
    options: UploadOptions


def _concurrency(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MAX_CONCURRENCY:
        message = f"{attribute.name} must be a whole number from 1 to {MAX_CONCURRENCY:,}, got {spelled(value)}"
        raise InvalidOptionError(message)


@attrs.frozen(kw_only=True)
class UploadManyOptions:
    """How to write many assets at once.

    Attributes:
        max_concurrency: how many of them at once at most, from 1 to 1,024.
    """

    max_concurrency: int = attrs.field(default=MAX_CONCURRENCY, validator=_concurrency)


class UploadKeywords(TypedDict, total=False):
    """The fields of ``UploadOptions`` as keywords, for a method that passes them on."""

    content_type: str | None
    cache_control: str | None
    content_disposition: str | None
    content_encoding: str | None
    content_language: str | None
    metadata: Mapping[str, str] | None
    overwrite: bool
    if_match: str | None


@attrs.frozen(kw_only=True, slots=False)
class ReadOptions:
    """Which bytes to read.

    Attributes:
        offset: the first byte, from 0; at or after the end nothing is read.
        length: how many bytes at most; ``None`` reads to the end.
        if_match: the ETag that the asset must have; PreconditionError otherwise.
    """

    offset: int = attrs.field(default=0, validator=is_natural)
    length: int | None = attrs.field(default=None, validator=is_natural)
    if_match: str | None = None


@attrs.frozen(kw_only=True)
class StatOptions:
    """How to look an asset up. No field yet."""


@attrs.frozen(kw_only=True)
class ListOptions:
    """Which page of a listing.

    Attributes:
        cursor: ``next_cursor`` of the page before; ``None`` begins at the start.
        limit: how many items and prefixes at most on this page, from 1.
        recursive: ``False`` folds all keys that have a ``/`` after the prefix into prefixes.
        start_after: only keys after this one in the order of UTF-8 bytes.
    """

    cursor: str | None = attrs.field(default=None, validator=_text)
    limit: int = attrs.field(default=PAGE, validator=is_positive)
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
    """How to write an asset to a file.

    Attributes:
        progress: called with the number of bytes received since the last call.
        checkpoint: where the backend notes which bytes are in the file, and finds what an earlier process noted. Without
            notes in it, what the file holds is of unknown origin.
    """

    progress: Progress | None = None
    checkpoint: Checkpoint | None = attrs.field(default=None, repr=False)


@attrs.frozen(kw_only=True)
class CopyOptions(CheckedHeaders):
    """How to copy inside a store. A header that is ``None`` keeps the source's; ``""`` or ``{}`` clears it.

    Attributes:
        overwrite: ``False`` writes create-only: AlreadyExistsError when the destination is taken.
        if_match: the ETag that the *source* must have; PreconditionError otherwise.
        known: the source as just read at the ETag ``if_match``; a backend that honours it need not look the source up.
        container: the place that holds the source, if it is not the backend's own; in the same service, as
            ``assetstore_container`` of both backends says.
    """

    overwrite: bool = True
    if_match: str | None = None
    known: AssetInfo | None = None
    container: Container | None = None

    def applied_to(self, source: Headers) -> dict[str, Any]:
        """Return the headers of the copy by name: the source's, replaced by ours where given, without empty ones."""
        return {name: value for name, value in {**source.given(), **self.given()}.items() if value}


@attrs.frozen(kw_only=True)
class UpdateOptions:
    """What an update asks of the store beside a copy of the asset onto itself, for which a backend has ``assetstore_copy``.

    Attributes:
        if_match: the ETag that the asset must have; PreconditionError otherwise. ``supports`` names ``"update.if_match"``
            only where every update gives the asset another ETag, so that one of several rivals wins.
    """

    if_match: str | None = None


@attrs.frozen(kw_only=True)
class UrlOptions:
    """How to make a public URL. No field yet."""


@attrs.frozen(kw_only=True)
class PathOptions:
    """How to find the file of an asset. No field yet."""


@attrs.frozen(kw_only=True)
class ContainerOptions:
    """How to say where a backend's assets are. No field yet."""


@attrs.frozen(kw_only=True)
class CheckOptions:
    """How a backend examines its own settings and connection. No field yet."""


def _leftover_age(value: Duration) -> int:
    seconds = seconds_of("older_than", value)
    if seconds < MIN_LEFTOVER_AGE:
        hint = "what is younger may belong to a writer at work"
        raise InvalidOptionError(f"older_than must be at least {MIN_LEFTOVER_AGE} seconds, got {seconds}", hint=hint)
    return seconds


@attrs.frozen(kw_only=True)
class CollectOptions:
    """Which leftovers of interrupted work to find, and what to do with them.

    Attributes:
        older_than: the seconds for which a leftover must not have changed, at least 3,600.
        remove: whether to remove them; otherwise they are only listed.
        repair: whether to rebuild damaged records, as far as the bytes tell what stood in them.
        prefix: the beginning of the keys whose leftovers are meant; what does not provably belong to one is not listed.
    """

    older_than: int = attrs.field(default=LEFTOVER_AGE, converter=_leftover_age)
    remove: bool = False
    repair: bool = False
    prefix: str = ""

    def are_met(self, modified: datetime | None, now: datetime | None = None) -> bool:
        """Return whether what was last changed at this time is old enough; what has no time never is.

        Args:
            modified: when it was last changed.
            now: the present by the clock that ``modified`` is from; by default this machine's.
        """
        return modified is not None and ((now or datetime.now(UTC)) - modified).total_seconds() > self.older_than


@attrs.frozen(kw_only=True)
class StatsOptions:
    """Which statistics. No field yet."""


@attrs.frozen(kw_only=True)
class SigningKeysOptions:
    """Which signing keys. No field yet."""


@attrs.frozen(kw_only=True)
class NameOptions:
    """What a naming plugin may build a key from.

    Attributes:
        content_type: media type of the asset.
        category: ``images``, ``videos``, ``audio``, ``documents``, ``other``, or the caller's own.
        size: bytes, or ``None`` when unknown before the source is read.
        digest: computes the SHA-256 of the bytes as 64 hex digits; reads the source once when first called.
        attempt: 0 for the first proposal, 1 after one clash, and so on.
    """

    content_type: str
    category: str = attrs.field(validator=_text)
    size: int | None
    digest: Callable[[], str]
    attempt: int = 0


def _part_number(_: object, __: attrs.Attribute[Any], value: object) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MAX_PARTS:
        raise InvalidOptionError(f"a part number must be between 1 and {MAX_PARTS}, got {spelled(value)}")


@attrs.frozen(kw_only=True)
class Part:
    """One part of an upload in parts.

    Attributes:
        upload_id: what ``assetstore_begin_parts`` returned.
        number: from 1 to 10,000.
    """

    upload_id: str = attrs.field(repr=False)
    number: int = attrs.field(validator=_part_number)


def seconds_of(name: str, value: Duration) -> int:
    """Return a duration in whole seconds.

    Args:
        name: the option's name, for the error.
        value: seconds, a ``timedelta``, or a text such as ``"90s"``, ``"15m"``, ``"1h"`` or ``"7d"``.

    Raises:
        InvalidOptionError: it is none of these.
    """
    if type(value) is int:
        return value
    seconds: object = value.total_seconds() if isinstance(value, timedelta) else value
    if isinstance(value, str) and (found := _DURATION.fullmatch(value.strip().lower())):
        seconds = int(found[1]) * _UNITS[found[2]]
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not float(seconds).is_integer():
        forms = "a whole number of seconds, a timedelta, or a text such as '90s', '15m', '1h' or '7d'"
        raise InvalidOptionError(f"{name} must be {forms}, got {spelled(value)}")
    return int(seconds)


def _expires(value: Duration) -> int:
    seconds = seconds_of("expires", value)
    if not 1 <= seconds <= MAX_EXPIRES:
        raise InvalidOptionError(f"expires must be between 1 and {MAX_EXPIRES} seconds (7 days), got {spelled(seconds)}")
    return seconds


def _window(value: Duration | None) -> int | None:
    return None if value is None else seconds_of("window", value)


def _method(_: object, __: attrs.Attribute[Any], value: object) -> None:
    if value == "POST":
        raise InvalidOptionError("R2 signs no POST forms", hint="sign a PUT, with content_type to pin the type")
    if value not in ("GET", "HEAD", "PUT", "DELETE"):
        raise InvalidOptionError(f"method must be GET, HEAD, PUT or DELETE, got {spelled(value)}")


def _filename(_: object, __: attrs.Attribute[Any], value: object) -> None:
    if value is not None and (not isinstance(value, str) or not value or CONTROL.search(value)):
        raise InvalidOptionError("download_as must be the name of a file, without control characters")


def _sha256(value: str | None) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or not _SHA256.fullmatch(value.lower()):
        raise InvalidOptionError("sha256 must be 64 hex digits")
    return value.lower()


@functools.lru_cache(maxsize=256)
def _moment(second: int) -> datetime:
    return datetime.fromtimestamp(second, UTC)


@attrs.frozen(kw_only=True, slots=False)
class PresignOptions(CheckedHeaders):
    """What a signed request allows. A PUT must send every bound value exactly; anything else is refused.

    Headers and metadata are for PUT: they are stored with the asset. For GET, ``content_type`` is the type of the answer.

    Attributes:
        method: GET, HEAD, PUT or DELETE.
        expires: seconds that the request lives at least, 1 to 604,800; also a ``timedelta``, or a text such as ``"1h"``.
        download_as: for GET the file name, in any script, under which a browser saves the answer.
        content_length: for PUT the size that the upload must have, in bytes.
        sha256: for PUT the digest that the upload must have, in hex.
        overwrite: for PUT; ``False`` writes create-only.
        window: for GET and HEAD, as ``expires``: all requests signed within one such span of the clock have the same URL,
            which caches can keep. The URL expires ``expires`` seconds after the end of the span.
        part: for PUT: the body is this part of an upload in parts.

    Raises:
        InvalidOptionError: a value is out of its range, or the method has no such option.
    """

    method: Method = attrs.field(default="GET", validator=_method)
    expires: int = attrs.field(default=3600, converter=_expires)
    download_as: str | None = attrs.field(default=None, validator=_filename)
    content_length: int | None = attrs.field(default=None, validator=is_natural)
    sha256: str | None = attrs.field(default=None, converter=_sha256)
    overwrite: bool = True
    window: int | None = attrs.field(default=None, converter=_window, validator=is_positive)
    part: Part | None = None

    def __attrs_post_init__(self) -> None:
        """Check what depends on more than one field."""
        values = _FITTING(self)
        if values != _DEFAULTS:
            super().__attrs_post_init__()
            self._check_fitting(values)
        if self.window and self.expires + self.window > MAX_EXPIRES:
            raise InvalidOptionError(f"expires and window together must be at most {MAX_EXPIRES} seconds")

    def _check_fitting(self, values: tuple[object, ...]) -> None:
        for name, value, default in zip(_FITS, values, _DEFAULTS, strict=True):
            if value == default:
                continue
            if self.method not in _FITS[name]:
                raise InvalidOptionError(f"a signed {self.method} has no {name}", hint="leave it out")
            if self.part is not None and name in _NOT_OF_PARTS:
                raise InvalidOptionError(f"a signed part has no {name}", hint="pass it to begin_upload")

    def span(self, now: datetime) -> tuple[datetime, datetime]:
        """Return the times between which a request signed now is valid, in whole seconds of UTC."""
        step = self.window or 1
        begin = int(now.timestamp()) // step * step
        end = begin + self.expires + (self.window or 0)
        return _moment(begin), _moment(end)

    def bound_headers(self) -> dict[str, str]:
        """Return the headers that a PUT is bound to; see ``assetstore.signed_headers``."""
        return signed_headers.bound(self)

    def answered_headers(self) -> dict[str, str]:
        """Return the headers that the answer to a GET must have; see ``assetstore.signed_headers``."""
        return signed_headers.answered(self)


CREATE_ONLY_CACHE_CONTROL = "private"
"""The Cache-Control of a signed create-only PUT that was given none.

A browser adds ``max-age=0`` to a request with If-None-Match that has none, and every server would store that. An empty value
would keep a browser from it too, but other clients do not send empty headers, and so their requests would be refused.
"""

# These belong to the whole upload and are passed when it begins.
_NOT_OF_PARTS = (*HEADERS, "overwrite")
_FITS: dict[str, tuple[Method, ...]] = {
    **dict.fromkeys((*HEADERS, "content_length", "sha256", "overwrite", "part"), ("PUT",)),
    "content_type": ("GET", "PUT"),
    "download_as": ("GET",),
    "window": ("GET", "HEAD"),
}
_FITTING = operator.attrgetter(*_FITS)
_DEFAULTS = tuple(getattr(attrs.fields(PresignOptions), name).default for name in _FITS)


@attrs.frozen(kw_only=True, slots=False)
class BeginPartsOptions(UploadOptions):
    """How to begin an upload in parts.

    Attributes:
        part_size: bytes of each part but the last, if that is settled. With it a backend can tell a digest of the whole from
            those of its parts: what is read later is compared with it.
    """

    part_size: int | None = attrs.field(default=None, validator=is_positive)


@attrs.frozen(kw_only=True)
class PartsOptions:
    """Which upload in parts.

    Attributes:
        upload_id: what ``assetstore_begin_parts`` returned.
    """

    upload_id: str = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class EndPartsOptions:
    """How an upload in parts ends.

    Attributes:
        upload_id: what ``assetstore_begin_parts`` returned.
        parts: all parts to join, in the order of their numbers; ``None`` aborts the upload.
    """

    upload_id: str = attrs.field(repr=False)
    parts: tuple[UploadedPart, ...] | None = None


def _interface(_: object, __: attrs.Attribute[Interface], value: object) -> None:
    if value not in ("asgi", "wsgi"):
        raise InvalidOptionError(f"interface must be 'asgi' or 'wsgi', got {spelled(value)}")


class Answering(Protocol):
    """The event of a request that a web application is about to answer.

    Attributes:
        bytes: bytes of the asset that were transferred so far.
    """

    bytes: int

    def finish(self, error: BaseException | None = None, *, abandoned: bool = False) -> None:
        """End it; further calls do nothing.

        Args:
            error: why the request failed.
            abandoned: whether the client went away before its end.
        """


class _Unwatched:
    bytes = 0

    def finish(self, error: BaseException | None = None, *, abandoned: bool = False) -> None:
        """Do nothing."""


def _nobody_watches(_op: str, _key: str) -> Answering:
    return _Unwatched()


@attrs.frozen(kw_only=True)
class ApplicationOptions:
    """Which web application answers the signed requests of a backend.

    Attributes:
        interface: ``asgi`` or ``wsgi``.
        max_size: the most bytes that one upload may have; ``None`` leaves it to the backend.
        begin: called for each request whose signature is good, with the operation, ``read``, ``stat``, ``upload`` or
            ``delete``, and the key; what it returns becomes an event once it is finished, from any thread.
    """

    interface: Interface = attrs.field(default="asgi", validator=_interface)
    max_size: int | None = attrs.field(default=None, validator=is_positive)
    begin: Callable[[str, str], Answering] = attrs.field(default=_nobody_watches, repr=False)


def _types(value: Iterable[str]) -> tuple[str, ...]:
    if isinstance(value, str):
        raise InvalidOptionError("types must be a list of media types", hint=f"write it as [{value!r}]")
    if not isinstance(value, Iterable):
        raise InvalidOptionError(f"types must be a list of media types, got {type(value).__name__}")
    return tuple(map(_type, value))


def _type(text: str) -> str:
    kind = guess_headers(f"a{text}")[0] if _SUFFIX.fullmatch(text) else text.strip()
    if not _TYPES.fullmatch(kind) or (text.startswith(".") and kind == DEFAULT_CONTENT_TYPE):
        problem = f"each type must be a media type or a known suffix, got {spelled(text)}"
        raise InvalidOptionError(problem, hint="write it as 'image/png', 'image/*' or '.png'")
    return kind


@attrs.frozen(kw_only=True)
class UploadPolicy:
    """What may be uploaded directly.

    Attributes:
        types: media types, for example ``"image/png"`` or ``"image/*"``, or suffixes, for example ``".png"``; empty allows
            every type. A type stands for all its names: ``audio/wav`` allows ``audio/x-wav``. ``image/*`` allows SVG,
            which can hold scripts.
        max_size: the most bytes that an asset may have; ``None`` sets no bound.
    """

    types: tuple[str, ...] = attrs.field(default=(), converter=_types)
    max_size: int | None = attrs.field(default=None, validator=is_positive)


OPERATIONS: Mapping[str, type[Any]] = MappingProxyType(
    {
        "upload": UploadOptions,
        "read": ReadOptions,
        "stat": StatOptions,
        "list": ListOptions,
        "delete": DeleteOptions,
        "download": DownloadOptions,
        "copy": CopyOptions,
        "update": UpdateOptions,
        "presign": PresignOptions,
        "url": UrlOptions,
        "path": PathOptions,
        "container": ContainerOptions,
        "check": CheckOptions,
        "collect": CollectOptions,
        "begin_parts": BeginPartsOptions,
        "list_parts": PartsOptions,
        "end_parts": EndPartsOptions,
        "application": ApplicationOptions,
        "upload_many": UploadManyOptions,
    }
)
"""The class of options of each operation."""


def every(*operations: str) -> frozenset[str]:
    """Return all option fields of these operations, spelled as in ``supports``: ``every("read")`` has ``"read.offset"``.

    It includes fields that later versions of assetstore add. So use it for operations whose options the plugin passes on
    whole or reads in a loop over ``HEADERS``; name the fields one by one otherwise.
    """
    return frozenset(f"{op}.{field.name}" for op in operations for field in attrs.fields(OPERATIONS[op]))
