"""Reads and looks up assets: a read survives a broken connection and never mixes two versions."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import copy_context
from typing import Any

from assetstore.plugin import (
    AssetInfo,
    AssetStoreError,
    AssetStream,
    BackendError,
    PreconditionError,
    ReadOptions,
    UnavailableError,
    stopping,
)
from assetstore_r2.bucket import Bucket
from assetstore_r2.deadline import current
from assetstore_r2.errors import LostAnswerError, answer_of, require_asset, translate, translated
from assetstore_r2.headers import info_from_head, quoted, unquoted
from assetstore_r2.ranges import Run, Sent, check
from assetstore_r2.wire.errors import CancelledError, TooSlowError

_PIECE = 64 << 10


def stat(bucket: Bucket, key: str) -> AssetInfo:
    """Look an asset up by a HEAD."""
    head = bucket.head(key)
    return info_from_head(key, head, head["ContentLength"])


def read(bucket: Bucket, key: str, options: ReadOptions) -> AssetStream:
    """Open an asset or a range of it; a range at or beyond the end is empty."""
    if options.length == 0:
        return _empty(bucket, key, options)
    run = Run(options.offset, None if options.length is None else options.offset + options.length - 1)
    try:
        answer, sent = _get(bucket, key, run, options.if_match)
    except AssetStoreError as error:
        if _status(error) != 416:
            raise
        return _empty(bucket, key, options)
    info = info_from_head(key, answer, sent.size)
    return AssetStream(info=info, body=ResumingBody(bucket, key, answer, run.first, sent), length=sent.length)


class ResumingBody:
    """The bytes of one version of an asset from ``start`` on; reading resumes after a broken connection."""

    def __init__(self, bucket: Bucket, key: str, answer: Mapping[str, Any], start: int, sent: Sent) -> None:
        self._bucket = bucket
        self._key = key
        self._etag: str | None = answer.get("ETag")
        self._stream: Any = answer["Body"]
        self._skip = sent.skip
        self._position = start
        self._end = start + sent.length
        self._size = sent.size
        self._broken_in_a_row = 0
        self._limit = current()
        self._context = copy_context()  # further requests count for the operation that opened it

    def read(self, size: int = -1, /) -> bytes:
        """Return at most ``size`` bytes, ``b""`` only at the end.

        Raises:
            PreconditionError: the asset was replaced meanwhile.
            UnavailableError: the connection kept breaking.
        """
        left = self._end - self._position
        wanted = left if size < 0 else min(size, left)
        while wanted:
            try:
                with stopping(self._limit.cancel):
                    data: bytes = self._stream.read(min(self._skip, _PIECE) or wanted)
                if not data:
                    raise LostAnswerError
            except Exception as error:
                self._resume(error)
                continue
            if self._skip:
                self._skip -= len(data)
                continue
            self._broken_in_a_row = 0
            self._position += len(data)
            return data
        return b""

    def close(self) -> None:
        """Release the connection, or close it if bytes are left."""
        self._stream.close()

    def _resume(self, error: Exception) -> None:
        self.close()
        ours = translate(error)
        if ours is None and not isinstance(error, OSError):
            raise error
        if ours is not None and isinstance(error, TooSlowError | CancelledError):
            raise ours from error
        self._broken_in_a_row += 1
        if self._broken_in_a_row >= self._bucket.retries.max_attempts or self._etag is None:
            raise UnavailableError("the connection kept breaking while the asset was read", hint="read again") from error
        try:
            answer, sent = self._context.run(self._get_rest)
        except PreconditionError as changed:
            raise PreconditionError("the asset was replaced while it was read", hint="read it from the start") from changed
        self._stream, self._skip = answer["Body"], sent.skip
        if (answer.get("ETag"), sent.size, sent.length) != (self._etag, self._size, self._end - self._position):
            self.close()
            raise PreconditionError("the store continued with another version", hint="read it from the start")

    def _get_rest(self) -> tuple[dict[str, Any], Sent]:
        with self._bucket.deadline() as self._limit:
            return _get(self._bucket, self._key, Run(self._position, self._end - 1), self._etag)


def _get(bucket: Bucket, key: str, run: Run, if_match: str | None) -> tuple[dict[str, Any], Sent]:
    params = {} if run.header is None else {"Range": run.header}
    if if_match is not None:
        params["IfMatch"] = quoted(if_match)

    def send() -> tuple[dict[str, Any], Sent]:
        with translated():
            answer: dict[str, Any] = bucket.s3.get_object(Bucket=bucket.name, Key=key, **params)
            try:
                require_asset(answer)
                sent = check(answer, run)
                in_part = run.header is not None and "ContentRange" in answer
                if sent is None or (not in_part and _is_transformed(bucket, key, answer)):
                    raise _transformed()
            except BaseException:
                answer["Body"].close()
                raise
        return answer, sent

    return bucket.retries.ask(send)


def _is_transformed(bucket: Bucket, key: str, answer: Mapping[str, Any]) -> bool:
    """Return whether a whole asset with a Content-Encoding differs from the stored bytes, judged by its length."""
    if "ContentEncoding" not in answer:
        return False
    stored: int = bucket.head(key, unquoted(answer.get("ETag")))["ContentLength"]
    sent: int = answer["ContentLength"]
    return stored != sent


def _transformed() -> BackendError:
    """Return the error for a body that differs from the stored bytes.

    R2 decompresses an asset with a Content-Encoding, its emulator compresses it again; the length is then missing.
    """
    return BackendError(
        "the store did not send the stored bytes: it compresses or decompresses assets with a Content-Encoding",
        hint="let clients fetch it by its URL, or store it without content_encoding",
    )


def _empty(bucket: Bucket, key: str, options: ReadOptions) -> AssetStream:
    head = bucket.head(key, options.if_match)
    size = head["ContentLength"]
    if options.length != 0 and options.offset < size:
        raise UnavailableError("the asset was replaced while it was opened", hint="read again")
    return AssetStream(info=info_from_head(key, head, size), body=_NoBytes(), length=0)


class _NoBytes:
    def read(self, _: int = -1, /) -> bytes:
        return b""

    def close(self) -> None:
        return


def _status(error: AssetStoreError) -> int:
    status: int = answer_of(error).get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return status
