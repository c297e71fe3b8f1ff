"""Writes several small assets at once in one thread; larger ones are left to threads of their own."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from assetstore.plugin import AssetInfo, AssetStoreError, NewAsset, UploadManyOptions
from assetstore_r2 import settle
from assetstore_r2.bucket import Bucket
from assetstore_r2.deadline import current
from assetstore_r2.errors import LostAnswerError
from assetstore_r2.headers import WRITE
from assetstore_r2.parallel import in_parallel
from assetstore_r2.upload import Put, telling_unmatched
from assetstore_r2.wire.client import WireClient

SMALL = 256 << 10
"""Bytes up to which an asset costs more for its request than for its bytes."""
_AGAIN = 16
"""How many that failed are tried again at once."""


def upload_many(
    bucket: Bucket, items: Sequence[NewAsset], options: UploadManyOptions
) -> list[AssetInfo | Exception | None] | None:
    """Write the small ones; ``None`` in the place of a result leaves an item to be written alone."""
    if not isinstance(bucket.s3, WireClient) or not bucket.s3.pool.is_direct:
        return None
    ends: list[AssetInfo | Exception | None] = [None] * len(items)
    small = [number for number, item in enumerate(items) if item.source.size is not None and item.source.size <= SMALL]
    failed: list[tuple[int, Put, float, Exception]] = []

    def puts() -> Iterator[tuple[tuple[int, Put, float], Mapping[str, Any]]]:
        for number in small:
            try:
                put = _prepared(bucket, items[number])
            except Exception as error:
                ends[number] = error
            else:
                yield (number, put, time.monotonic()), {**put.params, **put.conditions}

    for (number, put, began), end in bucket.s3.put_objects(puts(), len(small), options.max_concurrency, current()):
        if isinstance(end, Exception):
            failed.append((number, put, began, end))
        elif "ETag" not in end:
            failed.append((number, put, began, LostAnswerError()))
        else:
            bucket.retries.succeeded()
            ends[number] = _stored(put, end)
    if failed:
        workers = min(len(failed), _AGAIN, options.max_concurrency)
        # The wait for the others must not take an item's time.
        for (number, *_), result in zip(failed, in_parallel(_settled, failed, workers), strict=True):
            ends[number] = result
    return ends


def _prepared(bucket: Bucket, item: NewAsset) -> Put:
    bucket.require_metadata(item.options.metadata)
    data = item.source.open().read()
    item.source.close()  # hundreds of files need not stay open until their answers come
    return Put.of(bucket, item.key, data, item.options)


def _stored(put: Put, answer: Mapping[str, Any]) -> AssetInfo | Exception:
    try:
        return put.stored(answer)
    except AssetStoreError as error:
        return error


def _settled(attempted: tuple[int, Put, float, Exception]) -> AssetInfo | Exception:
    """Go on after a first attempt that failed, as after any."""
    _, put, began, error = attempted
    first = [error]

    def attempt(conditions: Mapping[str, str]) -> Mapping[str, Any]:
        return put.send(conditions, failure=first.pop() if first else None)

    try:
        with telling_unmatched(put.bucket, put.key, put.options):
            return put.stored(settle.write(put.bucket, put.key, put.own[WRITE], attempt, put.conditions, began))
    except Exception as failure:
        return failure
