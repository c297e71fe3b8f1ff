"""Responses of the application: S3's errors in XML, and headers that keep browsers from running assets."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import re
from collections.abc import Iterator, Mapping
from email.utils import format_datetime
from typing import TypeAlias
from xml.sax.saxutils import escape

import attrs

from assetstore.plugin import (
    METADATA_HEADER,
    AccessDeniedError,
    AlreadyExistsError,
    Answering,
    AssetInfo,
    AssetStoreError,
    IntegrityError,
    InvalidOptionError,
    NoSpaceError,
    NotFoundError,
    PreconditionError,
    SourceError,
    StoreNotFoundError,
    UnavailableError,
    encode_metadata,
    http_name,
)
from assetstore_local.disk.parts_folder import NoUploadError
from assetstore_local.disk.records import DamagedRecordError
from assetstore_local.disk.tree import close_quietly
from assetstore_local.errors import explained

HttpHeaders: TypeAlias = dict[str, str]

SAFE: Mapping[str, str] = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; sandbox",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "cross-origin",
}
# What browsers show and cannot run: of the texts they run HTML and XML, and so SVG and XSL. A single type only: of several,
# separated by commas, a browser may take the last.
_SHOWN = re.compile(
    r"((image|audio|video|text)/(?![^;]*(html|svg|xml|xsl))[a-z0-9.+-]+"
    r"|application/(pdf|javascript|json|[a-z0-9.-]+\+json)) *(;[^,]*)?",
    re.ASCII,
)
# A browser makes a page around the asset, with a style, and its player loads the asset again. A sandbox would forbid that.
_SHOWN_POLICY = "default-src 'none'; media-src 'self'; style-src 'unsafe-inline'"
_BODYLESS = (204, 304)

logger: logging.Logger = logging.getLogger("assetstore")


@attrs.define
class FileRange:
    """A range of an open file, which its owner must close.

    Attributes:
        descriptor: the open file.
        offset: the first byte.
        length: how many bytes.
    """

    descriptor: int
    offset: int
    length: int

    def chunks(self, size: int = 1 << 18) -> Iterator[bytes]:
        """Yield the bytes."""
        position, end = self.offset, self.offset + self.length
        while position < end:
            with explained():
                data = os.pread(self.descriptor, min(size, end - position), position)
            if not data:
                raise IntegrityError("the file became shorter while it was sent")
            position += len(data)
            yield data

    def file(self) -> io.FileIO:
        """Return the file for a server that sends it itself; closing it does not close the descriptor."""
        return io.FileIO(self.descriptor, closefd=False)

    def take(self) -> int:
        """Return the descriptor, which the caller must close from now on."""
        descriptor, self.descriptor = self.descriptor, -1
        return descriptor

    def close(self) -> None:
        """Close the file, once."""
        if self.descriptor >= 0:
            close_quietly(self.take())


@attrs.define
class Response:
    """An HTTP response.

    Attributes:
        status: HTTP status.
        headers: names in lower case.
        body: the bytes, or a range of a file.
        event: the event of the request; ``None`` once it ended, and for a request that is none.
    """

    status: int
    headers: HttpHeaders = attrs.field(factory=dict)
    body: bytes | FileRange = b""
    event: Answering | None = None

    def measure(self) -> None:
        """Set Content-Length, unless it is set or the status forbids a body."""
        if self.status not in _BODYLESS:
            length = self.body.length if isinstance(self.body, FileRange) else len(self.body)
            self.headers.setdefault("content-length", str(length))

    def sent(self, count: int | None = None) -> None:
        """End the event: all of the body was sent, or so many bytes. Observers may take a while."""
        event, self.event = self.event, None
        if event is not None:
            whole = self.body.length if isinstance(self.body, FileRange) else len(self.body)
            event.bytes = whole if count is None else count
            event.finish(abandoned=event.bytes < whole)

    def close(self) -> None:
        """Close the file, if there is one."""
        self.sent(0)
        if isinstance(self.body, FileRange):
            self.body.close()


class ErrorResponse(Exception):  # noqa: N818 - a response, not an error of the store
    """A response that refuses a request, with S3's code for the reason."""

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(code)
        self.status: int = status
        self.code: str = code
        self.message: str = message
        self.headers: dict[str, str] = dict(headers or {})

    @property
    def reason(self) -> AssetStoreError:
        """The error of ours, for the event."""
        if isinstance(self.__cause__, AssetStoreError):
            return self.__cause__
        kinds = {code: kind for kind, _, code, _ in _KNOWN}
        return kinds.get(self.code, InvalidOptionError)(self.message)

    def response(self) -> Response:
        """Return the response in the form of R2's errors."""
        text = f"<Error><Code>{self.code}</Code><Message>{escape(self.message)}</Message></Error>"
        body = f'<?xml version="1.0" encoding="UTF-8"?>{text}'.encode()
        return Response(self.status, {**self.headers, "content-type": "application/xml", "cache-control": "no-store"}, body)


