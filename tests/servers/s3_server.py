"""What a test knows of a running S3 server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import attrs


@attrs.frozen(kw_only=True)
class S3Server:
    """A running S3 server with two empty buckets and one key pair that may do everything.

    `name` is "seaweedfs" or "emulator"; `endpoint_url` takes path-style requests; `region` is what signatures must name.
    """

    name: str
    endpoint_url: str
    access_key: str
    secret_key: str = attrs.field(repr=lambda _: "'***'")
    region: str = "auto"
    bucket: str = "assets"
    other_bucket: str = "other-assets"

    @contextmanager
    def client(self, secret_key: str | None = None) -> Iterator[Any]:
        """Give a plain boto3 client that tries once, and close it; it signs with another `secret_key` if given."""
        import boto3  # late, so that tests which need no server need no boto3
        from botocore.config import Config
        from botocore.handlers import add_expect_header

        config = Config(
            s3={"addressing_style": "path"},
            signature_version="s3v4",
            retries={"total_max_attempts": 1},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        )
        client = boto3.session.Session().client(
            "s3",
            endpoint_url=self.endpoint_url,
            region_name=self.region,
            aws_access_key_id=self.access_key,
            aws_secret_access_key=secret_key or self.secret_key,
            config=config,
        )
        # The emulator never answers "100 Continue", for which botocore would wait a second on every upload.
        client.meta.events.unregister("before-call.s3", add_expect_header)
        try:
            yield client
        finally:
            client.close()
