"""Copies inside a bucket without moving the bytes through this machine."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from assetstore.plugin import (
    AssetInfo,
    AssetStoreError,
    CopyOptions,
    NotFoundError,
    PreconditionError,
    UnavailableError,
)
from assetstore_r2 import create_only
from assetstore_r2.bucket import Bucket
from assetstore_r2.errors import LostAnswerError, in_doubt, taken, translated
from assetstore_r2.headers import FIELDS, copy_params, head_of, info_from_head
from assetstore_r2.multipart_write import Part, part_size_for, send_parts

_PART = 512 << 20


def copy(bucket: Bucket, source: str, destination: str, options: CopyOptions) -> AssetInfo:
    """Copy an asset with its headers and metadata, except those that ``options`` change."""
    head = bucket.head(source, options.if_match) if options.known is None else head_of(options.known)
    write = uuid.uuid4().hex
    params = copy_params(head, options, write)
    if not options.overwrite and _is_taken(bucket, destination):
        raise taken()
    try:
        if head["ContentLength"] > bucket.copy_limit:
            conditions = {} if options.overwrite else {"IfNoneMatch": "*"}
            answer = _copy_parts(bucket, source, destination, head, params, write, conditions)
        elif not options.overwrite:
            answer = _copy_new(bucket, source, destination, head, params, write)
        elif source == destination or any(getattr(options, field) is not None for field in (*FIELDS, "metadata")):
            answer = _copy_changed(bucket, source, destination, head, params, write)
        else:
            answer, params = _copy_plain(bucket, source, destination, head), head
    except PreconditionError as error:
        if options.if_match is not None:
            raise
        raise _replaced() from error
    described = {**head, **dict.fromkeys(FIELDS.values()), **params, "LastModified": None, **answer}
    return info_from_head(destination, described, head["ContentLength"])


def _copy_plain(bucket: Bucket, source: str, destination: str, head: Mapping[str, Any]) -> Mapping[str, Any]:
    """Let the store copy the headers, including those that this client does not know."""
    try:
        return _copy_object(bucket, source, destination, head, {})
    except AssetStoreError as error:
        # A plain copy carries no mark, so after a lost response equal bytes count as success.
        if not in_doubt(error):
            raise
        there = bucket.look_back(destination, error)
        if there["ETag"] != head["ETag"]:
            raise
        return there


def _copy_changed(
    bucket: Bucket, source: str, destination: str, head: Mapping[str, Any], params: Mapping[str, Any], write: str
) -> Mapping[str, Any]:
    try:
        return _copy_object(bucket, source, destination, head, {**params, "MetadataDirective": "REPLACE"})
    except AssetStoreError as error:
        return bucket.settle(destination, write, error)


def _copy_new(
    bucket: Bucket, source: str, destination: str, head: Mapping[str, Any], params: Mapping[str, Any], write: str
) -> Mapping[str, Any]:
    """Copy to a free key. The mark distinguishes this copy from another writer's equal one."""
    try:
        return _copy_changed(bucket, source, destination, head, {**params, create_only.PARAMETER: True}, write)
    except PreconditionError as error:
        # A failed condition on the source looks the same.
        if _is_taken(bucket, destination):
            raise taken() from error
        raise


def _is_taken(bucket: Bucket, key: str) -> bool:
    try:
        bucket.head(key)
    except NotFoundError:
        return False
    return True


def _copy_object(
    bucket: Bucket, source: str, destination: str, head: Mapping[str, Any], params: Mapping[str, Any]
) -> Mapping[str, Any]:
    with translated():
        answer: Mapping[str, Any] = bucket.s3.copy_object(
            Bucket=bucket.name,
            Key=destination,
            CopySource={"Bucket": bucket.name, "Key": source},
            CopySourceIfMatch=head["ETag"],
            **params,
        )
        if "ETag" not in answer.get("CopyObjectResult", {}):
            raise LostAnswerError
    encryption = {name: answer[name] for name in ("ServerSideEncryption", "SSECustomerAlgorithm") if name in answer}
    return {**encryption, **answer["CopyObjectResult"]}


def _copy_parts(
    bucket: Bucket,
    source: str,
    destination: str,
    head: Mapping[str, Any],
    params: Mapping[str, Any],
    write: str,
    conditions: Mapping[str, str],
) -> Mapping[str, Any]:
    """Copy an asset too large for one request. R2 has no conditions on copied parts: a HEAD checks the source at the end."""
    size = head["ContentLength"]
    part_size = part_size_for(size, min(_PART, bucket.copy_limit))

    def send(parts_id: str, number: int, start: int) -> Part:
        with translated():
            answer = bucket.s3.upload_part_copy(
                Bucket=bucket.name,
                Key=destination,
                UploadId=parts_id,
                PartNumber=number,
                CopySource={"Bucket": bucket.name, "Key": source},
                CopySourceRange=f"bytes={start}-{min(start + part_size, size) - 1}",
            )
            if "ETag" not in answer.get("CopyPartResult", {}):
                raise LostAnswerError
        return Part(number=number, etag=answer["CopyPartResult"]["ETag"], md5=None)

    def unchanged() -> None:
        if bucket.head(source).get("ETag") != head.get("ETag"):
            raise _replaced()

    return send_parts(
        bucket,
        destination,
        iter(range(0, size, part_size)),
        send,
        workers=bucket.max_concurrency,
        params=params,
        conditions=conditions,
        write=write,
        before_end=unchanged,
    )


def _replaced() -> UnavailableError:
    return UnavailableError("the source was replaced while it was copied", hint="copy it again")
