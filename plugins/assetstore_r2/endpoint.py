"""Finds, builds and checks the endpoint URL of a service."""

from __future__ import annotations

import ipaddress
import os
import re
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import attrs

from assetstore.plugin import is_web_url

JURISDICTIONS = ("eu", "fedramp", "us")
_LABEL = re.compile(r"[A-Za-z0-9-]{1,63}")
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{2,254}")
_METADATA_HOSTS = {"metadata.google.internal", "fd00:ec2::254"}


@attrs.frozen
class Endpoint:
    """The URL of a service.

    Attributes:
        url: the URL; ``None`` means Amazon S3's own for the region.
        origin: where it was found, for messages.
    """

    url: str | None
    origin: str


def endpoint_from_environment() -> Endpoint:
    """Return the endpoint that boto3 would take from the environment, or Amazon S3's own."""
    if os.environ.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() != "true":
        for name in ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"):
            if url := os.environ.get(name):
                return Endpoint(url, name)
    return Endpoint(None, "the region")


def r2_endpoint(account_id: str, jurisdiction: str | None) -> str:
    """Return the endpoint of an account; each jurisdiction has its own."""
    return f"https://{account_id}{f'.{jurisdiction}' if jurisdiction else ''}.r2.cloudflarestorage.com"


def account_problems(account_id: str | None, jurisdiction: str | None, endpoint_url: str | None) -> Iterator[str]:
    """Yield the problems of the settings that form an R2 endpoint."""
    if jurisdiction is not None and jurisdiction not in JURISDICTIONS:
        yield f"jurisdiction {jurisdiction!r} must be one of {', '.join(JURISDICTIONS)}"
    if endpoint_url is not None:
        if jurisdiction is not None:
            yield "jurisdiction and endpoint_url must not both be set: the endpoint's host names the jurisdiction"
    elif account_id is None:
        yield "account_id is missing: write r2://ACCOUNT_ID/bucket, or give endpoint_url"
    elif not _LABEL.fullmatch(account_id):
        yield "account_id must be 32 hex digits; copy them from R2's overview page"


def bucket_problems(bucket: str) -> Iterator[str]:
    """Yield the problems of a bucket's name."""
    if "/" in bucket:
        yield f"bucket {bucket!r} must not contain a path: name it alone, and a folder by store.scoped() or behind '#'"
    elif not _BUCKET.fullmatch(bucket):
        yield f"bucket {bucket!r} must be 3 to 63 lower-case letters, digits and hyphens"


def endpoint_problems(url: str, bucket: str, *, insecure_http: bool, name: str = "endpoint_url") -> Iterator[str]:
    """Yield the problems of an endpoint URL, which came by ``name``, without quoting a part that may hold a password."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        _ = parts.port
    except ValueError:
        yield f"{name} must be a URL"
        return
    # urlsplit() drops line breaks, and what follows would not be the URL that was checked.
    if parts.scheme not in ("http", "https") or not host or not is_web_url(url):
        yield f"{name} must begin with https:// and a host"
        return
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        yield f"{name} must not contain a user, password, query or fragment"
    elif parts.path.strip("/").rpartition("/")[2] == bucket or host.startswith(f"{bucket}."):
        yield f"{name} must not contain the bucket: leave {bucket!r} out"
    if _is_metadata_service(host):
        yield f"{name} must not point to {host}, a cloud metadata service"
    elif parts.scheme == "http" and not insecure_http and not is_loopback(host):
        yield f"{name} must use https for {host}; to send unencrypted, set insecure_http = true"


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine."""
    address = _ip_address(host)
    return host == "localhost" or (address is not None and address.is_loopback)


def is_address(host: str) -> bool:
    """Return whether a host is an IP address and not a name."""
    return _ip_address(host) is not None


def _is_metadata_service(host: str) -> bool:
    address = _ip_address(host)
    return host in _METADATA_HOSTS or (address is not None and address.is_link_local)


def _ip_address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        try:  # also 127.1, 0x7f000001 and 2130706433, which connect() accepts
            return ipaddress.IPv4Address(socket.inet_aton(host))
        except OSError:
            return None
    return getattr(address, "ipv4_mapped", None) or address
