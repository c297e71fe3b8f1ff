"""Clients of a test server and of a fault proxy in front of it; they make each request once."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from boto3.session import Session
from botocore.config import Config
from botocore.handlers import add_expect_header

from assetstore_r2.testing import Fault, FaultProxy
from servers import S3Server


@functools.cache
def session() -> Session:
    """Return a shared session, because reading botocore's description of S3 takes long."""
    return Session()


@contextmanager
def client_of(server: S3Server, url: str | None = None, **settings: Any) -> Iterator[Any]:
    """Give a client of the server, or of the proxy at `url`; `settings` are botocore's, for example `aws_access_key_id`."""
    config = Config(
        s3={"addressing_style": "path"},
        signature_version="s3v4",
        retries={"total_max_attempts": 1},
        request_checksum_calculation=settings.pop("checksums", "when_required"),
        response_checksum_validation="when_required",
    )
    keys = {"aws_access_key_id": server.access_key, "aws_secret_access_key": server.secret_key}
    fields = {"endpoint_url": url or server.endpoint_url, "region_name": server.region, **keys, **settings}
    client = session().client("s3", config=config, **fields)
    client.meta.events.unregister("before-call.s3", add_expect_header)
    try:
        yield client
    finally:
        client.close()


@contextmanager
def proxied(server: S3Server, *faults: Fault, **settings: Any) -> Iterator[tuple[FaultProxy, Any]]:
    """Give a proxy and a client of it."""
    with FaultProxy(server.endpoint_url, faults, **settings) as proxy, client_of(server, proxy.url) as client:
        yield proxy, client
