"""Signed requests: what they allow, and what their holder has to send."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, TypeAlias

import attrs

from assetstore.errors import InvalidOptionError
from assetstore.http_headers import attachment, encode_metadata
from assetstore.models import CONTROL, as_metadata, is_header, is_natural, is_positive, read_only

MAX_EXPIRES = 604_800
MAX_PARTS = 10_000

Method: TypeAlias = Literal["GET", "HEAD", "PUT", "DELETE"]

_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
# They belong to the whole upload and are given when it begins.
_NOT_OF_PARTS = ("content_type", "metadata", "cache_control", "overwrite")
_FITS: dict[str, tuple[str, ...]] = {
    "content_type": ("GET", "PUT"),
    "download_as": ("GET",),
    "window": ("GET", "HEAD"),
    **dict.fromkeys(("content_length", "sha256", "metadata", "cache_control", "overwrite", "part"), ("PUT",)),
}


def _number(_: object, __: attrs.Attribute[Any], value: object) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MAX_PARTS:
        raise InvalidOptionError(f"parts are numbered from 1 to {MAX_PARTS}, and {value!r} is none of them")


def _expires(value: int | timedelta) -> int:
    """Return whole seconds from 1 to 604,800, the range that R2 signs for (R2, "Presigned URLs")."""
    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not float(seconds).is_integer():
        raise InvalidOptionError(f"expires is a whole number of seconds or a timedelta, not {value!r}")
    if not 1 <= seconds <= MAX_EXPIRES:
        raise InvalidOptionError(f"expires lies between 1 and {MAX_EXPIRES} seconds (7 days), not at {int(seconds)}")
    return int(seconds)


def _method(_: object, __: attrs.Attribute[Any], value: object) -> None:
    if value == "POST":
        raise InvalidOptionError("R2 signs no POST forms", hint="sign a PUT, with content_type to pin the type")
    if value not in ("GET", "HEAD", "PUT", "DELETE"):
        raise InvalidOptionError(f"method is GET, HEAD, PUT or DELETE, not {value!r}")


def _filename(_: object, __: attrs.Attribute[Any], value: object) -> None:
    if value is not None and (not isinstance(value, str) or not value or CONTROL.search(value)):
        raise InvalidOptionError("download_as is the name of a file, without control characters")


def _sha256(value: str | None) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or not _SHA256.fullmatch(value.lower()):
        raise InvalidOptionError("sha256 is written in 64 hex digits")
    return value.lower()


@attrs.frozen(kw_only=True)
class Part:
    """One part of an upload in parts.

    Attributes:
        upload_id: what ``assetstore_begin_parts`` returned.
        number: from 1 to 10,000.
    """

    upload_id: str = attrs.field(repr=False)
    number: int = attrs.field(validator=_number)


@attrs.frozen(kw_only=True)
class PresignOptions:
    """What a signed request allows. What is bound to a PUT has to be sent exactly so, and anything else is refused.

    Attributes:
        method: GET, HEAD, PUT or DELETE.
        expires: seconds that it lives at least, 1 to 604,800; a ``timedelta`` is taken too.
        content_type: for PUT the type that the upload must declare; for GET the type that the answer declares.
        download_as: for GET the file name, in any script, under which a browser saves the answer.
        content_length: for PUT the size that the upload must have, in bytes.
        sha256: for PUT the digest that the upload must have, in hex.
        metadata, cache_control: for PUT what is stored with the asset.
        overwrite: for PUT; ``False`` writes create-only.
        window: for GET and HEAD, in seconds: all requests that are signed within one such span of the clock have the same
            URL, which caches can keep. The URL ends ``expires`` seconds after the span does.
        part: for PUT, that the body is this part of an upload in parts.

    Raises:
        InvalidOptionError: a value is out of its range, or the method has no such option.
    """

    method: Method = attrs.field(default="GET", validator=_method)
    expires: int = attrs.field(default=3600, converter=_expires)
    content_type: str | None = attrs.field(default=None, validator=is_header)
    download_as: str | None = attrs.field(default=None, validator=_filename)
    content_length: int | None = attrs.field(default=None, validator=is_natural)
    sha256: str | None = attrs.field(default=None, converter=_sha256)
    metadata: Mapping[str, str] | None = attrs.field(default=None, converter=as_metadata)
    cache_control: str | None = attrs.field(default=None, validator=is_header)
    overwrite: bool = True
    window: int | None = attrs.field(default=None, validator=is_positive)
    part: Part | None = None

    def __attrs_post_init__(self) -> None:
        """Check what depends on more than one field."""
        for field in attrs.fields(PresignOptions):
            if self.method not in _FITS.get(field.name, (self.method,)) and getattr(self, field.name) != field.default:
                raise InvalidOptionError(f"a signed {self.method} has no {field.name}", hint="leave it out")
            if self.part is not None and field.name in _NOT_OF_PARTS and getattr(self, field.name) != field.default:
                raise InvalidOptionError(f"a signed part has no {field.name}", hint="give it where the upload begins")
        if self.window and self.expires + self.window > MAX_EXPIRES:
            raise InvalidOptionError(f"expires and window are at most {MAX_EXPIRES} seconds together")

    def span(self, now: datetime) -> tuple[datetime, datetime]:
        """Return when a request that is signed now begins and ends to be valid, in whole seconds of UTC."""
        step = self.window or 1
        begin = int(now.timestamp()) // step * step
        end = begin + self.expires + (self.window or 0)
        return datetime.fromtimestamp(begin, UTC), datetime.fromtimestamp(end, UTC)

    def bound_headers(self) -> dict[str, str]:
        """Return the headers that a PUT is bound to, their names in lower case, in order; all values are ASCII."""
        headers = {f"x-amz-meta-{name}": value for name, value in encode_metadata(self.metadata).items()}
        if self.cache_control:
            headers["cache-control"] = self.cache_control
        if self.content_length is not None:
            headers["content-length"] = str(self.content_length)
        if self.method == "PUT" and self.content_type:
            headers["content-type"] = self.content_type
        if not self.overwrite:
            headers["if-none-match"] = "*"
        if self.sha256:
            headers["x-amz-checksum-sha256"] = base64.b64encode(bytes.fromhex(self.sha256)).decode()
        return dict(sorted(headers.items()))

    def answered_headers(self) -> dict[str, str]:
        """Return the headers that the answer to a GET is bound to have, their names in lower case, in order."""
        headers = {} if self.download_as is None else {"content-disposition": attachment(self.download_as)}
        if self.method == "GET" and self.content_type:
            headers["content-type"] = self.content_type
        return headers


@attrs.frozen(kw_only=True)
class PresignedRequest:
    """A request that whoever holds it may send until it expires. The URL is a secret and hidden in the repr.

    Attributes:
        url: where to send it.
        method: the HTTP method it is signed for.
        headers: headers that must be sent exactly so.
        expires_at: when it ends.
    """

    url: str = attrs.field(repr=lambda _: "'***'")
    method: Method
    headers: Mapping[str, str] = attrs.field(factory=dict, converter=read_only)
    expires_at: datetime

    def as_dict(self) -> dict[str, object]:
        """Return ``{"method", "url", "headers"}``, the shape that Uppy's ``getUploadParameters`` returns for a PUT.

        Content-Length is left out: a browser sends it by itself and lets no script do so (Fetch, "Forbidden header").
        """
        headers = {name: value for name, value in self.headers.items() if name.lower() != "content-length"}
        return {"method": self.method, "url": self.url, "headers": headers}
