"""Signing needs no network, and signed requests no assetstore; public URLs are quoted."""

from __future__ import annotations

import hashlib
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import attrs
import pytest
from r2_stand_in import backend_at, backend_on, get, put

from assetstore import AssetStore, InvalidOptionError, NotFoundError, PresignedRequest
from assetstore.plugin import PresignOptions, StatOptions, UrlOptions, attachment
from assetstore_r2 import S3Backend

BOUND_NAMES = ["content-type", "cache-control", "if-none-match", "x-amz-checksum-sha256", "x-amz-meta-by"]
NAMES = ["plain.txt", "a b/ü 😀?#%25+&=.txt", "it's (1)!*.txt"]


@pytest.fixture(params=["seaweedfs", "emulator"])
def server(request: pytest.FixtureRequest) -> Any:
    """Give each of the two servers."""
    return request.getfixturevalue(request.param)


def signed(backend: S3Backend, key: str, **options: Any) -> PresignedRequest:
    """Sign through the hook."""
    request = backend.assetstore_presign(key=key, options=PresignOptions(**options))
    assert request is not None
    return request


def send(request: PresignedRequest, data: bytes | None = None, **headers: str) -> bytes:
    """Send a signed request as its holder would."""
    sent = urllib.request.Request(request.url, data, {**request.headers, **headers}, method=request.method)
    with urllib.request.urlopen(sent, timeout=600) as answer:
        body: bytes = answer.read()
        return body


@pytest.mark.parametrize("name", NAMES)
def test_each_method_works_for_who_holds_the_request(server: Any, name: str, unique_prefix: str) -> None:
    """A signed PUT writes, a signed HEAD looks up, a signed GET reads, a signed DELETE deletes, each by urllib alone."""
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


BOUND: dict[str, Any] = {
    "content_type": "text/plain; charset=utf-8",
    "content_length": 3,
    "sha256": hashlib.sha256(b"abc").hexdigest(),
    "metadata": {"by": "ü gm", "note": " =?edges?= ", "none": ""},
    "cache_control": 'max-age=60,  private="a  b"',
    "overwrite": False,
}


def refused(request: PresignedRequest, data: bytes | None = None, **headers: str) -> int:
    """Return the status of a refused request."""
    with pytest.raises(urllib.error.HTTPError) as caught:
        send(request, data, **headers)
    caught.value.close()
    return caught.value.code


def test_all_that_is_bound_is_stored(server: Any, unique_prefix: str) -> None:
    """Type, length, digest, caching and metadata of any text are stored as signed."""
    backend, key = backend_on(server), f"{unique_prefix}ü 1"
    send(signed(backend, key, method="PUT", **BOUND), b"abc")
    info = backend.assetstore_stat(key=key, options=StatOptions())
    assert info is not None
    assert ("text/plain; charset=utf-8", BOUND["cache_control"]) == (info.content_type, info.cache_control)
    assert BOUND["metadata"] == dict(info.metadata or {})
    assert b"abc" == get(backend, key)
    backend.assetstore_close()


@pytest.mark.parametrize(
    "headers",
    [
        {"content-type": "text/html"},
        {"x-amz-meta-by": "someone else"},
        {"x-amz-meta-note": ""},
        {"cache-control": "max-age=99999"},
        {"if-none-match": '"other"'},
        {"x-amz-checksum-sha256": "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa1="},
    ],
)
def test_another_header_than_the_bound_one_is_refused(server: Any, headers: dict[str, str], unique_prefix: str) -> None:
    """The request stores nothing else than was signed."""
    backend, key = backend_on(server), f"{unique_prefix}a"
    request = signed(backend, key, method="PUT", **BOUND)
    assert 403 == refused(request, b"abc", **headers)
    with pytest.raises(NotFoundError):
        backend.assetstore_stat(key=key, options=StatOptions())
    backend.assetstore_close()


