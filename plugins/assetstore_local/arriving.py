"""Uploads on their way in: measured and digested as they come, stored when all is as it was said."""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import hmac
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING

import attrs

from assetstore import NotFoundError, StatOptions, UploadOptions, decode_metadata, guess_content_type
from assetstore_local.answers import Answer, Refusal, refusing
from assetstore_local.conditions import CONDITIONS, require
from assetstore_local.parts import require_upload, save_part
from assetstore_local.proving import Proved
from assetstore_local.signing import PART, UPLOAD

if TYPE_CHECKING:
    from assetstore_local.backend import LocalBackend

META = "x-amz-meta-"
_SHA256 = "x-amz-checksum-sha256"
_MD5 = "content-md5"
_INCOMPLETE = (400, "IncompleteBody", "The body has not as many bytes as the Content-Length header says.")


class Arriving:
    """An upload whose bytes are on their way. Each method may block on the disk, and none runs while another one does."""

    def __init__(
        self,
        backend: LocalBackend,
        proved: Proved,
        headers: Mapping[str, str],
        size: int,
        dress: Callable[[Answer], Answer],
    ) -> None:
        """Begin it.

        Args:
            backend: where it will be stored.
            proved: what was signed.
            headers: those of the request.
            size: how many bytes were declared.
            dress: adds to an answer what every answer has.

        Raises:
            Refusal: it is clear already that nothing can be stored.
        """
        self._backend, self._proved, self._headers, self._left, self._dress = backend, proved, headers, size, dress
        self._md5 = hashlib.md5(usedforsecurity=False) if _MD5 in headers or PART in proved.query else None
        # Whoever waits for a thread can be made to stop waiting and close this; the thread goes on, and its file may be
        # another one by then.
        self._lock = threading.Lock()
        self._is_open = True
        with ExitStack() as stack, refusing():
            self._incoming = stack.enter_context(backend.incoming())
            self._options()
            self._stack = stack.pop_all()

    def write(self, data: bytes) -> None:
        """Take further bytes.

        Raises:
            Refusal: there are more than were declared, or the disk is full.
        """
        with self._lock:
            self._left -= len(data)
            if self._left < 0 or not self._is_open:
                raise Refusal(*_INCOMPLETE)
            with refusing():
                self._incoming.write(data)
            if self._md5:
                self._md5.update(data)

    def finish(self) -> Answer:
        """Store what came, and return the answer.

        Raises:
            Refusal: bytes are missing, differ from a digest, or a condition does not hold.
        """
        with self._lock:
            if self._left or not self._is_open:
                raise Refusal(*_INCOMPLETE)
            md5 = self._md5.digest() if self._md5 else b""
            self._require_digest(_SHA256, self._incoming.sha256)
            self._require_digest(_MD5, md5)
            query = self._proved.query
            with refusing():
                options = self._options()
                if PART in query:
                    etag: str | None = md5.hex()
                    save_part(self._incoming, self._proved.key, query[UPLOAD], int(query[PART]), md5.hex())
                else:
                    etag = self._incoming.commit(self._proved.key, options).etag
            return self._dress(Answer(200, {"etag": f'"{etag}"'}))

    def close(self) -> None:
        """Leave nothing that was not stored."""
        with self._lock:
            self._is_open = False
            self._stack.close()

    def _require_digest(self, name: str, digest: bytes) -> None:
        if name in self._headers and not hmac.compare_digest(_unbase64(self._headers[name]), digest):
            raise Refusal(400, "BadDigest", f"The {name} you specified did not match what we received.")

    def _options(self) -> UploadOptions:
        """Return how to store it: on the condition that what stands there now still does, where there are conditions.

        Raises:
            Refusal: a condition does not hold, or the upload that this is a part of is gone.
        """
        key, headers = self._proved.key, self._headers
        if PART in self._proved.query:
            require_upload(self._incoming.tree, key, self._proved.query[UPLOAD])
            return UploadOptions()
        options = UploadOptions(
            content_type=headers.get("content-type") or guess_content_type(key),
            cache_control=headers.get("cache-control"),
            content_disposition=headers.get("content-disposition"),
            content_language=headers.get("content-language"),
            metadata=decode_metadata(
                {name.removeprefix(META): value for name, value in headers.items() if name.startswith(META)}
            ),
        )
        if not headers.keys() & CONDITIONS:
            return options
        standing = None
        with contextlib.suppress(NotFoundError):
            standing = self._backend.assetstore_stat(key=key, options=StatOptions())
        require(standing, headers)
        return attrs.evolve(options, overwrite=standing is not None, if_match=standing.etag if standing else None)


def _unbase64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Refusal(400, "InvalidDigest", "The digest you specified is not valid.") from error
