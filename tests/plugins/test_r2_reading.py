"""Reading survives broken connections, and never mixes or truncates versions."""

from __future__ import annotations

import re
from typing import Any

import attrs
import pytest
from r2_stand_in import SETTINGS, Forward, Reply, Request, backend_at, backend_on, drain, get, opened, put, stand_in

from assetstore import BackendError, NotFoundError, PreconditionError, UnavailableError
from assetstore.plugin import DeleteOptions, StatOptions

DATA = bytes(range(256)) * 4096
ETAG = '"0123456789abcdef0123456789abcdef"'


@pytest.fixture(autouse=True, params=["wire", "boto3"])
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Open every backend of a test with each of the engines in turn."""
    monkeypatch.setitem(SETTINGS, "engine", request.param)


def cut_first(count: int) -> Any:
    """Return a script that cuts the first `count` answers to GET in the middle of their bytes."""
    cuts = iter(range(count))

    def script(request: Request, forward: Forward) -> Reply:
        reply = forward()
        if request.method == "GET" and next(cuts, None) is not None:
            return attrs.evolve(reply, cut=len(reply.body) // 2)
        return reply

    return script


@pytest.mark.parametrize("name", ["seaweedfs", "emulator"])
@pytest.mark.parametrize("run", [{}, {"offset": 1000}, {"offset": 1000, "length": 500_001}])
def test_a_cut_download_goes_on_where_it_stopped(
    name: str, run: dict[str, int], request: pytest.FixtureRequest, unique_prefix: str
) -> None:
    """After eight cuts the bytes are exact; each request has a range and the ETag."""
    server = request.getfixturevalue(name)
    with stand_in(server.endpoint_url) as proxy:
        backend = backend_on(server, proxy.url)
        put(backend, f"{unique_prefix}a", DATA)
        proxy.script = cut_first(8)
        first, length = run.get("offset", 0), run.get("length", len(DATA))
        assert DATA[first : first + length] == get(backend, f"{unique_prefix}a", **run)
        resumed = [sent.headers for sent in proxy.requests if sent.method == "GET"][1:]
        assert 8 == len(resumed)
        assert all("range" in headers and "if-match" in headers for headers in resumed)
        backend.assetstore_close()


def test_a_replaced_asset_is_not_spliced(seaweedfs: Any, unique_prefix: str) -> None:
    """A new version stored while the connection was broken raises PreconditionError."""
    key = f"{unique_prefix}a"
    with stand_in(seaweedfs.endpoint_url) as proxy:
        backend = backend_on(seaweedfs, proxy.url)
        put(backend, key, DATA)
        proxy.script = cut_first(1)
        stream = opened(backend, key)
        put(backend, key, DATA[::-1])
        with pytest.raises(PreconditionError, match="replaced while it was read"):
            drain(stream)
        backend.assetstore_close()


def test_a_server_that_ignores_the_condition_is_not_believed() -> None:
    """A second response with another ETag or size is refused, whatever its status."""
    for second in (
        Reply(206, {"etag": '"other"', "content-range": "bytes 50-99/100"}, b"y" * 50),
        Reply(200, {"etag": '"other"'}, b"y" * 100),
        Reply(200, {"etag": ETAG}, b"y" * 101),
    ):
        replies = iter([Reply(200, {"etag": ETAG, "content-length": "100"}, b"x" * 50, cut=50), second])
        with stand_in(script=lambda request, forward, replies=replies: next(replies)) as server:  # type: ignore[misc]  # bound now
            backend = backend_at(server.url)
            with pytest.raises(PreconditionError, match="another version"):
                get(backend, "a")
            backend.assetstore_close()


def test_a_connection_that_never_gets_on_ends_unavailable() -> None:
    """Without progress the attempts are bounded."""

    def script(request: Request, forward: Forward) -> Reply:
        found = re.search(r"bytes=(\d+)-", request.headers.get("range", ""))
        if found is None:
            return Reply(200, {"etag": ETAG, "content-length": "100"}, b"x" * 50, cut=50)
        return Reply(206, {"etag": ETAG, "content-range": "bytes 50-99/100", "content-length": "50"}, b"", cut=0)

    with stand_in(script=script) as server:
        backend = backend_at(server.url, max_attempts=3)
        with pytest.raises(UnavailableError, match="kept breaking"):
            get(backend, "a")
        backend.assetstore_close()
        assert 3 == len(server.requests)


def test_an_asset_deleted_meanwhile_is_not_found(seaweedfs: Any, unique_prefix: str) -> None:
    """A resumed read that finds no asset raises NotFoundError instead of ending early."""
    with stand_in(seaweedfs.endpoint_url) as proxy:
        backend = backend_on(seaweedfs, proxy.url)
        put(backend, f"{unique_prefix}a", DATA)
        proxy.script = cut_first(1)
        stream = opened(backend, f"{unique_prefix}a")
        backend.assetstore_delete(keys=[f"{unique_prefix}a"], options=DeleteOptions())
        with pytest.raises(NotFoundError):
            drain(stream)
        backend.assetstore_close()


@pytest.mark.parametrize("name", ["seaweedfs", "emulator"])
def test_runs_outside_the_asset_are_empty(name: str, request: pytest.FixtureRequest, unique_prefix: str) -> None:
    """At and beyond the end, and anywhere in an empty asset, there are no bytes and no error."""
    backend = backend_on(request.getfixturevalue(name))
    put(backend, f"{unique_prefix}a", b"abc")
    put(backend, f"{unique_prefix}empty", b"")
    runs = ({"offset": 3}, {"offset": 4, "length": 9}, {"length": 0}, {"offset": 1, "length": 0})
    for run in runs:
        stream = opened(backend, f"{unique_prefix}a", **run)
        assert (0, 3, b"") == (stream.length, stream.info.size, drain(stream))
    for run in ({}, {"length": 5}, {"offset": 1}):
        stream = opened(backend, f"{unique_prefix}empty", **run)
        assert (0, 0, b"") == (stream.length, stream.info.size, drain(stream))
    stream = opened(backend, f"{unique_prefix}a", offset=1, length=9)
    assert (2, 3, b"bc") == (stream.length, stream.info.size, drain(stream))
    backend.assetstore_close()


def test_a_store_without_etags_is_read() -> None:
    """Such as juicefs; a header of S3's own tells its answers from those of a portal. A broken read cannot be resumed."""
    headers = {"x-amz-request-id": "1", "content-length": "3"}
    cuts = iter([None, 1])
    with stand_in(script=lambda request, forward: Reply(200, headers, b"abc")) as server:
        backend = backend_at(server.url)
        info = backend.assetstore_stat(key="a", options=StatOptions())
        assert info is not None
        assert (None, 3, b"abc") == (info.etag, info.size, get(backend, "a"))
        server.script = lambda request, forward: Reply(200, headers, b"abc", cut=next(cuts, 1))
        assert b"abc" == get(backend, "a")
        with pytest.raises(UnavailableError, match="kept breaking"):
            get(backend, "a")
        server.script = lambda request, forward: Reply(200, {"content-length": "3"}, b"abc")
        with pytest.raises(UnavailableError, match="not from the store"):
            get(backend, "a")
        backend.assetstore_close()


def test_bytes_without_a_length_are_refused() -> None:
    """R2 decompresses assets with a Content-Encoding and then sends no length: a clear error, not a guess."""
    chunked = Reply(200, {"etag": ETAG, "transfer-encoding": "chunked"}, b"3\r\nabc\r\n0\r\n\r\n")
    with stand_in(script=lambda request, forward: chunked) as server:
        backend = backend_at(server.url)
        with pytest.raises(BackendError, match="Content-Encoding"):
            get(backend, "a")
        backend.assetstore_close()
