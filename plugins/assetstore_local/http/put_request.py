"""Receives the body of a signed PUT: counts and hashes it as it arrives, stores it only if size and digests match."""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import hmac
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from typing import Any

import attrs

from assetstore.plugin import (
    METADATA_HEADER,
    SHA256_HEADER,
    TEXT_HEADERS,
    Answering,
    NotFoundError,
    UploadedPart,
    UploadOptions,
    decode_metadata,
    guess_content_encoding,
    guess_content_type,
    http_name,
)
from assetstore_local import multipart_direct
from assetstore_local.disk.root import Root
from assetstore_local.http.conditions import CONDITIONS, require
from assetstore_local.http.responses import ErrorResponse, Response, error_responses
from assetstore_local.http.verify import Verified
from assetstore_local.presign import PART, UPLOAD
from assetstore_local.read import stat
from assetstore_local.upload import commit

_MD5 = "content-md5"
_INCOMPLETE = (400, "IncompleteBody", "The body does not have as many bytes as the Content-Length header declares.")


class PutRequest:
    """A PUT whose body is being received. Each method may block on the disk, and no two run at once.

    Attributes:
        event: the event of the request, which ends with it.
    """

    event: Answering | None = None

    def __init__(
        self,
        root: Root,
        verified: Verified,
        headers: Mapping[str, str],
        size: int,
        complete: Callable[[Response], Response],
    ) -> None:
        """Open a file for the body.

        Args:
            root: the folder to store it in.
            verified: what the signature allows.
            headers: the headers of the request.
            size: the declared size of the body.
            complete: adds the headers of every response.

        Raises:
            ErrorResponse: the request must fail, whatever its body.
        """
        self._root, self._verified, self._headers, self._left, self._complete = root, verified, headers, size, complete
        self._size = size
        self._md5 = hashlib.md5(usedforsecurity=False) if _MD5 in headers or PART in verified.query else None
        # A task may be cancelled while it waits for a thread, and close this request. The thread goes on, and its descriptor
        # may belong to another file by then.
        self._lock = threading.Lock()
        self._is_open = True
        with ExitStack() as stack, error_responses():
            self._staged = stack.enter_context(root.new_file())
            self._options()
            self._release()
            self._stack = stack.pop_all()

    def write(self, data: bytes) -> None:
        """Write more bytes of the body.

        Raises:
            ErrorResponse: the body is longer than declared, or the disk is full.
        """
        with self._lock, self._reported():
            self._left -= len(data)
            if self._left < 0 or not self._is_open:
                raise ErrorResponse(*_INCOMPLETE)
            with error_responses():
                self._staged.write(data)
            if self._md5:
                self._md5.update(data)

    def finish(self) -> Response:
        """Store the body and return the response.

        Raises:
            ErrorResponse: bytes are missing or do not match a digest, or a condition does not hold.
        """
        with self._lock, self._reported():
            if self._left or not self._is_open:
                raise ErrorResponse(*_INCOMPLETE)
            try:
                response = self._complete(Response(200, {"etag": f'"{self._stored()}"'}))
            finally:
                self._release()
            if self.event is not None:
                self.event.bytes = self._size
                self.event.finish()
            return response

    @contextlib.contextmanager
    def _reported(self) -> Iterator[None]:
        """End the event with the error that the block raises."""
        try:
            yield
        except ErrorResponse as error:
            if self.event is not None:
                self.event.finish(error.reason)
            raise

    def _stored(self) -> str | None:
        """Store the body and return its ETag."""
        md5 = self._md5.digest() if self._md5 else b""
        self._require_digest(SHA256_HEADER, self._staged.sha256)
        self._require_digest(_MD5, md5)
        query = self._verified.query
        with error_responses():
            options = self._options()
            if PART not in query:
                return commit(self._root, self._staged, self._verified.key, options).etag
            part = UploadedPart(number=int(query[PART]), etag=md5.hex())
            multipart_direct.save_part(self._staged, self._verified.key, query[UPLOAD], part)
            return part.etag

    def _release(self) -> None:
        """Close the folders that are open: hundreds of uploads may wait for slow clients or for a thread."""
        self._staged.tree.forget()

    def close(self) -> None:
        """Remove the file, unless it was stored."""
        with self._lock:
            self._is_open = False
            self._stack.close()
        if self.event is not None:
            self.event.finish(abandoned=True)  # unless it has ended

    def _require_digest(self, name: str, digest: bytes) -> None:
        if name in self._headers and not hmac.compare_digest(_unbase64(self._headers[name]), digest):
            raise ErrorResponse(400, "BadDigest", f"The {name} you specified did not match what we received.")

    def _options(self) -> UploadOptions:
        """Return the options of the upload; if the request has conditions, the options pin the current version.

        Raises:
            ErrorResponse: a condition does not hold, or the upload in parts is gone.
        """
        key, headers = self._verified.key, self._headers
        if PART in self._verified.query:
            multipart_direct.require(self._staged, key, self._verified.query[UPLOAD])
            return UploadOptions()
        prefix = METADATA_HEADER
        metadata = {name.removeprefix(prefix): value for name, value in headers.items() if name.startswith(prefix)}
        texts: dict[str, Any] = {name: headers.get(http_name(name)) for name in TEXT_HEADERS}
        if not texts["content_type"]:
            texts["content_type"] = guess_content_type(key)
            texts["content_encoding"] = texts["content_encoding"] or guess_content_encoding(key)
        options = UploadOptions(**texts, metadata=decode_metadata(metadata))
        if not headers.keys() & CONDITIONS:
            return options
        current = None
        with contextlib.suppress(NotFoundError):
            current = stat(self._root, key)
        require(current, headers)
        return attrs.evolve(options, overwrite=current is not None, if_match=current.etag if current else None)


def _unbase64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ErrorResponse(400, "InvalidDigest", "The digest you specified is not valid.") from error
