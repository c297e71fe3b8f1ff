"""An HTTP server that a test scripts, alone or in front of a real S3 server; it records requests."""

from __future__ import annotations

import http.client
import io
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import attrs

from assetstore.plugin import AssetStream, ReadOptions, Source, UploadOptions
from assetstore_r2 import R2Backend, S3Backend
from assetstore_r2.bucket import Bucket
from assetstore_r2.deadline import Deadline
from assetstore_r2.retry import Retries

PART = 5 << 20
SETTINGS: dict[str, Any] = {}
"""Settings of every backend that is opened here; a module of tests sets the engine."""
KEYS = {"access_key": "0123456789abcdef0123456789abcdef", "secret_key": "s" * 64}


@attrs.frozen
class Request:
    """A received request; header names are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = attrs.field(repr=False)


@attrs.frozen
class Reply:
    """A response; `cut` ends the connection after so many bytes of the body."""

    status: int = 200
    headers: Mapping[str, str] = attrs.field(factory=dict)
    body: bytes = b""
    cut: int | None = None


Forward: TypeAlias = Callable[[], Reply]
Script: TypeAlias = Callable[[Request, Forward], Reply | None]


@attrs.define(eq=False)
class StandIn:
    """`script` answers each request; `None` closes the connection without a response."""

    url: str
    upstream: str | None
    script: Script = lambda request, forward: forward()
    requests: list[Request] = attrs.field(factory=list)

    def forward(self, request: Request) -> Reply:
        """Send a request to the upstream server and return its response."""
        assert self.upstream is not None
        connection = http.client.HTTPConnection(urlsplit(self.upstream).netloc, timeout=600)
        try:
            headers = {name: value for name, value in request.headers.items() if name != "connection"}
            connection.request(request.method, request.path, request.body, headers)
            answer = connection.getresponse()
            kept = {name.lower(): value for name, value in answer.getheaders()}
            for name in ("transfer-encoding", "connection"):
                kept.pop(name, None)
            return Reply(answer.status, kept, answer.read())
        finally:
            connection.close()


@contextmanager
def stand_in(upstream: str | None = None, script: Script | None = None) -> Iterator[StandIn]:
    """Run a stand-in on loopback."""

    class Server(ThreadingHTTPServer):
        request_queue_size = 1024  # a connection that finds the queue full is tried again after seconds

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            length = int(self.headers.get("content-length", 0))
            body = self.rfile.read(length)
            if len(body) < length:  # the client is gone; the upstream server would wait for the rest
                self.close_connection = True
                return
            headers = {name.lower(): value for name, value in self.headers.items()}
            request = Request(self.command, self.path, headers, body)
            with lock:
                served.requests.append(request)
            reply = served.script(request, lambda: served.forward(request))
            self.close_connection = reply is None or reply.cut is not None
            if reply is not None:
                self._send(reply)

        def _send(self, reply: Reply) -> None:
            self.send_response_only(reply.status)
            length = {} if "transfer-encoding" in reply.headers else {"content-length": str(len(reply.body))}
            for name, value in {**length, **reply.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(b"" if self.command == "HEAD" else reply.body[: reply.cut])

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _serve  # noqa: N815 - names of http.server

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    lock = threading.Lock()
    server = Server(("127.0.0.1", 0), Handler)
    path = urlsplit(upstream).path if upstream else ""
    served = StandIn(f"http://127.0.0.1:{server.server_port}{path}", upstream)
    if script is not None:
        served.script = script
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Hasty(Deadline):
    """Waits for nothing, so that thousands of scripts take seconds."""

    def sleep(self, seconds: float) -> None:
        """Do not wait."""


class HastyBucket(Bucket):
    """A bucket whose operations wait for nothing."""

    def deadline(self) -> Deadline:
        """Return a deadline that does not wait."""
        return Hasty(timeout=600)


def hasty_bucket(s3: Any) -> Bucket:
    """Return a bucket whose requests an engine of the test answers, each at most three times."""
    opened = backend_at("http://127.0.0.1:1")._opened.get()
    fields = {field.name: getattr(opened, field.name) for field in attrs.fields(Bucket)}
    return HastyBucket(**{**fields, "s3": s3, "retries": Retries(max_attempts=3)})


def error_reply(status: int, code: str, message: str = "as told", headers: Mapping[str, str] | None = None) -> Reply:
    """Return an error in R2's form."""
    text = f'<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code><Message>{message}</Message></Error>'
    return Reply(status, {"content-type": "application/xml", **(headers or {})}, text.encode())


def aged(reply: Reply) -> Reply:
    """Return a response that says that the asset was stored long ago."""
    return attrs.evolve(reply, headers={**reply.headers, "last-modified": "Sun, 22 Nov 2015 19:53:47 GMT"})


def backend_at(url: str, **settings: Any) -> R2Backend:
    """Return an R2 backend on a stand-in."""
    return R2Backend(**{"bucket": "assets", "endpoint_url": url, **KEYS, "part_size": PART, **SETTINGS, **settings})


def backend_on(server: Any, url: str | None = None, **settings: Any) -> S3Backend:
    """Return a backend on a real server, or on the stand-in in front of it at `url`."""
    factory = R2Backend if server.name == "emulator" else S3Backend
    fields: dict[str, Any] = {
        "bucket": server.bucket,
        "endpoint_url": url or server.endpoint_url,
        "access_key": server.access_key,
        "secret_key": server.secret_key,
        "part_size": PART,
    }
    return factory(**{**fields, **SETTINGS, **settings})


def put(backend: S3Backend, key: str, data: Any, **options: Any) -> Any:
    """Upload through the hook."""
    source = Source(data)
    try:
        options = {"content_type": "application/octet-stream", **options}
        return backend.assetstore_upload(key=key, source=source, options=UploadOptions(**options))
    finally:
        source.close()


def get(backend: S3Backend, key: str, **options: Any) -> bytes:
    """Read through the hook, to the end."""
    return drain(opened(backend, key, **options))


def opened(backend: S3Backend, key: str, **options: Any) -> AssetStream:
    """Open through the hook."""
    stream = backend.assetstore_read(key=key, options=ReadOptions(**options))
    assert stream is not None
    return stream


def drain(stream: AssetStream) -> bytes:
    """Read a stream to its end and close it."""
    data = io.BytesIO()
    try:
        while piece := stream.body.read(1 << 16):
            data.write(piece)
    finally:
        stream.body.close()
    return data.getvalue()
