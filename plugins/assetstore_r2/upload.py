"""Writes an asset: in one request if it fits into a part, otherwise in several parts at a time."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
from collections import deque
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import attrs

from assetstore.plugin import (
    AssetInfo,
    AssetStoreError,
    IntegrityError,
    NotFoundError,
    PreconditionError,
    Source,
    SourceError,
    UploadOptions,
    limits,
)
from assetstore_r2 import settle
from assetstore_r2.bucket import Bucket
from assetstore_r2.deadline import current
from assetstore_r2.errors import LostAnswerError, answer_of, mismatched, taken, translated, unmatched
from assetstore_r2.headers import (
    PART_SIZE,
    SHA256,
    WRITE,
    digest_from,
    is_encrypted,
    md5_digest,
    quoted,
    unquoted,
    upload_params,
    utc,
)
from assetstore_r2.multipart_write import Part, part_size_for, send_parts

if TYPE_CHECKING:
    from assetstore_r2.multipart_resume import EarlierUpload

_MEMORY = 256 << 20


def upload(bucket: Bucket, key: str, source: Source, options: UploadOptions) -> AssetInfo:
    """Write an asset whole or not at all.

    A source of unknown length is sent in parts of ``part_size``, since R2 requires equal parts.

    Raises:
        SourceError: the source is too large; one of unknown length fails only after 10,000 parts.
    """
    size = source.size
    if size is not None and size > limits.MAX_ASSET:
        raise SourceError(f"the source must have at most {limits.MAX_ASSET} bytes, got {size}", hint="split it")
    bucket.require_metadata(options.metadata)
    with telling_unmatched(bucket, key, options):
        return _upload(bucket, key, source, options)


@contextlib.contextmanager
def telling_unmatched(bucket: Bucket, key: str, options: UploadOptions) -> Iterator[None]:
    """Look whether there is an asset when ``if_match`` fails: an answer of 412 does not tell."""
    try:
        yield
    except PreconditionError as error:
        if options.if_match is not None and answer_of(error) and _is_missing(bucket, key):
            raise unmatched() from error
        raise


def _upload(bucket: Bucket, key: str, source: Source, options: UploadOptions) -> AssetInfo:
    size = source.size
    mark = {WRITE: _new_mark()}
    if size is not None and size > bucket.part_size:
        return _upload_large(bucket, key, source, size, options)
    if source.checkpoint is not None and source.checkpoint.begun:  # there was more to send
        from assetstore_r2 import multipart_resume  # most programs resume nothing

        multipart_resume.end(bucket, key, source.checkpoint)
    reader = source.open()
    # Of what is read ahead, each part must go once it is sent.
    ahead: deque[bytes] = deque()
    with current().paused():
        ahead.append(reader.read(bucket.part_size))
        if len(ahead[0]) == bucket.part_size:
            ahead.append(reader.read(bucket.part_size))
    if len(ahead) == 1 or not ahead[1]:
        return _put(bucket, key, ahead[0], options, mark)
    _refuse_early(bucket, key, options)
    pieces = iter(lambda: ahead.popleft() if ahead else reader.read(bucket.part_size), b"")
    return _put_parts(bucket, key, pieces, bucket.part_size, options, {**mark, PART_SIZE: str(bucket.part_size)})


def _upload_large(bucket: Bucket, key: str, source: Source, size: int, options: UploadOptions) -> AssetInfo:
    """Write an asset of more than one part, whose size is known; go on with an upload of it that was interrupted."""
    was_begun = source.checkpoint is not None and bool(source.checkpoint.begun)
    if not was_begun:
        _refuse_early(bucket, key, options)
    with current().paused():
        sha256 = source.digest() if source.rewindable else source.sha256
    part_size = part_size_for(size, bucket.part_size)
    own = {PART_SIZE: str(part_size)} if sha256 is None else {SHA256: sha256}

    def put(earlier: EarlierUpload | None) -> AssetInfo:
        reader = source.open()
        pieces = iter(lambda: reader.read(part_size), b"")
        if source.path is None and source.rewindable:  # of a file, size and time show that it changed
            pieces = _checked(pieces, sha256)
        mark = {WRITE: (earlier and earlier.write) or _new_mark()}
        return _put_parts(bucket, key, pieces, part_size, options, {**mark, **own}, earlier)

    if source.checkpoint is None:
        return put(None)
    from assetstore_r2 import multipart_resume  # most programs resume nothing

    fingerprint = multipart_resume.fingerprint_of(upload_params(options, own), part_size, size)
    earlier = multipart_resume.find(bucket, key, source.checkpoint, fingerprint, size)
    if earlier.done is not None:
        return _written(key, size, earlier.done, options, {**own, WRITE: str(earlier.write)})
    if was_begun:
        with multipart_resume.dropping(bucket, key, earlier):
            _refuse_early(bucket, key, options)
    if earlier.there:
        source.checkpoint.resumed(sum(min(part_size, size - (number - 1) * part_size) for number in earlier.there), size)
    try:
        return put(earlier)
    except AssetStoreError as error:
        if not earlier.is_stale(error) or not source.rewindable:
            raise
    source.checkpoint.forget()
    return put(multipart_resume.find(bucket, key, source.checkpoint, fingerprint, size))


def _new_mark() -> str:
    return os.urandom(16).hex()


def _put(bucket: Bucket, key: str, data: bytes, options: UploadOptions, mark: Mapping[str, str]) -> AssetInfo:
    put = Put.of(bucket, key, data, options, mark)
    return put.stored(settle.write(bucket, key, mark[WRITE], put.send, put.conditions))


@attrs.frozen(eq=False)
class Put:
    """The bytes of an asset, to be written by one request.

    Attributes:
        bucket: where.
        key: under which key.
        size: how many bytes they are.
        options: how.
        own: assetstore's part of the metadata.
        params: the parameters of the request, without its conditions.
        md5: what the ETag must be, if it was computed.
    """

    bucket: Bucket
    key: str
    size: int
    options: UploadOptions
    own: Mapping[str, str]
    params: Mapping[str, Any] = attrs.field(repr=False)
    md5: bytes | None

    @classmethod
    def of(cls, bucket: Bucket, key: str, data: bytes, options: UploadOptions, mark: Mapping[str, str] | None = None) -> Put:
        """Prepare the request; ``mark`` tells this write from any other."""
        sha256 = hashlib.sha256(data).hexdigest()
        digests, md5 = bucket.digests(data, sha256)
        own = {**(mark or {WRITE: _new_mark()}), SHA256: sha256}
        params = {"Bucket": bucket.name, "Key": key, "Body": data, **digests, **upload_params(options, own)}
        return cls(bucket, key, len(data), options, own, params, md5)

    @property
    def conditions(self) -> dict[str, str]:
        """The conditions of the first attempt."""
        return _conditions(self.options)

    def send(self, conditions: Mapping[str, str], failure: Exception | None = None) -> Mapping[str, Any]:
        """Make an attempt and return the answer; with ``failure`` it was made already, and that is what it raised."""
        with translated(create_only=not self.options.overwrite, if_match=self.options.if_match):
            if failure is not None:
                raise failure
            answer: Mapping[str, Any] = self.bucket.s3.put_object(**self.params, **conditions)
            if "ETag" not in answer:
                raise LostAnswerError
        return answer

    def stored(self, answer: Mapping[str, Any]) -> AssetInfo:
        """Return what was stored.

        Raises:
            IntegrityError: it is something else.
        """
        stored = None if is_encrypted(answer) or self.md5 is None else md5_digest(unquoted(answer["ETag"]))
        if stored is not None and self.md5 is not None and stored != f"md5:{self.md5.hex()}":
            raise IntegrityError("the stored bytes differ from those that were sent", hint="upload it again")
        return _written(self.key, self.size, answer, self.options, self.own)


def _put_parts(
    bucket: Bucket,
    key: str,
    pieces: Iterator[bytes],
    part_size: int,
    options: UploadOptions,
    own: Mapping[str, str],
    earlier: EarlierUpload | None = None,
) -> AssetInfo:
    size = 0

    def counted() -> Iterator[bytes]:
        nonlocal size
        for piece in pieces:
            size += len(piece)
            yield piece

    answer = send_parts(
        bucket,
        key,
        counted(),
        functools.partial(_send_part, bucket, key, earlier),
        workers=max(1, min(bucket.max_concurrency, _MEMORY // part_size)),
        params=upload_params(options, own),
        conditions=_conditions(options),
        write=own[WRITE],
        earlier=earlier,
    )
    return _written(key, size, _verified(bucket, key, size, own[WRITE], answer), options, own)


def _send_part(
    bucket: Bucket, key: str, earlier: EarlierUpload | None, parts_id: str, number: int, piece: bytes
) -> Part:
    """Make one attempt to send a part; ``earlier`` notes it for a process that goes on."""
    sha256 = None if earlier is None else earlier.sending(number, piece)
    digests, md5 = bucket.digests(piece, sha256)
    with translated():
        answer = bucket.s3.upload_part(
            Bucket=bucket.name,
            Key=key,
            UploadId=parts_id,
            PartNumber=number,
            Body=piece,
            **digests,
        )
        if "ETag" not in answer:
            raise LostAnswerError
    part = Part(number=number, etag=answer["ETag"], md5=md5)
    if earlier is not None and sha256 is not None:
        earlier.sent(part, sha256)
    return part


def _verified(bucket: Bucket, key: str, size: int, mark: str, answer: Mapping[str, Any]) -> Mapping[str, Any]:
    """Look at an asset that was put together; the response to that may lack its ETag, or have another one."""
    try:
        head = bucket.head(key)
    except AssetStoreError:
        return answer  # it was written, and perhaps this token may not read
    if head["Metadata"].get(WRITE) != mark:
        return answer  # another client has written since
    if head["ContentLength"] != size:
        raise IntegrityError(f"{size} bytes were sent and {head['ContentLength']} stored", hint="upload it again")
    return head


def _checked(pieces: Iterator[bytes], sha256: str | None) -> Iterator[bytes]:
    """Yield the pieces, and raise at the end if they do not match ``sha256``."""
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
        yield piece
    if digest.hexdigest() != sha256:
        raise SourceError("the source changed while it was read", hint="upload it again once it is no longer written to")


def _is_missing(bucket: Bucket, key: str) -> bool:
    try:
        bucket.head(key)
    except NotFoundError:
        return True
    except AssetStoreError:
        pass
    return False


def _refuse_early(bucket: Bucket, key: str, options: UploadOptions) -> None:
    """Refuse a long upload that is bound to fail. The condition on its last request is what decides."""
    if options.overwrite and options.if_match is None:
        return
    try:
        etag = unquoted(bucket.head(key).get("ETag"))
    except NotFoundError:
        if options.if_match is None:
            return
        raise unmatched() from None
    if not options.overwrite:
        raise taken()
    if options.if_match not in ("*", etag, quoted(etag or "")):
        raise mismatched()


def _conditions(options: UploadOptions) -> dict[str, str]:
    conditions = {} if options.overwrite else {"IfNoneMatch": "*"}
    return conditions if options.if_match is None else {**conditions, "IfMatch": quoted(options.if_match)}


def _written(key: str, size: int, answer: Mapping[str, Any], options: UploadOptions, own: Mapping[str, str]) -> AssetInfo:
    return AssetInfo(
        key=key,
        size=size,
        etag=unquoted(answer["ETag"]),
        last_modified=utc(answer.get("LastModified")),
        digest=digest_from(own, answer, size),
        **{**options.given(), "metadata": options.metadata or {}},
    )
