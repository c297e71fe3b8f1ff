"""Finds the uploads in parts that nobody ended, and aborts them on request.

S3 lists an upload with the time of its begin and does not say who began it. One that got a part lately is at work, so the
times of its parts count too. R2 ends every upload seven days after its begin.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import attrs

from assetstore.plugin import (
    AccessDeniedError,
    AssetStoreError,
    BackendError,
    CollectOptions,
    CollectReport,
    Leftover,
    NotFoundError,
    StoreNotFoundError,
    UnsupportedError,
)
from assetstore_r2 import multipart_direct
from assetstore_r2.bucket import Bucket
from assetstore_r2.errors import LostAnswerError, answer_of, translated
from assetstore_r2.headers import utc

_KIND = "upload in parts"
_FIELDS = {"Key", "UploadId", "Initiated"}
_MARKERS = {"NextKeyMarker": "KeyMarker", "NextUploadIdMarker": "UploadIdMarker"}


def collect(bucket: Bucket, options: CollectOptions) -> CollectReport:
    """Return the uploads in parts that are old enough, and abort them if wanted."""
    try:
        pages = list(_pages(bucket, options.prefix))
    except (AccessDeniedError, UnsupportedError) as error:
        # What direct uploads left in ``pending/`` can be found all the same.
        error.hint = "have the bucket's lifecycle rules end them; R2 does so by itself after seven days"
        return CollectReport(items=(Leftover(kind=_KIND, name=bucket.name, error=error),), now=_now(answer_of(error)))
    now = _now(pages[-1])
    uploads = (upload for page in pages for upload in page.get("Uploads", ()) if upload["Key"].startswith(options.prefix))
    found = (_leftover(bucket, upload, now, options) for upload in uploads if options.are_met(utc(upload["Initiated"]), now))
    return CollectReport(items=tuple(item for item in found if item is not None), now=now)


def _pages(bucket: Bucket, prefix: str) -> Iterator[Mapping[str, Any]]:
    """Yield the service's answers that list the uploads."""
    markers: dict[str, str] = {}
    while True:
        with bucket.deadline():
            page = bucket.retries.ask(functools.partial(_page, bucket, prefix, markers))
        yield page
        if not page["IsTruncated"]:
            return
        before, markers = markers, {sent: page[name] for name, sent in _MARKERS.items() if page.get(name)}
        if markers in ({}, before):
            raise BackendError("the store's list of uploads goes on, but has no new marker to go on with")


def _page(bucket: Bucket, prefix: str, markers: Mapping[str, str]) -> Mapping[str, Any]:
    with translated():
        # Without EncodingType: SeaweedFS repeats it and encodes nothing, and all our own keys fit into XML.
        page: Mapping[str, Any] = bucket.s3.list_multipart_uploads(Bucket=bucket.name, Prefix=prefix, **markers)
        if "IsTruncated" not in page or not all(upload.keys() >= _FIELDS for upload in page.get("Uploads", ())):
            raise LostAnswerError  # an empty or foreign 200 must not look like no uploads
    return page


def _now(answer: Mapping[str, Any]) -> datetime:
    """Return the service's time, which its other times are compared with; this machine's if it does not tell."""
    try:
        return parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"]).astimezone(UTC)
    except (LookupError, TypeError, ValueError):
        return datetime.now(UTC)


def _leftover(bucket: Bucket, upload: Mapping[str, Any], now: datetime, options: CollectOptions) -> Leftover | None:
    """Return an upload that got no part lately, after aborting it if that is wanted; ``None`` if it is no leftover."""
    key, upload_id = upload["Key"], upload["UploadId"]
    item = Leftover(kind=_KIND, name=key, modified=utc(upload["Initiated"]))
    try:
        parts = _parts(bucket, key, upload_id)
        if parts is not None:
            times = filter(None, [item.modified, *(utc(part.get("LastModified")) for part in parts)])
            item = attrs.evolve(item, size=sum(part["Size"] for part in parts), modified=max(times, default=None))
        if not options.are_met(item.modified, now):
            return None
        if options.remove:
            with bucket.deadline():
                multipart_direct.abort(bucket, key, upload_id)
    except StoreNotFoundError:
        raise
    except NotFoundError:
        return None
    except AssetStoreError as error:
        return attrs.evolve(item, error=error)
    return attrs.evolve(item, removed=options.remove)


def _parts(bucket: Bucket, key: str, upload_id: str) -> list[Mapping[str, Any]] | None:
    """Return the service's entries of the parts; ``None`` if it cannot list them."""
    try:
        with bucket.deadline():
            return list(multipart_direct.entries(bucket, key, upload_id))
    except UnsupportedError:
        return None
