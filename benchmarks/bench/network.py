"""A relay for TCP in a process of its own: it delays what passes, caps each connection's rate, or counts the requests.

Run: ``python -m bench.network HOST:PORT [--delay SECONDS] [--rate BYTES] [--log FILE]``. It prints the port that it
listens at and ends with its standard input.

The delay is that of one way, for each byte, and never holds back the bytes behind it. As ``connect`` returns before anything
crossed the wire, the first bytes of a connection wait for one round trip more, which is the handshake of TCP. Timers are
exact to a millisecond and round up. ``--log`` writes a line for each HTTP request, before the request passes, and the line
``< NUMBER`` for so many bytes that went on to the client.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import sys
import threading
from collections import deque
from pathlib import Path

WINDOW = 32 << 20
"""Bytes of one direction of a connection that may be under way: 200 MB/s at a round trip of 160 ms."""


class RequestLog:
    """Writes a line for each HTTP/1.1 request of a connection, before the request passes."""

    def __init__(self, file: int) -> None:
        self._file = file
        self._head = b""
        self._body = 0

    def feed(self, data: bytes) -> None:
        """Take the next bytes that a client sent."""
        while data:
            skipped = min(self._body, len(data))
            self._body -= skipped
            head, end, data = (self._head + data[skipped:]).partition(b"\r\n\r\n")
            self._head = b"" if end else head
            if end:
                line, *fields = head.split(b"\r\n")
                os.write(self._file, line + b"\n")
                lengths = [int(field.split(b":")[1]) for field in fields if field.lower().startswith(b"content-length:")]
                self._body = sum(lengths)


class ReceivedLog:
    """Writes a line ``< NUMBER`` for what a client is sent: not what waits here for a client that may never take it."""

    def __init__(self, file: int) -> None:
        self._file = file

    def feed(self, data: bytes) -> None:
        """Take the next bytes for the client."""
        os.write(self._file, b"< %d\n" % len(data))


class Side(asyncio.Protocol):
    """One end of a relayed connection; what it receives goes to its other end."""

    transport: asyncio.Transport
    other: Side

    def __init__(self, delay: float, rate: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._delay, self._rate = delay, rate
        self._queue: deque[tuple[float, bytes | None]] = deque()
        self._waiting = 0
        self._free = 0.0
        self.writable = True
        self.log: RequestLog | None = None
        self.received: ReceivedLog | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep what writes to this end."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def not_before(self, when: float) -> None:
        """Deliver nothing earlier than this."""
        self._free = when

    def data_received(self, data: bytes) -> None:
        """Queue what came until it is due."""
        if self.log:
            self.log.feed(data)
        self._free = max(self._free, self._loop.time()) + (len(data) / self._rate if self._rate else 0)
        self._waiting += len(data)
        if self._waiting > WINDOW:
            self.transport.pause_reading()
        self._put(data)

    def eof_received(self) -> bool:
        """Pass on that nothing more comes; the other direction stays open."""
        self._put(b"")
        return True

    def connection_lost(self, error: Exception | None) -> None:
        """End the other side too, when all has arrived there."""
        self._put(None)

    def _put(self, data: bytes | None) -> None:
        due = max(self._free, self._loop.time()) + self._delay
        self._queue.append((due, data))
        self._loop.call_at(due, self.deliver)

    def deliver(self) -> None:
        """Write what is due to the other end, in order."""
        while self._queue and self._queue[0][0] <= self._loop.time() + 1e-4 and self.other.writable:
            _, data = self._queue.popleft()
            self._waiting -= len(data or b"")
            if data is None or self.other.transport.is_closing():
                self.other.transport.close()
            elif not data:
                with contextlib.suppress(OSError):
                    self.other.transport.write_eof()
            else:
                if self.received:
                    self.received.feed(data)
                self.other.transport.write(data)
        if self._waiting < WINDOW and not self.transport.is_reading() and not self.transport.is_closing():
            self.transport.resume_reading()

    def pause_writing(self) -> None:
        """Let the other direction wait until this end takes more."""
        self.writable = False

    def resume_writing(self) -> None:
        """Go on."""
        self.writable = True
        self.other.deliver()


class Client(Side):
    """The end at which a client arrived; it connects the other end."""

    def __init__(self, options: argparse.Namespace, file: int | None) -> None:
        super().__init__(options.delay, options.rate)
        self._options, self._file = options, file
        self.log = RequestLog(file) if file is not None else None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Connect to the server, and read when that is done."""
        super().connection_made(transport)
        self.transport.pause_reading()
        self.not_before(self._loop.time() + 2 * self._delay)
        self._task = self._loop.create_task(self._connect())

    async def _connect(self) -> None:
        host, _, port = self._options.server.rpartition(":")
        try:
            _, self.other = await self._loop.create_connection(lambda: self._far_end(), host, int(port))
        except OSError:
            self.transport.abort()
            return
        self.transport.resume_reading()

    def _far_end(self) -> Side:
        side = Side(self._options.delay, self._options.rate)
        side.other = self
        side.received = ReceivedLog(self._file) if self._file is not None else None
        return side


async def serve(options: argparse.Namespace) -> None:
    """Relay until the process ends."""
    file = os.open(options.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT) if options.log else None
    server = await asyncio.get_running_loop().create_server(lambda: Client(options, file), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def _end_with_stdin() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("server")
    parser.add_argument("--delay", type=float, default=0.0)
    parser.add_argument("--rate", type=float, default=0.0)
    parser.add_argument("--log", type=Path)
    threading.Thread(target=_end_with_stdin, daemon=True).start()
    asyncio.run(serve(parser.parse_args()))
