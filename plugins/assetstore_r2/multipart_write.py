"""Writes an asset in parts: equal sizes, several at a time, verified at the end, aborted on failure."""

from __future__ import annotations

import contextlib
import hashlib
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, wait
from contextvars import copy_context
from typing import Any, Protocol, TypeVar

import attrs

from assetstore.plugin import AssetStoreError, IntegrityError, SourceError, limits, stopping
from assetstore_r2 import settle
from assetstore_r2.bucket import Bucket
from assetstore_r2.deadline import Deadline, current
from assetstore_r2.errors import LostAnswerError, translated
from assetstore_r2.headers import is_encrypted, unquoted
from assetstore_r2.parallel import in_parallel

T = TypeVar("T")

# Seconds for the abort, which has a time of its own because that of the operation may be over.
_ABORT, _ABORT_AT_CTRL_C = 20.0, 1.0
_ETAG = re.compile(r"[0-9a-f]{32}-\d+")


@attrs.frozen(kw_only=True)
class Part:
    """A stored part.

    Attributes:
        number: from 1.
        etag: the ETag that the store returned.
        md5: the MD5 of its bytes, or ``None`` if the store copied them.
    """

    number: int
    etag: str
    md5: bytes | None


class Earlier(Protocol):
    """What an earlier process sent of an upload.

    Attributes:
        parts_id: the service's id of the upload, or ``None`` if it is to be begun.
    """

    parts_id: str | None

    def begin(self, parts_id: str, write: str) -> None:
        """Take note of an upload that was just begun."""

    def find(self, number: int, piece: Any) -> Part | None:
        """Return the stored part that has these bytes, if there is one; several threads call it."""

    def keeps(self, error: BaseException) -> bool:
        """Return whether the upload, which ends by this error, goes on later and is not to be aborted."""


