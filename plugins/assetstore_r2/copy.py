"""Copies inside a bucket, or between two of one service, without moving the bytes through this machine."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

import attrs

from assetstore.plugin import AssetInfo, CopyOptions, NotFoundError, PreconditionError, UnavailableError
from assetstore_r2 import copy_conditions
from assetstore_r2.bucket import Bucket
from assetstore_r2.errors import LostAnswerError, taken, translated
from assetstore_r2.headers import FIELDS, copy_params, head_of, info_from_head
from assetstore_r2.multipart_write import Part, part_size_for, send_parts
from assetstore_r2.settle import ABSENT, Conditions, Found, Head, settled, written

_ATTEMPTS = 3
_PART = 512 << 20
_ANSWERED = ("ETag", "LastModified", "ServerSideEncryption", "SSECustomerAlgorithm")
_R2 = "cf-copy-destination-"
_CONDITIONS = {"IfNoneMatch": "if-none-match", "IfMatch": "if-match"}


@attrs.frozen
class Original:
    """What is copied.

    Attributes:
        bucket: the bucket that it is in, of the same service.
        key: its key.
        head: the answer to a HEAD of it.
    """

    bucket: Bucket
    key: str
    head: Head

    @property
    def params(self) -> dict[str, Any]:
        """The parameters that name it."""
        return {"CopySource": {"Bucket": self.bucket.name, "Key": self.key}}


def copy(
    bucket: Bucket, source: str, destination: str, options: CopyOptions, origin: Bucket | None = None
) -> AssetInfo:
    """Copy an asset with its headers and metadata, except those that ``options`` change; ``origin`` is another bucket.

    If it is replaced meanwhile, the copy begins again, unless the caller asked for a version.
    """
    bucket.require_metadata(options.metadata)
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            return _copy(bucket, source, destination, options, origin or bucket)
        except _ReplacedError as error:
            if options.if_match is not None:
                raise PreconditionError(error.message, hint="stat it again") from error
            if attempt == _ATTEMPTS:
                raise
    raise AssertionError  # the last attempt returns or raises


class _ReplacedError(UnavailableError):
    """The source was replaced while it was copied."""


def _copy(bucket: Bucket, source: str, destination: str, options: CopyOptions, origin: Bucket) -> AssetInfo:
    head = origin.head(source, options.if_match) if options.known is None else head_of(options.known)
    original = Original(origin, source, head)
    mark = uuid.uuid4().hex
    in_parts = head["ContentLength"] > bucket.copy_limit
    params = copy_params(head, options, mark, in_parts=in_parts)
    conditions = {} if options.overwrite else ABSENT
    itself = source == destination and origin is bucket
    changed = itself or any(getattr(options, field) is not None for field in (*FIELDS, "metadata"))
    if not options.overwrite and _is_taken(bucket, destination):
        raise taken()
    try:
        if in_parts:
            answer = _copy_parts(bucket, original, destination, params, mark, conditions)
        elif changed or not options.overwrite:
            answer = _copy_marked(bucket, original, destination, params, mark, conditions, head if itself else None)
        else:
            answer, params = _copy_plain(bucket, original, destination), head
    except PreconditionError as error:
        # A failed condition on the source looks like one on the destination.
        if not options.overwrite and _is_taken(bucket, destination):
            raise taken() from error
        if options.if_match is not None:
            raise
        raise _replaced() from error
    answered = {name: answer[name] for name in _ANSWERED if name in answer}
    described = {**head, **dict.fromkeys(FIELDS.values()), **params, "LastModified": None, **answered}
    return info_from_head(destination, described, head["ContentLength"])


def _copy_plain(bucket: Bucket, original: Original, destination: str) -> Head:
    """Let the store copy the headers, including those that this client does not know.

    Such a copy has no mark of its own. In doubt, an asset that equals the source in all that is known counts as it.
    """
    head = original.head

    def decide(found: Found) -> Head | None:
        wanted = info_from_head(destination, head, head["ContentLength"])
        there = None if found.head is None else info_from_head(destination, found.head, found.head["ContentLength"])
        if there is not None and attrs.evolve(there, last_modified=wanted.last_modified) == wanted:
            return found.head
        return written(found, "", {})

    return settled(bucket, destination, lambda bound: _copy_object(bucket, original, destination, {}, bound), decide, {})


def _copy_marked(
    bucket: Bucket,
    original: Original,
    destination: str,
    params: Mapping[str, Any],
    mark: str,
    conditions: Conditions,
    before: Head | None,
) -> Head:
    """Copy with other headers, or to a free key. The mark distinguishes this copy from another writer's equal one."""
    changes = {**params, "MetadataDirective": "REPLACE"}
    return settled(
        bucket,
        destination,
        lambda bound: _copy_object(bucket, original, destination, changes, bound),
        lambda found: written(found, mark, conditions, before),
        conditions,
    )


def _is_taken(bucket: Bucket, key: str) -> bool:
    try:
        bucket.head(key)
    except NotFoundError:
        return False
    return True


def _copy_object(
    bucket: Bucket, original: Original, destination: str, params: Mapping[str, Any], conditions: Conditions
) -> Head:
    prefix = _R2 if bucket.is_r2 else ""
    bound = {prefix + _CONDITIONS[name]: value for name, value in conditions.items()}
    with translated():
        answer: Head = bucket.s3.copy_object(
            Bucket=bucket.name,
            Key=destination,
            **original.params,
            **({"CopySourceIfMatch": original.head["ETag"]} if original.head.get("ETag") else {}),
            **{copy_conditions.PARAMETER: bound},
            **params,
        )
        if "ETag" not in answer.get("CopyObjectResult", {}):
            raise LostAnswerError
    return {**answer, **answer["CopyObjectResult"]}


def _copy_parts(
    bucket: Bucket,
    original: Original,
    destination: str,
    params: Mapping[str, Any],
    mark: str,
    conditions: Conditions,
) -> Mapping[str, Any]:
    """Copy an asset too large for one request. R2 has no conditions on copied parts: a HEAD checks the source at the end."""
    size = original.head["ContentLength"]
    part_size = part_size_for(size, min(_PART, bucket.copy_limit))

    def send(parts_id: str, number: int, start: int) -> Part:
        with translated():
            answer = bucket.s3.upload_part_copy(
                Bucket=bucket.name,
                Key=destination,
                UploadId=parts_id,
                PartNumber=number,
                **original.params,
                CopySourceRange=f"bytes={start}-{min(start + part_size, size) - 1}",
            )
            if "ETag" not in answer.get("CopyPartResult", {}):
                raise LostAnswerError
        return Part(number=number, etag=answer["CopyPartResult"]["ETag"], md5=None)

    def unchanged() -> None:
        if original.bucket.head(original.key).get("ETag") != original.head.get("ETag"):
            raise _replaced()

    return send_parts(
        bucket,
        destination,
        iter(range(0, size, part_size)),
        send,
        workers=bucket.max_concurrency,
        params=params,
        conditions=conditions,
        write=mark,
        before_end=unchanged,
    )


def _replaced() -> _ReplacedError:
    return _ReplacedError("the source was replaced while it was copied", hint="copy it again")
