"""Begins, lists, completes and aborts multipart uploads whose parts are sent by signed requests.

The id of such an upload is the mark that the asset will carry in its metadata, followed by the service's own id. After a
lost response the mark shows whether the upload was completed, in another process too.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any

from assetstore.plugin import (
    AssetInfo,
    AssetStoreError,
    BeginPartsOptions,
    IntegrityError,
    NotFoundError,
    UnsupportedError,
    UploadedPart,
)
from assetstore_r2 import multipart_write, settle
from assetstore_r2.bucket import Bucket
from assetstore_r2.errors import LostAnswerError, code_of, translated
from assetstore_r2.headers import PART_SIZE, WRITE, info_from_head, quoted, upload_params

_ID = re.compile(r"([0-9a-f]{32})\.(.+)", re.ASCII | re.DOTALL)
_NEVER = datetime.min.replace(tzinfo=UTC)
_BAD_PARTS = ("InvalidPart", "InvalidPartOrder", "EntityTooSmall")


def begin(bucket: Bucket, key: str, options: BeginPartsOptions) -> str:
    """Begin an upload in parts and return its id."""
    bucket.require_metadata(options.metadata)
    write = uuid.uuid4().hex
    own = {WRITE: write} if options.part_size is None else {WRITE: write, PART_SIZE: str(options.part_size)}
    return f"{write}.{multipart_write.begin(bucket, key, upload_params(options, own))}"


def vendor_id(parts_id: str) -> str:
    """Return the service's own id of an upload."""
    match = _ID.fullmatch(parts_id)
    return match[2] if match else parts_id


def listed(bucket: Bucket, key: str, parts_id: str) -> tuple[UploadedPart, ...]:
    """Return the stored parts by number; of a part that was sent again, the last one.

    Raises:
        NotFoundError: there is no such upload any more.
        UnsupportedError: the service cannot list parts.
    """
    try:
        found = sorted(entries(bucket, key, vendor_id(parts_id)), key=lambda entry: entry.get("LastModified", _NEVER))
    except UnsupportedError as error:
        hint = "complete it with the ETags that the sender of the parts received"
        raise UnsupportedError("the store cannot list the parts of an upload", hint=hint) from error.__cause__
    newest = {entry["PartNumber"]: entry for entry in found}
    return tuple(
        UploadedPart(number=number, etag=_etag(entry), size=entry["Size"]) for number, entry in sorted(newest.items())
    )


def entries(bucket: Bucket, key: str, upload_id: str) -> Iterator[Mapping[str, Any]]:
    """Yield the service's entries of the parts, page by page; SeaweedFS has one for each time a part was sent.

    Raises:
        NotFoundError: there is no such upload any more; ``upload_id`` is the service's own.
        UnsupportedError: the service cannot list parts.
    """
    marker, more = 0, True

    def send() -> Mapping[str, Any]:
        with _about_upload():
            page: Mapping[str, Any] = bucket.s3.list_parts(
                Bucket=bucket.name, Key=key, UploadId=upload_id, PartNumberMarker=marker
            )
            if not _is_page(page, marker):
                raise LostAnswerError
        return page

    while more:
        page = bucket.retries.ask(send)
        yield from page.get("Parts", ())
        if more := page["IsTruncated"]:
            marker = page["Parts"][-1]["PartNumber"]


def _is_page(page: Mapping[str, Any], marker: int) -> bool:
    """Return whether a page has what every one has; one that goes on must lead beyond the last."""
    entries: Sequence[Mapping[str, Any]] = page.get("Parts", ())
    if "IsTruncated" not in page or not all({"PartNumber", "ETag", "Size"} <= entry.keys() for entry in entries):
        return False
    return not page["IsTruncated"] or (bool(entries) and entries[-1]["PartNumber"] > marker)


def _etag(entry: Mapping[str, Any]) -> str:
    return str(entry["ETag"]).strip('"')


def end(bucket: Bucket, key: str, parts_id: str, parts: Sequence[UploadedPart]) -> AssetInfo:
    """Complete an upload from its parts.

    Raises:
        NotFoundError: there is no such upload any more.
        IntegrityError: a part is missing or differs.
    """
    _compare(bucket, key, parts_id, parts)
    match = _ID.fullmatch(parts_id)
    numbered = [{"PartNumber": part.number, "ETag": quoted(part.etag)} for part in parts]

    def send(conditions: Mapping[str, str]) -> Mapping[str, Any]:
        with _about_upload():
            answer: Mapping[str, Any] = bucket.s3.complete_multipart_upload(
                Bucket=bucket.name,
                Key=key,
                UploadId=vendor_id(parts_id),
                MultipartUpload={"Parts": numbered},
                **conditions,
            )
            if "ETag" not in answer:
                raise LostAnswerError
        return answer

    settle.write(bucket, key, match[1] if match else "", send, {})
    head = bucket.head(key)
    return info_from_head(key, head, head["ContentLength"])


def drop(bucket: Bucket, key: str, parts_id: str) -> None:
    """Abort an upload and delete its parts, if it exists."""
    with suppress(NotFoundError):
        abort(bucket, key, vendor_id(parts_id))


def abort(bucket: Bucket, key: str, upload_id: str) -> None:
    """Abort the upload that has this id of the service's own.

    Raises:
        NotFoundError: there is no such upload any more.
    """

    def send() -> None:
        with _about_upload():
            bucket.s3.abort_multipart_upload(Bucket=bucket.name, Key=key, UploadId=upload_id)

    bucket.retries.ask(send)


def _compare(bucket: Bucket, key: str, parts_id: str, parts: Sequence[UploadedPart]) -> None:
    """Compare ``parts`` with the stored ones: not every service does so thoroughly when it completes an upload."""
    if not parts:
        raise IntegrityError("an upload in parts must have at least one part", hint="send the parts first")
    try:
        there = {(entry["PartNumber"], _etag(entry)): entry["Size"] for entry in entries(bucket, key, vendor_id(parts_id))}
    except UnsupportedError:
        return
    for part in parts:
        size = there.get((part.number, part.etag.strip('"')))
        if size is None or part.size not in (None, size):
            raise IntegrityError(f"part {part.number} is missing or differs", hint="send it again")


@contextmanager
def _about_upload() -> Iterator[None]:
    """Convert botocore's exceptions to ours, for requests about an upload and its parts instead of an asset."""
    try:
        with translated():
            yield
    except AssetStoreError as error:
        code = code_of(error)
        if code == "NoSuchUpload":
            raise NotFoundError("there is no such upload any more", hint="begin it again") from error.__cause__
        if code in _BAD_PARTS:
            raise IntegrityError(
                "the store refused a part: it is missing, too small, or differs in size from those before",
                hint="send all parts but the last in the same size, of 5 MiB or more",
            ) from error.__cause__
        raise
