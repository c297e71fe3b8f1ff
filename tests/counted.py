"""A store whose requests and bytes are counted where they cannot be wrong: on the wire, or at the backend's hooks."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from assetstore import AssetStore
from assetstore.testing import FaultyBackend, MemoryBackend, RecordingObserver
from assetstore_local import LocalBackend
from assetstore_r2 import R2Backend

STORES = ("memory", "local", "s3", "s3 by boto3")


class Wire(socketserver.ThreadingTCPServer):
    """Stands between a client and a server, counts requests and the bytes that the client's machine took.

    Attributes:
        requests: the method of each request.
        received: bytes of all answers, heads and unread ones included.
    """

    daemon_threads = True
    block_on_close = False
    request_queue_size = 1024  # a connection that finds the queue full is tried again after seconds

    def __init__(self, url: str) -> None:
        self.upstream = (urlsplit(url).hostname, urlsplit(url).port)
        self.requests: list[str] = []
        self.received = 0
        self.clients: list[socket.socket] = []
        super().__init__(("127.0.0.1", 0), Passage)

    @property
    def url(self) -> str:
        """Where clients connect."""
        return f"http://127.0.0.1:{self.server_address[1]}"


    def cut(self) -> None:
        """End all connections, as a server or a proxy does that waited too long."""
        for client in self.clients:
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)


class Passage(socketserver.BaseRequestHandler):
    """One connection."""

    def handle(self) -> None:
        """Pass bytes on in both directions until one side ends."""
        # Small buffers: what waits in them was not sent yet, and is not counted.
        self.request.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 14)
        self.server.clients.append(self.request)
        with socket.create_connection(self.server.upstream) as upstream:
            threading.Thread(target=self.pass_up, args=[upstream], daemon=True).start()
            with contextlib.suppress(OSError):
                while data := upstream.recv(1 << 14):
                    self.server.received += len(data)
                    self.request.sendall(data)
            with contextlib.suppress(OSError):
                self.request.shutdown(socket.SHUT_RDWR)

    def pass_up(self, upstream: socket.socket) -> None:
        """Pass the requests on. A client sends the head of each in one piece."""
        with contextlib.suppress(OSError):
            while data := self.request.recv(1 << 16):
                if data[:5] in (b"GET /", b"HEAD ", b"PUT /", b"POST ", b"DELET"):
                    self.server.requests.append(data.split()[0].decode())
                upstream.sendall(data)
        with contextlib.suppress(OSError):
            upstream.shutdown(socket.SHUT_RDWR)


class Counted:
    """A store, and what was asked of its backend.

    Attributes:
        store: the store.
        spy: notes each call of the backend.
        observer: notes each event.
        wire: counts on the wire, where there is one.
    """

    def __init__(self, backend: object, wire: Wire | None = None) -> None:
        self.spy, self.observer, self.wire = FaultyBackend(backend), RecordingObserver(), wire
        self.store = AssetStore(self.spy, plugins=[self.observer])

    def reset(self) -> None:
        """Count from nothing."""
        self.spy.calls.clear()
        self.observer.events.clear()
        if self.wire is not None:
            self.wire.requests.clear()
            self.wire.received = 0

    @property
    def requests(self) -> int:
        """How many reads the backend was asked for; on the wire just as many requests."""
        asked = [op for op, _ in self.spy.calls]
        if self.wire is not None:
            reported = sum(sum(event.requests.values()) for event in self.observer.events)
            assert [len(asked)] * 2 == [len(self.wire.requests), reported], (asked, self.wire.requests)
        return len(asked)

    @property
    def bytes(self) -> int:
        """How many bytes of assets came, as the events tell."""
        return sum(event.bytes for event in self.observer.events)


@contextlib.contextmanager
def counted(name: str, folder: Any, server: Any) -> Iterator[Counted]:
    """Give a store of this name of ``STORES``; ``server`` gives the S3 server when it is needed."""
    if not name.startswith("s3"):
        yield Counted(MemoryBackend() if name == "memory" else LocalBackend(root=folder / "store"))
        return
    running = server()
    engine = "boto3" if name.endswith("boto3") else "wire"
    with Wire(running.endpoint_url) as wire:
        threading.Thread(target=wire.serve_forever, args=[0.01], daemon=True).start()
        keys = {"access_key": running.access_key, "secret_key": running.secret_key}
        backend = R2Backend(bucket=running.bucket, endpoint_url=wire.url, engine=engine, **keys)
        made = Counted(backend, wire)
        yield made
        made.store.close()
        wire.shutdown()
