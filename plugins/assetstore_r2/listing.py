"""Lists a bucket, page by page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from assetstore.plugin import AssetInfo, BackendError, ListOptions, ListPage, Prefix, limits, listed_asset
from assetstore_r2.bucket import Bucket
from assetstore_r2.errors import LostAnswerError, translated
from assetstore_r2.headers import md5_digest, unquoted, utc


def list_page(bucket: Bucket, prefix: str, options: ListOptions) -> ListPage:
    """Return one page of the assets under a prefix."""
    params: dict[str, Any] = {"MaxKeys": min(options.limit, limits.PAGE)}
    if not options.recursive:
        params["Delimiter"] = "/"
    if options.cursor is not None:
        params["ContinuationToken"] = options.cursor
    elif options.start_after is not None:
        params["StartAfter"] = options.start_after

    def send() -> Mapping[str, Any]:
        with translated():
            answer: Mapping[str, Any] = bucket.s3.list_objects_v2(Bucket=bucket.name, Prefix=prefix, **params)
            if not _is_listing(answer):
                raise LostAnswerError  # an empty or foreign 200 must not look like an empty bucket
        return answer

    answer = bucket.retries.ask(send)
    if answer["IsTruncated"] and answer.get("NextContinuationToken") in (None, "", options.cursor):
        raise BackendError(
            "the store's listing goes on, but has no new token to go on with",
            hint="this is a fault of the service: list a longer prefix, so that one page holds all assets",
        )
    return ListPage(
        items=tuple(_item(bucket, entry) for entry in answer.get("Contents", ())),
        prefixes=tuple(Prefix(key=entry["Prefix"]) for entry in answer.get("CommonPrefixes", ())),
        next_cursor=answer.get("NextContinuationToken") if answer["IsTruncated"] else None,
    )


def _is_listing(answer: Mapping[str, Any]) -> bool:
    """Return whether an answer has what every listing has."""
    return (
        "IsTruncated" in answer
        and all("Key" in entry and "Size" in entry for entry in answer.get("Contents", ()))
        and all("Prefix" in entry for entry in answer.get("CommonPrefixes", ()))
    )


def _item(bucket: Bucket, entry: Mapping[str, Any]) -> AssetInfo:
    etag = unquoted(entry.get("ETag") or None)  # some services send an empty one
    digest = md5_digest(etag) if bucket.etags_are_md5 else None
    return listed_asset(entry["Key"], entry["Size"], etag, utc(entry.get("LastModified")), digest)
