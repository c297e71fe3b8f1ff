"""Signed requests work without us and without the network; public URLs are quoted."""

from __future__ import annotations

import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from r2_stand_in import backend_at, backend_on, get, put

from assetstore import InvalidOptionError, NotFoundError, PresignedRequest, PresignOptions, StatOptions, UrlOptions
from assetstore_r2 import S3Backend

NAMES = ["plain.txt", "a b/ü 😀?#%25+&=.txt", "it's (1)!*.txt"]


@pytest.fixture(params=["seaweedfs", "emulator"])
def server(request: pytest.FixtureRequest) -> Any:
    """Give each of the two servers."""
    return request.getfixturevalue(request.param)


def signed(backend: S3Backend, key: str, **options: Any) -> PresignedRequest:
    """Sign by the hook."""
    request = backend.assetstore_presign(key=key, options=PresignOptions(**options))
    assert request is not None
    return request


def send(request: PresignedRequest, data: bytes | None = None, **headers: str) -> bytes:
    """Send a signed request as its holder would."""
    sent = urllib.request.Request(request.url, data, {**request.headers, **headers}, method=request.method)
    with urllib.request.urlopen(sent, timeout=10) as answer:
        body: bytes = answer.read()
        return body


@pytest.mark.parametrize("name", NAMES)
def test_each_method_works_for_who_holds_the_request(server: Any, name: str, unique_prefix: str) -> None:
    """A signed PUT writes, a signed HEAD looks, a signed GET reads, a signed DELETE deletes, each by urllib alone."""
    backend, key = backend_on(server), unique_prefix + name
    send(signed(backend, key, method="PUT", content_type="text/plain"), b"abc")
    info = backend.assetstore_stat(key=key, options=StatOptions())
    assert info is not None
    assert (3, "text/plain") == (info.size, info.content_type)
    assert b"" == send(signed(backend, key, method="HEAD"))
    assert b"abc" == send(signed(backend, key))
    send(signed(backend, key, method="DELETE"))
    with pytest.raises(NotFoundError):
        backend.assetstore_stat(key=key, options=StatOptions())
    backend.assetstore_close()


def test_what_is_signed_binds(server: Any, unique_prefix: str) -> None:
    """Another method, another key, another type and another expiry are refused."""
    backend = backend_on(server)
    put(backend, f"{unique_prefix}a", b"abc")
    reading = signed(backend, f"{unique_prefix}a")
    writing = signed(backend, f"{unique_prefix}a", method="PUT", content_type="text/plain")
    attempts = [
        (PresignedRequest(url=reading.url, method="DELETE", expires_at=reading.expires_at), None, {}),
        (PresignedRequest(url=reading.url.replace("/a?", "/b?"), method="GET", expires_at=reading.expires_at), None, {}),
        (PresignedRequest(url=reading.url.replace("=3600", "=3601"), method="GET", expires_at=reading.expires_at), None, {}),
        (writing, b"evil", {"Content-Type": "text/html"}),
    ]
    for request, data, headers in attempts:
        with pytest.raises(urllib.error.HTTPError) as caught:
            send(request, data, **headers)
        caught.value.close()
        assert 403 == caught.value.code
    assert b"abc" == get(backend, f"{unique_prefix}a")
    backend.assetstore_close()


def test_signing_needs_no_network_and_tells_its_end() -> None:
    """Nothing listens at the endpoint; the end is that of the signature, to the second; the version is SigV4."""
    backend = backend_at("http://127.0.0.1:1")
    before = datetime.now(UTC).replace(microsecond=0)
    request = signed(backend, "a", expires=604_800)
    query = parse_qs(urlsplit(request.url).query)
    start = datetime.strptime(query["X-Amz-Date"][0], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    assert timedelta(0) <= start + timedelta(days=7) - request.expires_at <= timedelta(seconds=1)
    assert before + timedelta(days=7) <= request.expires_at
    assert (["604800"], ["AWS4-HMAC-SHA256"]) == (query["X-Amz-Expires"], query["X-Amz-Algorithm"])
    assert "***" in repr(request)
    assert "Signature" not in repr(request)


def test_a_type_for_a_method_without_one_is_refused() -> None:
    """HEAD and DELETE send and answer no bytes, so nothing is silently dropped."""
    backend = backend_at("http://127.0.0.1:1")
    for method in ("HEAD", "DELETE"):
        with pytest.raises(InvalidOptionError, match=method):
            signed(backend, "a", method=method, content_type="text/plain")


def test_a_public_url_is_quoted_or_absent() -> None:
    """Slashes stay, everything else that means something in a URL is quoted."""
    backend = backend_at("http://127.0.0.1:1", public_url="https://cdn.example/base/")
    assert "https://cdn.example/base/a%20b/%C3%BC%3F%23%25.txt" == backend.assetstore_url(
        key="a b/ü?#%.txt", options=UrlOptions()
    )
    assert None is backend_at("http://127.0.0.1:1").assetstore_url(key="a", options=UrlOptions())
