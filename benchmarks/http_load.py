"""A client that loads a web server: GET over connections that are kept alive, the same for every server.

Run: ``python http_load.py CONNECTIONS REQUESTS < urls``. It sends REQUESTS in all, to the URLs in turn, and prints how many
seconds they took and how many bytes came. Anything but 200 with a Content-Length ends it.
"""

from __future__ import annotations

import selectors
import socket
import sys
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

BUFFER = memoryview(bytearray(1 << 20))


class Connection:
    """One connection with at most one request under way.

    Attributes:
        received: bytes of bodies so far.
    """

    def __init__(self, host: str, port: int, requests: Iterator[bytes]) -> None:
        self.socket = socket.create_connection((host, port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = 0
        self._requests = requests
        self._left = 0
        self._head = b""

    def send(self) -> bool:
        """Send the next request, if there is one."""
        request = next(self._requests, None)
        if request is not None:
            self.socket.sendall(request)
            self._head = b""
        return request is not None

    def take(self) -> bool:
        """Take what has come; tell whether the answer is complete."""
        count = self.socket.recv_into(BUFFER)
        if not count:
            raise SystemExit("the server hung up")
        if not self._left:
            self._head += BUFFER[:count]
            head, blank, body = self._head.partition(b"\r\n\r\n")
            if not blank:
                return False
            self._left, count = _length(head), len(body)
        self._left -= count
        self.received += count
        return not self._left


def _length(head: bytes) -> int:
    status, *lines = head.split(b"\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(b":") for line in lines)}
    if status.split()[1] != b"200" or b"content-length" not in headers:
        raise SystemExit(f"an unusable answer: {status.decode()}")
    return int(headers[b"content-length"])


def _requests(urls: list[str], count: int) -> Iterator[bytes]:
    made = []
    for url in urls:
        parts = urlsplit(url)
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        made.append(f"GET {target} HTTP/1.1\r\nHost: {parts.netloc}\r\nAccept: */*\r\n\r\n".encode())
    return (made[number % len(made)] for number in range(count))


def load(urls: list[str], connections: int, count: int) -> tuple[float, int]:
    """Return how many seconds ``count`` requests took, and how many bytes came."""
    parts = urlsplit(urls[0])
    requests = _requests(urls, count)
    with selectors.DefaultSelector() as selector:
        opened = [Connection(str(parts.hostname), int(parts.port or 80), requests) for _ in range(connections)]
        began = time.perf_counter()
        for connection in opened:
            if connection.send():
                selector.register(connection.socket, selectors.EVENT_READ, connection)
        while selector.get_map():
            for key, _ in selector.select():
                connection = key.data
                if connection.take() and not connection.send():
                    selector.unregister(connection.socket)
        took = time.perf_counter() - began
    for connection in opened:
        connection.socket.close()
    return took, sum(connection.received for connection in opened)


if __name__ == "__main__":
    print(*load(sys.stdin.read().split(), int(sys.argv[1]), int(sys.argv[2])))
