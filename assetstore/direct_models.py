"""Values of direct uploads, of uploads in parts, and of applications that honour signed requests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Literal, TypeAlias

import attrs

from assetstore.content_types import DEFAULT_CONTENT_TYPE, guess_content_type
from assetstore.errors import InvalidOptionError
from assetstore.models import as_metadata, is_header, is_natural, is_positive
from assetstore.signed import MAX_PARTS, PresignedRequest

Interface: TypeAlias = Literal["asgi", "wsgi"]

UPLOAD_ID = "upload-id"
MIN_PART = 5 << 20
# R2 takes 5 MiB less than 5 GiB in one request (R2, "Limits").
MAX_PUT = (5 << 30) - (5 << 20)


def _types(value: Iterable[str]) -> tuple[str, ...]:
    if isinstance(value, str):
        raise InvalidOptionError("types is a list of media types, not one", hint=f"write it as [{value!r}]")
    return tuple(value)


def _interface(_: object, __: attrs.Attribute[Interface], value: object) -> None:
    if value not in ("asgi", "wsgi"):
        raise InvalidOptionError(f"interface is 'asgi' or 'wsgi', not {value!r}")


@attrs.frozen(kw_only=True)
class UploadPolicy:
    """What may be uploaded.

    Attributes:
        types: media types, as ``"image/png"`` or ``"image/*"``; empty allows every type. ``image/*`` allows SVG, which can
            hold scripts.
        max_size: the most bytes that an asset may have; ``None`` sets no bound.
    """

    types: tuple[str, ...] = attrs.field(default=(), converter=_types)
    max_size: int | None = attrs.field(default=None, validator=is_positive)


@attrs.frozen(kw_only=True)
class UploadedPart:
    """A part that the store has.

    Attributes:
        number: from 1.
        etag: what the store answered to it, without quotes.
        size: in bytes; ``None`` where only its sender told of it.
    """

    number: int = attrs.field(validator=is_positive)
    etag: str
    size: int | None = None


def _text(value: str | None) -> str:
    return value or ""


def _policy(value: UploadPolicy | None) -> UploadPolicy:
    return value or UploadPolicy()


def _metadata(value: Mapping[str, str] | None) -> Mapping[str, str]:
    metadata = as_metadata(value) or {}
    if UPLOAD_ID in metadata:
        raise InvalidOptionError(f"metadata {UPLOAD_ID!r} is set by begin_upload itself", hint="choose another name")
    return metadata


@attrs.frozen(kw_only=True)
class NewUpload:
    """What a direct upload is to be; the keywords of ``AssetStore.begin_upload``.

    Attributes:
        filename: what a generated key and the content type go by.
        key: what the asset is to be called; without one the naming plugin makes a key.
        size: exactly how many bytes will be sent.
        content_type: media type; guessed from the key or the file name when left out.
        sha256: the digest of the bytes in hex, if the sender knows it.
        category: for a generated key; otherwise taken from the content type.
        metadata: as for ``AssetStore.upload``; the name ``upload-id`` is taken.
        cache_control: HTTP header Cache-Control.
        expires: seconds that the request lives, 1 to 604,800, or a ``timedelta``; the token lives a day longer.
        policy: what may be uploaded; ``None`` allows everything.
        part_size: bytes of each part but the last, from 5 MiB; ``None`` sends all in one request.

    Raises:
        InvalidOptionError: a value is out of its range, or does not fit the others.
    """

    filename: str | None = None
    key: str | None = None
    size: int = attrs.field(validator=is_natural)
    content_type: str = attrs.field(default=None, converter=_text, validator=is_header)
    sha256: str | None = None
    category: str | None = None
    metadata: Mapping[str, str] = attrs.field(default=None, converter=_metadata)
    cache_control: str | None = None
    expires: int | timedelta = 3600
    policy: UploadPolicy = attrs.field(default=None, converter=_policy)
    part_size: int | None = attrs.field(default=None, validator=is_positive)

    def __attrs_post_init__(self) -> None:
        """Fill in the content type, and check what depends on more than one field."""
        if self.size is None:
            raise InvalidOptionError("size is the number of bytes that will be sent")
        if self.key is None and self.filename is None:
            raise InvalidOptionError("an upload needs a name", hint="pass filename= or key=")
        if self.key is not None and self.category is not None:
            raise InvalidOptionError("category is for generated keys", hint="leave key= or category= out")
        if not self.content_type:
            kinds = (guess_content_type(name) for name in (self.key, self.filename) if name is not None)
            kind = next((kind for kind in kinds if kind != DEFAULT_CONTENT_TYPE), DEFAULT_CONTENT_TYPE)
            object.__setattr__(self, "content_type", kind)
        if self.part_size is None and self.size > MAX_PUT:
            raise InvalidOptionError(f"one request carries at most {MAX_PUT} bytes", hint="pass part_size=")
        if self.part_size is not None and not MIN_PART <= self.part_size <= MAX_PUT:
            raise InvalidOptionError(f"part_size lies between {MIN_PART} and {MAX_PUT} bytes, not at {self.part_size}")
        if self.part_size is not None and self.size > self.part_size * MAX_PARTS:
            raise InvalidOptionError(f"an upload has at most {MAX_PARTS} parts", hint="pass a larger part_size")


@attrs.frozen(kw_only=True)
class DirectUpload:
    """An upload that its holder sends straight to the store's own place. Token and URL are secrets, hidden in the repr.

    Attributes:
        key: what the asset will be called.
        token: what ``finish_upload`` takes; it holds all that the server has to know, signed.
        request: the PUT to send; ``None`` for an upload in parts, whose requests ``presign_parts`` makes.
        part_size: bytes of each part but the last, or ``None``.
        part_count: how many parts there are, or ``None``.
        expires_at: when the token ends.
    """

    key: str
    token: str = attrs.field(repr=lambda _: "'***'")
    request: PresignedRequest | None = None
    part_size: int | None = None
    part_count: int | None = None
    expires_at: datetime


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
        parts: all parts, by number, to be put together; ``None`` calls the upload off.
    """

    upload_id: str = attrs.field(repr=False)
    parts: tuple[UploadedPart, ...] | None = None


@attrs.frozen(kw_only=True)
class SigningKeysOptions:
    """Which signing keys; no field yet."""


@attrs.frozen(kw_only=True)
class ApplicationOptions:
    """What kind of web application is to honour the signed requests of a backend.

    Attributes:
        interface: ``asgi`` or ``wsgi``.
        max_size: the most bytes that one upload may have; ``None`` leaves it to the backend.
    """

    interface: Interface = attrs.field(default="asgi", validator=_interface)
    max_size: int | None = attrs.field(default=None, validator=is_positive)
