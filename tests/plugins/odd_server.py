"""A server on loopback that sends scripted bytes, whatever it is asked: what no real server does at a test's wish."""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
import struct
import threading
from collections.abc import Iterator, Sequence
from enum import Enum
from typing import TypeAlias

import attrs


class Do(Enum):
    """What a script does beside sending bytes."""

    READ = "read a request whole"
    READ_HEAD = "read the head of a request, and at most a little of its body"
    RESET = "end the connection by a reset"
    HALF_CLOSE = "send nothing more, but keep the connection"
    STALL = "do nothing until the test ends"


READ, READ_HEAD, RESET, HALF_CLOSE, STALL = Do
Step: TypeAlias = bytes | Do


def ok(body: bytes = b"ok", *lines: str, status: str = "200 OK") -> bytes:
    """Return a plain answer with a length."""
    head = "\r\n".join((f"HTTP/1.1 {status}", f"content-length: {len(body)}", *lines, "", ""))
    return head.encode("latin-1") + body


@attrs.define(eq=False)
class OddServer:
    """Attributes:
    scripts: the steps of each connection in turn, the last one's for all that follow; its end closes the connection.
    requests: what was received, head and body, in order.
    connections: how many were accepted.
    """

    url: str
    scripts: Sequence[Sequence[Step]]
    requests: list[bytes] = attrs.field(factory=list)
    connections: int = 0
    tls: ssl.SSLContext | None = None
    _listener: socket.socket | None = None
    _done: threading.Event = attrs.field(factory=threading.Event)
    _ended: threading.Semaphore = attrs.field(factory=lambda: threading.Semaphore(0))
    _open: list[socket.socket] = attrs.field(factory=list)
    _threads: list[threading.Thread] = attrs.field(factory=list)

    def wait_for_an_end(self) -> None:
        """Wait until one more connection was ended by its script."""
        assert self._ended.acquire(timeout=600)

    def accept(self, listener: socket.socket) -> None:
        """Serve connections until the listener is closed."""
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                script = self.scripts[min(self.connections, len(self.scripts) - 1)]
                self.connections += 1
                self._open.append(connection)
                thread = threading.Thread(target=self._serve, args=(connection, script), daemon=True)
                self._threads.append(thread)
                thread.start()

    def end(self) -> None:
        """End all connections and threads."""
        self._done.set()
        for connection in self._open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        for connection in self._open:
            connection.close()

    def _serve(self, connection: socket.socket, script: Sequence[Step]) -> None:
        used = connection
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.tls is not None:
                used = self.tls.wrap_socket(connection, server_side=True)
                self._open.append(used)
            for step in script:
                self._take(used, step)
        except (OSError, EOFError):
            pass  # the client ended it, as it should after many an odd answer
        finally:
            used.close()
            self._ended.release()

    def _take(self, connection: socket.socket, step: Step) -> None:
        if isinstance(step, bytes):
            connection.sendall(step)
        elif step is READ:
            self.requests.append(request_of(connection, whole=True))
        elif step is READ_HEAD:
            self.requests.append(request_of(connection, whole=False))
        elif step is RESET:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif step is HALF_CLOSE:
            connection.shutdown(socket.SHUT_WR)
        else:
            self._done.wait()


def request_of(connection: socket.socket, *, whole: bool) -> bytes:
    """Return the next request, with its body if ``whole``.

    Raises:
        EOFError: the client ended the connection.
    """
    data = b""
    while b"\r\n\r\n" not in data:
        data += received(connection)
    head = data.partition(b"\r\n\r\n")[0]
    length = re.search(rb"(?i)^content-length: (\d+)", head, re.MULTILINE)
    wanted = len(head) + 4 + (int(length[1]) if length and whole else 0)
    while len(data) < wanted:
        data += received(connection)
    return data


def received(connection: socket.socket) -> bytes:
    """Return some bytes; raise EOFError at the end."""
    data = connection.recv(1 << 16)
    if not data:
        raise EOFError
    return data


@contextlib.contextmanager
def odd_server(*scripts: Sequence[Step], tls: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> Iterator[OddServer]:
    """Run a server whose connections follow these scripts."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family, backlog=128) as listener:
        name = f"[{host}]" if ":" in host else host
        port = listener.getsockname()[1]
        server = OddServer(f"{'http' if tls is None else 'https'}://{name}:{port}", scripts, tls=tls)
        thread = threading.Thread(target=server.accept, args=(listener,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)  # wakes accept()
            thread.join()
            server.end()
