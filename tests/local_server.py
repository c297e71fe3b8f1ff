"""A web server over a folder, for tests: the application behind a real one of either interface."""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import attrs

from assetstore import AssetStore, PresignedRequest
from assetstore_local import LocalBackend
from serving import serving


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        """Log nothing."""


class _Threaded(WSGIServer):
    def handle_error(self, *_: object) -> None:
        """Ignore a client that hung up."""


@attrs.frozen
class Answer:
    """A response.

    Attributes:
        status: HTTP status.
        headers: names in lower case.
        body: the bytes.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def code(self) -> str:
        """The name of the error, or nothing."""
        return self.body.partition(b"<Code>")[2].partition(b"</Code>")[0].decode()


@contextlib.contextmanager
def running(
    interface: str, root: Path, mount: str = "", *, plugins: Sequence[object] = (), **settings: Any
) -> Iterator[AssetStore]:
    """Serve a folder on a free port, below ``mount``, and yield a store whose signed URLs lead there."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}{quote(mount)}"
        backend = LocalBackend(root=root, serve_url=url, durable=False, **settings)
        serve = _asgi if interface == "asgi" else _wsgi
        with AssetStore(backend, plugins=plugins) as store, serve(store, listening, mount):
            yield store


@contextlib.contextmanager
def _asgi(store: AssetStore, listening: socket.socket, mount: str) -> Iterator[None]:
    from starlette.routing import Mount, Router

    application = store.application("asgi")
    routed = Router([Mount(mount, application)]) if mount else application
    with serving(routed, listening, log_level="critical", lifespan="off", timeout_graceful_shutdown=None):
        yield


@contextlib.contextmanager
def _wsgi(store: AssetStore, listening: socket.socket, mount: str) -> Iterator[None]:
    from werkzeug.middleware.dispatcher import DispatcherMiddleware

    application = store.application("wsgi")
    # WSGI passes paths as Latin-1 (PEP 3333).
    told = mount.encode().decode("latin-1")
    routed = DispatcherMiddleware(lambda environ, start: [], {told: application}) if mount else application
    with make_server("127.0.0.1", 0, routed, _Threaded, _Quiet) as server:
        server.socket.close()
        server.socket = listening.dup()
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


def send(
    request: PresignedRequest,
    body: bytes | None = None,
    *,
    method: str | None = None,
    target: str | None = None,
    headers: Mapping[str, str | None] | None = None,
) -> Answer:
    """Send a signed request, changed or not; a header that is ``None`` is left out."""
    url = urlsplit(request.url)
    sent: dict[str, str | None] = {"host": url.netloc, **request.headers}
    if body is not None:
        sent["content-length"] = str(len(body))
    sent |= headers or {}
    connection = http.client.HTTPConnection(url.netloc, timeout=600)
    with contextlib.closing(connection):
        connection.putrequest(
            method or request.method, target or f"{url.path}?{url.query}", skip_host=True, skip_accept_encoding=True
        )
        for name, value in sent.items():
            if value is not None:
                connection.putheader(name, value)
        connection.endheaders()
        if body:
            connection.send(body)
        answer = connection.getresponse()
        found = {name.lower(): value for name, value in answer.getheaders()}
        return Answer(answer.status, found, answer.read())


def exchange(request: PresignedRequest, raw: bytes, *, is_all: bool = False) -> tuple[int, bytes]:
    """Send bytes unchanged, then end if that is all; return the status, 0 for a hang-up, and the response."""
    url = urlsplit(request.url)
    with socket.create_connection((str(url.hostname), int(url.port or 0)), 600) as client:
        with contextlib.suppress(ConnectionError):
            client.sendall(raw)
            if is_all:
                client.shutdown(socket.SHUT_WR)
        received = b""
        with contextlib.suppress(ConnectionError):
            while data := client.recv(1 << 16):
                received += data
    status = received[9:12]
    return (int(status) if status.isdigit() else 0), received


def head(request: PresignedRequest, method: str, target: str, *lines: str) -> bytes:
    """Return the head of a request."""
    host = urlsplit(request.url).netloc
    fields = [f"{method} {target} HTTP/1.1", f"Host: {host}", "Connection: close", *lines, "", ""]
    return "\r\n".join(fields).encode("latin-1")