def test_a_bound_header_cannot_be_left_out(server: Any, unique_prefix: str) -> None:
    """Another length cannot be sent either."""
    backend, key = backend_on(server), f"{unique_prefix}a"
    request = signed(backend, key, method="PUT", **BOUND)
    for name in BOUND_NAMES:
        headers = {kept: value for kept, value in request.headers.items() if kept != name}
        assert 403 == refused(attrs.evolve(request, headers=headers), b"abc")
    headers = {kept: value for kept, value in request.headers.items() if kept != "content-length"}
    assert 403 == refused(attrs.evolve(request, headers=headers), b"evil")
    with pytest.raises(NotFoundError):
        backend.assetstore_stat(key=key, options=StatOptions())
    backend.assetstore_close()


def test_other_bytes_than_the_digest_says_are_refused(seaweedfs: Any, unique_prefix: str) -> None:
    """The header is signed, and SeaweedFS like R2 compares the bytes with it; the emulator does not."""
    backend, key = backend_on(seaweedfs), f"{unique_prefix}a"
    assert 400 == refused(signed(backend, key, method="PUT", **BOUND), b"abd")
    with pytest.raises(NotFoundError):
        backend.assetstore_stat(key=key, options=StatOptions())
    backend.assetstore_close()


def test_create_only_is_signed(server: Any, unique_prefix: str) -> None:
    """A taken key is not overwritten, not even by the same request."""
    backend, key = backend_on(server), f"{unique_prefix}a"
    request = signed(backend, key, method="PUT", overwrite=False)
    send(request, b"abc")
    assert 412 == refused(request, b"abd")
    assert b"abc" == get(backend, key)
    backend.assetstore_close()


def test_a_download_has_the_name_and_type_that_were_signed(seaweedfs: Any, unique_prefix: str) -> None:
    """SeaweedFS responds as the query says; the emulator ignores it."""
    backend, key = backend_on(seaweedfs), f"{unique_prefix}a"
    put(backend, key, b"abc")
    request = signed(backend, key, download_as='Kärte "1".webp', content_type="image/webp")
    with urllib.request.urlopen(request.url, timeout=600) as answer:
        assert b"abc" == answer.read()
        assert attachment('Kärte "1".webp') == answer.headers["Content-Disposition"]
        assert "image/webp" == answer.headers["Content-Type"]
    assert 403 == refused(attrs.evolve(request, url=request.url.replace("image%2Fwebp", "text%2Fhtml")))
    backend.assetstore_close()


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_url_of_a_window_works(server: Any, method: str, unique_prefix: str) -> None:
    """Its signature has the start time of the window, possibly long ago."""
    backend, key = backend_on(server), f"{unique_prefix}a"
    put(backend, key, b"abc")
    request = signed(backend, key, method=method, expires=1, window=300_000)
    assert (b"abc" if method == "GET" else b"") == send(request)
    backend.assetstore_close()


def test_a_store_signs_a_whole_scene(server: Any, unique_prefix: str) -> None:
    """Every request of many works, through a store and its scope."""
    with AssetStore(backend_on(server)) as store:
        scene = store.scoped(unique_prefix)
        keys = [f"{number} ü" for number in range(5)]
        for key in keys:
            scene.upload(key.encode(), key)
        for key, request in scene.presign_many(keys).items():
            assert key.encode() == send(request)


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
    """HEAD and DELETE carry no bytes, so the option is refused and not silently dropped."""
    backend = backend_at("http://127.0.0.1:1")
    for method in ("HEAD", "DELETE"):
        with pytest.raises(InvalidOptionError, match=method):
            signed(backend, "a", method=method, content_type="text/plain")


def test_a_public_url_is_quoted_or_absent() -> None:
    """Slashes stay; all other special characters are quoted."""
    backend = backend_at("http://127.0.0.1:1", public_url="https://cdn.example/base/")
    assert "https://cdn.example/base/a%20b/%C3%BC%3F%23%25.txt" == backend.assetstore_url(
        key="a b/ü?#%.txt", options=UrlOptions()
    )
    without = backend_at("http://127.0.0.1:1")
    assert None is without.assetstore_url(key="a", options=UrlOptions())
    assert [True, False] == [AssetStore(each).can("url") for each in (backend, without)]