FORGED = (403, "SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided.")
_KNOWN: tuple[tuple[type[AssetStoreError], int, str, str], ...] = (
    (NoUploadError, 404, "NoSuchUpload", "The specified multipart upload does not exist."),
    (StoreNotFoundError, 404, "NoSuchBucket", "The specified bucket does not exist."),
    (NotFoundError, 404, "NoSuchKey", "The specified key does not exist."),
    (AlreadyExistsError, 412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold."),
    (PreconditionError, 412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold."),
    (InvalidOptionError, 400, "InvalidArgument", "A header of the request cannot be stored."),
    (IntegrityError, 400, "BadDigest", "The bytes do not match the digest that you specified."),
    (SourceError, 400, "IncompleteBody", "You did not provide the number of bytes specified by the Content-Length header."),
    (NoSpaceError, 507, "InsufficientStorage", "There is no space left."),
    (AccessDeniedError, 403, "AccessDenied", "Access denied."),
    (UnavailableError, 429, "TooManyRequests", "Reduce your concurrent request rate for the same object."),
)


@contextlib.contextmanager
def error_responses() -> Iterator[None]:
    """Raise an error of the store or the disk as an ErrorResponse that reveals nothing about the machine."""
    try:
        with explained():
            yield
    except AssetStoreError as error:
        for kind, status, code, message in _KNOWN:
            # That the record is damaged is no fault of the client.
            if isinstance(error, kind) and not isinstance(error, DamagedRecordError):
                raise ErrorResponse(status, code, message) from error
        hint = f"; {error.hint}" if error.hint else ""
        logger.error("cannot serve a signed request: %s%s", error.message, hint)
        raise ErrorResponse(500, "InternalError", "We encountered an internal error. Please try again.") from error


def headers_of(info: AssetInfo, overrides: Mapping[str, str]) -> HttpHeaders:
    """Return the headers of a GET or HEAD. They let a browser show what cannot run, and make it save everything else."""
    headers = {"accept-ranges": "bytes", "content-type": info.content_type or "application/octet-stream"}
    if info.etag is not None:
        headers["etag"] = f'"{info.etag}"'
    if info.last_modified is not None:
        headers["last-modified"] = format_datetime(info.last_modified.replace(microsecond=0), usegmt=True)
    headers |= {http_name(name): text for name, text in info.given().items() if text and name != "metadata"}
    headers |= {f"{METADATA_HEADER}{name}": value for name, value in encode_metadata(info.metadata).items()}
    headers |= overrides
    headers.setdefault("cache-control", "private")
    if _SHOWN.fullmatch(headers["content-type"].strip().lower()):
        headers["content-security-policy"] = _SHOWN_POLICY
    else:
        disposition = headers.get("content-disposition", "")
        if not re.fullmatch(r"attachment *(;.*)?", disposition.strip().lower()):
            _, semicolon, rest = disposition.partition(";")
            headers["content-disposition"] = f"attachment{semicolon}{rest}"
    return headers