def part_size_for(size: int, smallest: int) -> int:
    """Return the size of all parts but the last: ``smallest``, or more whole MiB if 10,000 of those are too few."""
    return smallest if size <= smallest * limits.MAX_PARTS else -(-size // (limits.MAX_PARTS * limits.MIB)) * limits.MIB


def send_parts(
    bucket: Bucket,
    key: str,
    pieces: Iterator[T],
    send: Callable[[str, int, T], Part],
    *,
    workers: int,
    params: Mapping[str, Any],
    conditions: Mapping[str, str],
    write: str,
    before_end: Callable[[], None] = lambda: None,
    earlier: Earlier | None = None,
) -> Mapping[str, Any]:
    """Write an asset in parts and return the store's last response.

    Args:
        bucket: the bucket.
        key: the key.
        pieces: the source of each part, in order; read by this thread alone.
        send: makes one attempt to send a part, given the upload's id, the part's number and its piece; called by several
            threads.
        workers: how many pieces are sent at a time; one more is held in memory.
        params: headers and metadata.
        conditions: the write's conditions; the store evaluates them when the upload is completed.
        write: the mark of this write in its metadata.
        before_end: called when all parts are stored; an exception from it aborts the write.
        earlier: what an earlier process sent, and where to note what is sent now.
    """
    begun = None if earlier is None else earlier.parts_id
    parts_id = begun or _begin_or_abort(bucket, key, params)
    if earlier is not None and begun is None:
        earlier.begin(parts_id, write)

    def attempt(numbered: tuple[int, T]) -> Part:
        part = None if earlier is None else earlier.find(*numbered)
        if part is None:
            part = bucket.retries.ask(lambda: send(parts_id, *numbered))
        return part

    try:
        with current().paused():
            parts = list(in_parallel(attempt, _numbered(pieces), workers))
        before_end()
        return _complete(bucket, key, parts_id, parts, conditions, write)
    except BaseException as error:
        if earlier is None or not earlier.keeps(error):
            _abort(bucket, key, parts_id, _ABORT if isinstance(error, Exception) else _ABORT_AT_CTRL_C)
        raise


def begin(bucket: Bucket, key: str, params: Mapping[str, Any]) -> str:
    """Begin an upload in parts and return the service's id of it; one that was begun in vain expires."""

    def send() -> str:
        with translated():
            answer = bucket.s3.create_multipart_upload(Bucket=bucket.name, Key=key, **params)
            if "UploadId" not in answer:
                raise LostAnswerError
        return str(answer["UploadId"])

    return bucket.retries.ask(send)


def _begin_or_abort(bucket: Bucket, key: str, params: Mapping[str, Any]) -> str:
    """Begin an upload; if the operation is ended before the service answers, abort it, because nobody else knows its id."""
    # A deadline of its own, so that the end of the operation does not cut the answer off.
    limit = bucket.deadline()
    begun: Future[str] = Future()
    counted = copy_context().run  # its request counts for the operation
    work = (_begin, bucket, key, params, limit, begun)
    sending = threading.Thread(target=counted, args=work, name="assetstore-begin", daemon=True)
    try:
        with stopping(lambda: threading.Timer(_ABORT_AT_CTRL_C, limit.cancel).start()):  # closing waits no longer
            sending.start()
            parts_id = begun.result()
            with translated():
                current().left()
    except BaseException:
        wait([begun], _ABORT_AT_CTRL_C)
        limit.cancel()
        if begun.done() and begun.exception() is None:
            _abort(bucket, key, begun.result(), _ABORT_AT_CTRL_C)
        raise
    return parts_id


def _begin(bucket: Bucket, key: str, params: Mapping[str, Any], limit: Deadline, begun: Future[str]) -> None:
    try:
        with limit:
            begun.set_result(begin(bucket, key, params))
    except BaseException as error:
        begun.set_exception(error)


def _numbered(pieces: Iterator[T]) -> Iterator[tuple[int, T]]:
    for number, piece in enumerate(pieces, 1):
        if number > limits.MAX_PARTS:
            raise SourceError(
                f"the source must fit into {limits.MAX_PARTS} parts",
                hint="pass a source of known length, such as a file, or set a larger part_size",
            )
        yield number, piece


def _complete(
    bucket: Bucket, key: str, parts_id: str, parts: Sequence[Part], conditions: Mapping[str, str], write: str
) -> Mapping[str, Any]:
    listed = [{"PartNumber": part.number, "ETag": part.etag} for part in parts]

    def send(bound: Mapping[str, str]) -> Mapping[str, Any]:
        with translated(create_only="IfNoneMatch" in conditions, if_match=conditions.get("IfMatch")):
            answer: Mapping[str, Any] = bucket.s3.complete_multipart_upload(
                Bucket=bucket.name, Key=key, UploadId=parts_id, MultipartUpload={"Parts": listed}, **bound
            )
            if "ETag" not in answer:
                raise LostAnswerError
        return answer

    answer = settle.write(bucket, key, write, send, conditions)
    _check_etag(answer, [part.md5 for part in parts if part.md5 is not None], len(parts))
    return answer


def _check_etag(answer: Mapping[str, Any], digests: Sequence[bytes], count: int) -> None:
    etag = unquoted(answer["ETag"]) or ""
    if len(digests) < count or is_encrypted(answer) or not _ETAG.fullmatch(etag):
        return
    expected = hashlib.md5(b"".join(digests), usedforsecurity=False).hexdigest()
    if etag != f"{expected}-{count}":
        raise IntegrityError("the stored asset does not match the parts that were sent", hint="upload it again")


def _abort(bucket: Bucket, key: str, parts_id: str, timeout: float) -> None:
    """Abort the upload. A failure is ignored: the error that led here is raised, and R2 aborts after 7 days."""

    def send() -> None:
        with translated():
            bucket.s3.abort_multipart_upload(Bucket=bucket.name, Key=key, UploadId=parts_id)

    with contextlib.suppress(AssetStoreError), Deadline(timeout, outlives_call=True):
        bucket.retries.ask(send)
