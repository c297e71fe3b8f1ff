"""Values of direct uploads, of uploads in parts, and of applications that honour signed requests."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Literal, TypeAlias

import attrs

from assetstore.errors import InvalidOptionError
from assetstore.models import is_positive
from assetstore.signed import PresignedRequest

Interface: TypeAlias = Literal["asgi", "wsgi"]


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
