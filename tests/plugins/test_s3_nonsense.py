"""Nonsense from the network: whatever a service answers to whatever request, the caller gets one of our errors."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from r2_stand_in import PART, Reply, StandIn, backend_at, drain, opened, put, stand_in

from assetstore import AssetStoreError
from assetstore.plugin import (
    BeginPartsOptions,
    CheckOptions,
    CollectOptions,
    CopyOptions,
    DeleteOptions,
    EndPartsOptions,
    ListOptions,
    PartsOptions,
    StatOptions,
    UploadedPart,
)
from assetstore_r2 import S3Backend

ETAG = "900150983cd24fb0d6963f7d28e17f72"
OPERATIONS: dict[str, Callable[[S3Backend], Any]] = {
    "upload": lambda backend: put(backend, "a", b"abc"),
    "create": lambda backend: put(backend, "a", b"abc", overwrite=False),
    "upload in parts": lambda backend: put(backend, "a", bytes(PART + 1)),
    "read": lambda backend: drain(opened(backend, "a")),
    "read a run": lambda backend: drain(opened(backend, "a", offset=1, length=1)),
    "stat": lambda backend: backend.assetstore_stat(key="a", options=StatOptions()),
    "list": lambda backend: backend.assetstore_list(prefix="", options=ListOptions(recursive=False)),
    "copy": lambda backend: backend.assetstore_copy(source="a", destination="b", options=CopyOptions()),
    "delete": lambda backend: backend.assetstore_delete(keys=["a"], options=DeleteOptions()),
    "delete many": lambda backend: backend.assetstore_delete(keys=["a", "b"], options=DeleteOptions()),
    "begin parts": lambda backend: backend.assetstore_begin_parts(key="a", options=BeginPartsOptions()),
    "list parts": lambda backend: backend.assetstore_list_parts(key="a", options=PartsOptions(upload_id="u")),
    "end parts": lambda backend: backend.assetstore_end_parts(
        key="a", options=EndPartsOptions(upload_id="u", parts=(UploadedPart(number=1, size=3, etag=ETAG),))
    ),
    "drop parts": lambda backend: backend.assetstore_end_parts(key="a", options=EndPartsOptions(upload_id="u")),
    "check": lambda backend: backend.assetstore_check(options=CheckOptions()),
    "collect": lambda backend: backend.assetstore_collect(options=CollectOptions(remove=True)),
}
TEXTS = ("", "a", "3", "-1", "x", "true", "false", ETAG, f"&quot;{ETAG}&quot;", "2026-11-28T10:27:53Z", "1_0", "9" * 20)
NAMES = (
    *("Key", "Size", "ETag", "LastModified", "IsTruncated", "NextContinuationToken"),
    *("NextPartNumberMarker", "PartNumber", "UploadId", "Prefix", "Code", "EncodingType"),
    *("Initiated", "NextKeyMarker", "NextUploadIdMarker"),
)
GROUPS = ("Contents", "CommonPrefixes", "Deleted", "Error", "Part", "Upload")
ROOTS = (
    *("ListBucketResult", "DeleteResult", "Error", "CompleteMultipartUploadResult", "ListPartsResult"),
    *("ListMultipartUploadsResult", "html"),
)
HEADERS = {
    "etag": ("", ETAG, f'"{ETAG}"', "W/x"),
    "last-modified": ("", "yesterday", "Sat, 28 Nov 2026 10:27:54 GMT", "Sat, 99 Nov 2026 10:27:54 GMT"),
    "content-range": ("", "bytes 1-1/3", "bytes 0--1/0", "bytes */3", "bytes 1-1/*", "lines 1-1/3", "bytes 5-1/3"),
    "content-type": ("", "application/xml", "text/html"),
    "content-encoding": ("gzip", ""),
    "retry-after": ("0", "-1", "soon", "0, 0"),
    "date": ("", "today", "Sat, 28 Nov 2026 10:27:54 GMT"),
    "expires": ("never", "0"),
    "x-amz-meta-assetstore-sha256": ("", "x"),
    "x-amz-meta-assetstore-escaped": ("a b",),
    "x-amz-bucket-region": ("eu-west-3",),
}
STATUSES = (200, 200, 201, 204, 206, 299, 301, 304, 307, 400, 403, 404, 409, 412, 416, 418, 429, 499, 500, 501, 503, 520)


def element(choose: random.Random, depth: int = 0) -> str:
    """Return an element of S3's names, with anything in it."""
    if depth < 2 and choose.random() < 0.4:
        name = choose.choice(GROUPS)
        return f"<{name}>{''.join(element(choose, depth + 1) for _ in range(choose.randrange(4)))}</{name}>"
    name = choose.choice(NAMES)
    return f"<{name}>{choose.choice(TEXTS)}</{name}>"


def nonsense(choose: random.Random) -> Reply:
    """Return an answer that says anything."""
    headers = {name: choose.choice(values) for name, values in HEADERS.items() if choose.random() < 0.3}
    root = choose.choice(ROOTS)
    document = f"<{root}>{''.join(element(choose) for _ in range(choose.randrange(6)))}</{root}>".encode()
    body = choose.choice((document, document, document, document[: choose.randrange(len(document))], b"", b"no", b"\xff\0"))
    return Reply(choose.choice(STATUSES), headers, body, cut=choose.choice((None, None, None, None, 1)))


@pytest.fixture(scope="module")
def server() -> Iterator[StandIn]:
    """Give a service."""
    with stand_in() as running:
        yield running


@pytest.fixture(scope="module")
def backend(server: StandIn) -> Iterator[S3Backend]:
    """Give a backend; the engine boto3 raises what botocore's parsers do, for example a ValueError for an odd date."""
    made = backend_at(server.url, max_attempts=1)
    yield made
    made.assetstore_close()


@pytest.mark.parametrize("operation", OPERATIONS)
def test_whatever_is_answered_gives_a_result_or_one_of_our_errors(
    operation: str, backend: S3Backend, server: StandIn
) -> None:
    """No KeyError, no ValueError, no error of a library, and no endless loop."""

    @settings(max_examples=30)
    @given(st.integers(0, 2**64))
    def answered(seed: int) -> None:
        choose = random.Random(seed)
        server.script = lambda *_: nonsense(choose)
        with contextlib.suppress(AssetStoreError):
            OPERATIONS[operation](backend)

    answered()
