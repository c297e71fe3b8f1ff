"""Where a bucket is: its URL by path or by virtual host, as botocore addresses it."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import SplitResult, parse_qs, urlsplit

import attrs

from assetstore_r2.endpoint import is_address

_PORTS = {"http": 80, "https": 443}
_LABEL = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")


@attrs.frozen
class Address:
    """The address of a bucket.

    Attributes:
        base: its URL up to the key.
        path: the path of ``base``.
        host: the ``Host`` header that clients send.
        region: the region that requests are signed for.
        endpoint: the service's URL.
    """

    base: str
    path: str
    host: str
    region: str
    endpoint: str


def address_at(endpoint_url: str, bucket: str, *, style: str, region: str) -> Address:
    """Return the address of a bucket at an endpoint; by virtual host only if asked to, and if its name can be in one."""
    parts = urlsplit(endpoint_url)
    folder = parts.path.rstrip("/")
    if style == "virtual" and _fits_host(bucket, parts):
        return _address(f"{parts.scheme}://{bucket}.{parts.netloc}{folder}/", region, endpoint_url)
    return _address(f"{parts.scheme}://{parts.netloc}{folder}/{bucket}/", region, endpoint_url)


def address_from(client: Any, bucket: str) -> Address:
    """Return the address that botocore's client uses: it knows Amazon's endpoints. Seen in a URL that it signs."""
    url: str = client.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "k"})
    region = parse_qs(urlsplit(url).query)["X-Amz-Credential"][0].split("/")[-3]
    return _address(url.partition("?")[0].removesuffix("k"), region, client.meta.endpoint_url)


def _fits_host(bucket: str, parts: SplitResult) -> bool:
    labels = bucket.split(".") if parts.scheme == "http" else [bucket]
    return not is_address(parts.hostname or "") and all(map(_LABEL.fullmatch, labels))


def _address(base: str, region: str, endpoint: str) -> Address:
    parts = urlsplit(base)
    name = parts.hostname or ""
    host = f"[{name}]" if ":" in name else name
    host = host if parts.port in (None, _PORTS.get(parts.scheme)) else f"{host}:{parts.port}"
    return Address(base=base, path=parts.path, host=host, region=region, endpoint=endpoint)
