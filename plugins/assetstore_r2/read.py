"""Reads and looks up assets: a read survives a broken connection and never mixes two versions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from assetstore.plugin import (
    AssetInfo,
    AssetStoreError,
    AssetStream,
    BackendError,
    PreconditionError,
    ReadOptions,
    UnavailableError,
)
from assetstore_r2.bucket import Bucket
from assetstore_r2.errors import LostAnswerError, answer_of, translate, translated
from assetstore_r2.headers import info_from_head, quoted, unquoted


def stat(bucket: Bucket, key: str) -> AssetInfo:
    """Look an asset up by a HEAD, which does not distinguish a missing bucket from a missing asset."""
    head = bucket.head(key)
    return info_from_head(key, head, head["ContentLength"])


def read(bucket: Bucket, key: str, options: ReadOptions) -> AssetStream:
    """Open an asset or a range of it; a range at or beyond the end is empty."""
    if options.length == 0:
        return _empty(bucket, key, options)
    whole = options.offset == 0 and options.length is None
    first, last = options.offset, "" if options.length is None else options.offset + options.length - 1
    try:
        answer = _get(bucket, key, None if whole else f"bytes={first}-{last}", options.if_match)
    except AssetStoreError as error:
        if _status(error) != 416:
            raise
        return _empty(bucket, key, options)
    size = _whole_size(answer)
    length = _range_length(answer) if "ContentRange" in answer else size
    try:
        if size is None or length is None or _is_transformed(bucket, key, answer, length):
            raise _transformed()
    except BaseException:
        answer["Body"].close()
        raise
    info = info_from_head(key, answer, size)
    return AssetStream(info=info, body=ResumingBody(bucket, key, answer, options.offset, length), length=length)


class ResumingBody:
    """The bytes of one version of an asset from ``start`` on; reading resumes after a broken connection."""

    def __init__(self, bucket: Bucket, key: str, answer: Mapping[str, Any], start: int, length: int) -> None:
        self._bucket = bucket
        self._key = key
        self._etag: str | None = answer.get("ETag")
        self._stream: Any = answer["Body"]
        self._position = start
        self._end = start + length
        self._broken_in_a_row = 0

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
                data: bytes = self._stream.read(wanted)
                if not data:
                    raise LostAnswerError
            except Exception as error:
                self._resume(error)
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
        self._broken_in_a_row += 1
        if self._broken_in_a_row >= self._bucket.retries.max_attempts or self._etag is None:
            raise UnavailableError("the connection kept breaking while the asset was read", hint="read again") from error
        try:
            answer = _get(self._bucket, self._key, f"bytes={self._position}-{self._end - 1}", self._etag)
        except PreconditionError as changed:
            raise PreconditionError("the asset was replaced while it was read", hint="read it from the start") from changed
        self._stream = answer["Body"]
        if _is_transformed(self._bucket, self._key, answer, self._end - self._position):
            self.close()
            raise _transformed()
        if _first_byte(answer) != self._position or answer.get("ETag") != self._etag:
            self.close()
            raise PreconditionError("the store continued with other bytes than requested", hint="read it from the start")


def _get(bucket: Bucket, key: str, byte_range: str | None, if_match: str | None) -> dict[str, Any]:
    params = {} if byte_range is None else {"Range": byte_range}
    if if_match is not None:
        params["IfMatch"] = quoted(if_match)

    def send() -> dict[str, Any]:
        with translated():
            answer: dict[str, Any] = bucket.s3.get_object(Bucket=bucket.name, Key=key, **params)
            if "ETag" not in answer:
                answer["Body"].close()
                raise LostAnswerError
        return answer

    return bucket.retries.ask(send)


def _is_transformed(bucket: Bucket, key: str, answer: Mapping[str, Any], length: int) -> bool:
    """Return whether a body with a Content-Encoding differs from the stored bytes, judged by its length."""
    if "ContentEncoding" not in answer:
        return False
    if "ContentLength" not in answer or "ContentRange" in answer:
        return answer.get("ContentLength") != length
    stored: int = bucket.head(key, unquoted(answer["ETag"]))["ContentLength"]
    return stored != length


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


def _whole_size(answer: Mapping[str, Any]) -> int | None:
    """Return the size of the asset; for a range it follows the slash, as in ``bytes 0-9/100``."""
    total = str(answer.get("ContentRange", "")).rpartition("/")[2]
    size: int | None = int(total) if total.isdecimal() else answer.get("ContentLength")
    return size


def _range_length(answer: Mapping[str, Any]) -> int | None:
    """Return the length in Content-Range, because a proxy may have cut the body and adjusted its Content-Length."""
    first, _, last = str(answer["ContentRange"]).removeprefix("bytes ").partition("/")[0].partition("-")
    return int(last) - int(first) + 1 if first.isdecimal() and last.isdecimal() else None


def _first_byte(answer: Mapping[str, Any]) -> int:
    first = str(answer.get("ContentRange", "")).removeprefix("bytes ").partition("-")[0]
    return int(first) if first.isdecimal() else 0


def _status(error: AssetStoreError) -> int:
    status: int = answer_of(error).get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return status
