"""Signs requests and builds public URLs, without the network."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from urllib.parse import quote

import attrs

from assetstore.plugin import PresignedRequest, PresignOptions, UnsupportedError
from assetstore_r2.bucket import Bucket
from assetstore_r2.multipart_direct import vendor_id
from assetstore_r2.sigv4 import Template


@attrs.frozen
class _Kind:
    """What the requests of one kind and second share."""

    template: Template
    headers: Mapping[str, str]
    end: datetime


def presign(bucket: Bucket, keys: Sequence[str], options: PresignOptions) -> list[PresignedRequest]:
    """Sign a request for each key.

    Raises:
        UnsupportedError: a part has a digest, which the service accepts for whole uploads only.
    """
    second = int(time.time())
    kind = bucket.signer.remembered((options, second), lambda: _kind(bucket, options, second))
    urls = kind.template.urls(keys)
    return [PresignedRequest(url=url, method=options.method, headers=kind.headers, expires_at=kind.end) for url in urls]


def _kind(bucket: Bucket, options: PresignOptions, second: int) -> _Kind:
    query = {f"response-{name}": value for name, value in options.answered_headers().items()}
    if options.part is not None:
        if options.sha256 is not None and not bucket.parts_take_sha256:
            raise UnsupportedError("R2 does not accept a sha256 with a part", hint="leave it out, and check the whole asset")
        query = {"partNumber": str(options.part.number), "uploadId": vendor_id(options.part.upload_id)}
    headers = options.bound_headers()
    begin, end = options.span(datetime.fromtimestamp(second, UTC))
    seconds = options.expires + (options.window or 0)
    template = bucket.signer.template(options.method, query=query, headers=headers, begin=begin, seconds=seconds)
    return _Kind(template, headers, end)


def public_url(base: str, key: str) -> str:
    """Return the URL of an asset under a public base URL."""
    return f"{base.rstrip('/')}/{quote(key)}"
