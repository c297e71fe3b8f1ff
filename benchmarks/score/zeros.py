"""An S3 server that keeps of each object only its size, MD5 and metadata, and sends as many zeros; and one that stalls.

It answers what an upload of any size, a HEAD and a GET ask, of any bucket, and checks no signature.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import socket
import threading
import time
from collections.abc import Iterator
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import attrs

_PIECE = bytes(1 << 20)
_RANGE = re.compile(r"bytes=(\d+)-(\d*)")


@attrs.frozen
class _Object:
    size: int
    etag: str
    headers: dict[str, str]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    objects: dict[str, _Object]
    uploads: dict[str, tuple[dict[str, str], dict[int, tuple[int, bytes]]]]

    def log_message(self, *_: object) -> None:
        """Log nothing."""

    def do_PUT(self) -> None:
        """Take an object or a part."""
        path, query = self._asked()
        size, digest = self._drain()
        if "partNumber" in query:
            self.uploads[query["uploadId"]][1][int(query["partNumber"])] = size, digest
        else:
            self.objects[path] = _Object(size, digest.hex(), self._kept())
        self._answer(200, b"", ETag=f'"{digest.hex()}"')

    def do_POST(self) -> None:
        """Begin or complete an upload in parts."""
        path, query = self._asked()
        self._drain()
        if "uploads" in query:
            upload_id = f"upload-{len(self.uploads)}"
            self.uploads[upload_id] = self._kept(), {}
            self._xml("InitiateMultipartUploadResult", UploadId=upload_id)
            return
        headers, parts = self.uploads[query["uploadId"]]
        ordered = [parts[number] for number in sorted(parts)]
        etag = hashlib.md5(b"".join(digest for _, digest in ordered)).hexdigest() + f"-{len(ordered)}"
        self.objects[path] = _Object(sum(size for size, _ in ordered), etag, headers)
        self._xml("CompleteMultipartUploadResult", ETag=f'"{etag}"')

    def do_DELETE(self) -> None:
        """Forget an upload or an object."""
        self._drain()
        self._answer(204, b"")

    def do_HEAD(self) -> None:
        """Describe an object."""
        self._send()

    def do_GET(self) -> None:
        """Send zeros."""
        self._send()

    def _send(self) -> None:
        path, query = self._asked()
        if path.count("/") == 1 or path.endswith("/"):
            self._list(path.rstrip("/"), query.get("prefix", ""))
            return
        found = self.objects.get(path)
        if found is None:
            body = b"<Error><Code>NoSuchKey</Code><Message>none</Message></Error>"
            self._answer(404, b"" if self.command == "HEAD" else body)
            return
        start, end, status, extra = 0, found.size - 1, 200, {}
        if match := _RANGE.fullmatch(self.headers.get("range", "")):
            start, end = int(match[1]), min(int(match[2] or end), end)
            status, extra = 206, {"Content-Range": f"bytes {start}-{end}/{found.size}"}
        fixed = {"ETag": f'"{found.etag}"', "Last-Modified": formatdate(usegmt=True), "Accept-Ranges": "bytes"}
        self.send_response(status)
        for name, value in {**found.headers, **fixed, **extra, "Content-Length": str(end + 1 - start)}.items():
            self.send_header(name, value)
        self.end_headers()
        left = 0 if self.command == "HEAD" else end + 1 - start
        with contextlib.suppress(ConnectionError):
            while left:
                left -= self.connection.send(_PIECE[: min(left, len(_PIECE))])

    def _list(self, bucket: str, prefix: str) -> None:
        found = {path[len(bucket) + 1 :]: each for path, each in self.objects.items()}
        entries = "".join(
            f"<Contents><Key>{key}</Key><Size>{each.size}</Size></Contents>"
            for key, each in found.items()
            if key.startswith(prefix)
        )
        self._answer(200, f"<ListBucketResult><IsTruncated>false</IsTruncated>{entries}</ListBucketResult>".encode())

    def _asked(self) -> tuple[str, dict[str, str]]:
        url = urlsplit(self.path)
        return url.path, {name: values[-1] for name, values in parse_qs(url.query, keep_blank_values=True).items()}

    def _kept(self) -> dict[str, str]:
        return {name: value for name, value in self.headers.items() if name.lower().startswith("x-amz-meta-")}

    def _drain(self) -> tuple[int, bytes]:
        """Read the body, which may be chunked and signed in chunks; return its size and MD5."""
        signed_chunks = "aws-chunked" in self.headers.get("content-encoding", "")
        chunked = self.headers.get("transfer-encoding", "") == "chunked"
        digest, size = hashlib.md5(usedforsecurity=False), 0
        if not chunked and not signed_chunks:
            for piece in self._pieces(int(self.headers.get("content-length") or 0)):
                digest.update(piece)
            return int(self.headers.get("content-length") or 0), digest.digest()
        while count := int(self.rfile.readline().partition(b";")[0].strip() or b"0", 16):
            for piece in self._pieces(count):
                digest.update(piece)
            size += count
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return size, digest.digest()

    def _pieces(self, count: int) -> Iterator[bytes]:
        while count:
            piece = self.rfile.read(min(count, 1 << 18))
            if not piece:
                raise ConnectionError("the body ends early")
            count -= len(piece)
            yield piece

    def _xml(self, root: str, **fields: str) -> None:
        inner = "".join(f"<{name}>{value}</{name}>" for name, value in fields.items())
        self._answer(200, f"<{root}><Bucket>b</Bucket><Key>k</Key>{inner}</{root}>".encode())

    def _answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """Ignore a client that hung up."""


@contextlib.contextmanager
def zeros() -> Iterator[str]:
    """Serve; yield the URL."""
    handler = type("Handler", (_Handler,), {"objects": {}, "uploads": {}})
    server = _Server(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


STALLS = {
    "connect": "nobody accepts the connection",
    "TLS": "nobody answers the handshake",
    "head": "no byte of the answer comes",
    "slow head": "a byte of the answer's head comes each second",
    "body": "the answer stops after its first bytes",
    "slow body": "a byte of the answer's body comes each second",
    "upload": "nobody reads the body of the request",
}


@contextlib.contextmanager
def stalling(stall: str) -> Iterator[str]:
    """Listen, and stall as ``STALLS`` describes; yield the URL."""
    done = threading.Event()
    with contextlib.ExitStack() as stack:
        backlog = 0 if stall == "connect" else 64
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=backlog))
        address = listener.getsockname()
        if stall == "connect":
            # Those that fill the queue: who comes later gets no answer.
            for _ in range(4):
                waiting = stack.enter_context(socket.socket())
                waiting.setblocking(False)
                waiting.connect_ex(address)
        else:
            thread = threading.Thread(target=_accept, args=(listener, stall, done), daemon=True)
            thread.start()
        yield f"http{'s' if stall == 'TLS' else ''}://127.0.0.1:{address[1]}"
        done.set()


def _accept(listener: socket.socket, stall: str, done: threading.Event) -> None:
    with contextlib.suppress(OSError):
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=_stall, args=(connection, stall, done), daemon=True).start()


def _stall(connection: socket.socket, stall: str, done: threading.Event) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\nETag: \"a\"\r\nLast-Modified: Sat, 28 Nov 2026 12:00:00 GMT\r\n"
    with connection, contextlib.suppress(OSError):
        if stall in ("head", "slow head", "body", "slow body"):
            connection.recv(1 << 16)
        if stall in ("body", "slow body"):
            connection.sendall(head + b"\r\n" + bytes(1000))
        if stall == "slow head":
            connection.sendall(head)
        while not done.is_set():
            if stall in ("slow head", "slow body"):
                connection.sendall(b"x")
            time.sleep(1)
