"""Signed URLs of a folder and of two S3 servers, sent by the clients that people have: curl, urllib, requests, httpx."""

from __future__ import annotations

import socketserver
import subprocess
import tempfile
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import httpx
import pytest
import requests

from assetstore import AssetStore, PresignedRequest
from assetstore_local import LocalBackend
from assetstore_r2 import S3Backend
from browsing import HAS_CURL

KEYS = [
    "a b/c  d.txt",
    "ünïcödé/地図 🐉.txt",
    "plus+and&equals=.txt",
    "100%/%2F%25.txt",
    "a//b.txt",
    "what?#fragment.txt",
    "'quotes'\"(round)[square]{curly}!*.txt",
    "semi;colon,at@dollar$~-_.txt",
    "dots/..a/.b/c.",
]
NAME = "Karte; 地図 + 100 %.txt"
SLASHES = "//"

Client: TypeAlias = Callable[[PresignedRequest, bytes | None], tuple[int, bytes]]


def by_curl(request: PresignedRequest, body: bytes | None) -> tuple[int, bytes]:
    """Send it by the command, an upload from a file."""
    headers = [word for name, value in request.headers.items() for word in ("--header", f"{name}: {value}")]
    command = ["curl", "--silent", "--show-error", "--write-out", "%{stderr}%{http_code}", *headers, request.url]
    # It asks for 100 Continue, and would wait a second for it at servers that do not send it.
    command += ["--expect100-timeout", "0.01"]
    with tempfile.NamedTemporaryFile() as file:
        file.write(body or b"")
        file.flush()
        options = {"HEAD": ["--head"], "PUT": ["--upload-file", file.name], "DELETE": ["--request", "DELETE"]}
        done = subprocess.run([*command, *options.get(request.method, ())], capture_output=True, check=True)
    return int(done.stderr), b"" if request.method == "HEAD" else done.stdout


def by_urllib(request: PresignedRequest, body: bytes | None) -> tuple[int, bytes]:
    """Send it by the standard library."""
    raw = urllib.request.Request(request.url, data=body, method=request.method, headers=dict(request.headers))
    try:
        with urllib.request.urlopen(raw) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def by_requests(request: PresignedRequest, body: bytes | None) -> tuple[int, bytes]:
    """Send it by requests."""
    with requests.Session() as session:
        answer = session.request(request.method, request.url, data=body, headers=dict(request.headers))
        return answer.status_code, answer.content


def by_httpx(request: PresignedRequest, body: bytes | None) -> tuple[int, bytes]:
    """Send it by httpx."""
    with httpx.Client(timeout=600) as client:
        answer = client.request(request.method, request.url, content=body, headers=dict(request.headers))
        return answer.status_code, answer.content


class Server(socketserver.ThreadingMixIn, WSGIServer):
    """A server of the standard library."""

    daemon_threads = True


class Silent(WSGIRequestHandler):
    """Writes no log."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[AssetStore]:
    """Give a folder, whose application runs."""
    with make_server("127.0.0.1", 0, None, Server, Silent) as server:
        store = AssetStore(LocalBackend(root=tmp_path, serve_url=f"http://127.0.0.1:{server.server_port}"))
        server.set_app(store.application("wsgi"))
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield store
        server.shutdown()
        thread.join()


@pytest.fixture(params=["folder", "seaweedfs", "emulator"])
def store(request: pytest.FixtureRequest, unique_prefix: str) -> Iterator[AssetStore]:
    """Give a store whose signed URLs lead to a running server."""
    server: Any = request.getfixturevalue(request.param)
    if isinstance(server, AssetStore):
        yield server
        return
    backend = S3Backend(
        bucket=server.bucket,
        endpoint_url=server.endpoint_url,
        access_key=server.access_key,
        secret_key=server.secret_key,
    )
    with AssetStore(backend, name=request.param) as whole:
        yield whole.scoped(unique_prefix)


@pytest.fixture
def keys(store: AssetStore) -> list[str]:
    """Give the keys that the server can have: SeaweedFS merges ``a//b`` with ``a/b``."""
    return [key for key in KEYS if store.name != "seaweedfs" or SLASHES not in key]


CLIENTS = [*([by_curl] if HAS_CURL else []), by_urllib, by_requests, by_httpx]


@pytest.mark.parametrize("send", CLIENTS)
def test_every_client_sends_what_was_signed(send: Client, store: AssetStore, keys: list[str]) -> None:
    """A PUT with its bonds, GET, HEAD and DELETE work as they come from ``presign``, whatever characters the key has."""
    for key in keys:
        data = f"the bytes of {key}".encode()
        put = store.presign(
            key, method="PUT", content_type="text/plain", content_length=len(data), metadata={"by": "Müller"}
        )
        assert (key, 200) == (key, send(put, data)[0])
        stored = store.stat(key)
        assert (key, len(data), "text/plain", {"by": "Müller"}) == (
            stored.key, stored.size, stored.content_type, stored.metadata,
        )  # fmt: skip
        assert (key, 200, data) == (key, *send(store.presign(key), None))
        assert (key, 200, data) == (key, *send(store.presign(key, download_as=NAME), None))
        assert (key, 200, b"") == (key, *send(store.presign(key, method="HEAD"), None))
        assert send(store.presign(key, method="DELETE"), None)[0] in (200, 204)
        assert (key, 404) == (key, send(store.presign(key), None)[0])
    assert [] == list(store.list())


@pytest.mark.parametrize("send", CLIENTS)
def test_every_client_is_refused_what_was_not_signed(send: Client, store: AssetStore) -> None:
    """With another size, another type or another key the same clients are answered 4xx, and nothing is stored."""
    key = "a b+ü.txt"
    put = store.presign(key, method="PUT", content_type="text/plain", content_length=3)
    forged = [
        (put, b"four"),
        (altered(put, url=put.url.replace("a%20b", "a%20c")), b"abc"),
        (altered(put, headers={**put.headers, "content-type": "text/html"}), b"abc"),
        (altered(store.presign(key), method="DELETE"), None),
    ]
    for request, body in forged:
        sized = altered(request, headers={name: text for name, text in request.headers.items() if name != "content-length"})
        assert 400 <= send(sized, body)[0] < 500
    assert [] == list(store.list())


def altered(request: PresignedRequest, **changes: Any) -> PresignedRequest:
    """Return what somebody made of a request."""
    fields = {"url": request.url, "method": request.method, "headers": request.headers, "expires_at": request.expires_at}
    return PresignedRequest(**{**fields, **changes})
