"""Requests that no client library would send, byte by byte, to the application behind real servers."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from assetstore import AssetStore
from local_server import exchange, head, running
from score.hostile_paths import HTTP_PATHS

CANARY = b"canary-7f3a"


@pytest.fixture(params=["asgi", "wsgi"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[AssetStore]:
    """Return a served store, beside a folder that it must not touch."""
    root, outside = tmp_path / "assets", tmp_path / "outside"
    outside.mkdir()
    (outside / "canary").write_bytes(CANARY)
    root.mkdir()
    (root / "link").symlink_to(outside)
    with running(request.param, root) as store:
        store.upload(b"abc", "a")
        store.presign("a")
        yield store


def test_no_path_leads_out_of_the_store(store: AssetStore, tmp_path: Path) -> None:
    """None of more than 50 attacks on the path reads or writes anything, though the query is signed."""
    before = sorted(os.walk(tmp_path))
    wrong = []
    for method, body in (("GET", b""), ("PUT", b"evil"), ("DELETE", b"")):
        request = store.presign("a", method=method)
        query = urlsplit(request.url).query
        for path in HTTP_PATHS:
            raw = head(request, method, f"{path}?{query}", f"Content-Length: {len(body)}") + body
            status, answer = exchange(request, raw)
            if not (status == 0 or 400 <= status < 500) or CANARY in answer or b"root:" in answer or b"passwd" in answer:
                wrong.append((method, path[:40], status))
    assert [] == wrong
    assert (b"abc", before) == (store.read("a"), sorted(os.walk(tmp_path)))
    assert len(HTTP_PATHS) > 50


def test_a_path_may_be_quoted_in_another_way(store: AssetStore) -> None:
    """Proxies quote more or less than we do: paths that are equal after one decoding name the same asset."""
    request = store.presign("a")
    for path in ("/a", "/%61"):
        status, answer = exchange(request, head(request, "GET", f"{path}?{urlsplit(request.url).query}"))
        assert (200, b"abc") == (status, answer[-3:])


@pytest.mark.parametrize(
    ("lines", "body", "code"),
    [
        (["Content-Length: -3"], b"abc", ""),
        (["Content-Length: 3, 3"], b"abc", ""),
        (["Content-Length: +3"], b"abc", ""),
        (["Content-Length: 0x3"], b"abc", ""),
        ([f"Content-Length: {'9' * 30}"], b"abc", ""),
        (["Transfer-Encoding: chunked"], b"3\r\nabc\r\n0\r\n\r\n", "MissingContentLength"),
        (["Transfer-Encoding: chunked", "Content-Length: 3"], b"3\r\nabc\r\n0\r\n\r\n", ""),
        ([], b"", "MissingContentLength"),
        (["Content-Length: 3", "x-amz-meta-by: me"], b"abc", "SignatureDoesNotMatch"),
        (["Content-Length: 3", "Content-Encoding: gzip"], b"abc", "NotImplemented"),
        (["Content-Length: 3", "Content-Range: bytes 0-2/9"], b"abc", "NotImplemented"),
        (["Content-Length: 3", "x-amz-copy-source: /b/a"], b"abc", "NotImplemented"),
        (["Content-Length: 3", "x-amz-checksum-crc32: AAAAAA=="], b"abc", "NotImplemented"),
    ],
)
def test_an_upload_that_is_not_what_it_says_is_not_stored(
    store: AssetStore, tmp_path: Path, lines: list[str], body: bytes, code: str
) -> None:
    """False or repeated lengths and headers that are not implemented leave the old asset and no new file."""
    request = store.presign("a", method="PUT")
    url = urlsplit(request.url)
    status, answer = exchange(request, head(request, "PUT", f"{url.path}?{url.query}", *lines) + body)
    assert status == 0 or 400 <= status < 600
    # Some servers refuse by themselves, or close when the client does.
    assert status == 0 or not code or code.encode() in answer
    assert b"abc" == store.read("a")
