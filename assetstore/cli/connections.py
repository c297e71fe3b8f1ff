"""Bounds what the clients of the web server may hold: a head that never ends, a connection for nothing, open files."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import Any

import attrs
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

# A key takes 3,072 characters in a URL, metadata up to three times its 8,192 bytes in headers.
MAX_HEAD = 1 << 16
MAX_CONNECTIONS = 1000
# An upload that waits for its client holds its socket, its file and the store's folder.
FILES_EACH = 3
# For whatever works on the disk at the moment, and for connections that are accepted before others are closed for them.
OTHER_FILES = 64
# Bytes that a client must send or take in the time of Limits.body_seconds.
STEP = 1 << 16


@attrs.frozen(kw_only=True)
class Limits:
    """What clients may hold.

    Attributes:
        head_seconds: the time for the head of a request, from the beginning of the connection or its next request.
        idle_seconds: the time between two requests, and for taking the rest of an answer.
        body_seconds: the time that the server waits for a client in which it must send or take 64 KiB, or all the rest.
        connections: how many may be open at a time; when one more comes, the one that is idle for longest is closed.
    """

    head_seconds: float = 30
    idle_seconds: float = 60
    body_seconds: float = 60
    connections: int = MAX_CONNECTIONS


def connections_for_files() -> int:
    """Return how many connections the limit on open files allows; raise that limit first if it is low and may be raised."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return MAX_CONNECTIONS
    wanted = MAX_CONNECTIONS * FILES_EACH + OTHER_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if 0 <= soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    allowed = MAX_CONNECTIONS if soft < 0 else (soft - OTHER_FILES) // FILES_EACH
    return max(min(allowed, MAX_CONNECTIONS), 2)


class Connection(HttpToolsProtocol):
    """A connection that ends in time.

    uvicorn itself bounds only the time between two requests. The size of a head it bounds only with h11, which is slower.
    """

    def __init__(self, *, limits: Limits, **given: Any) -> None:
        super().__init__(**given)
        self.limits = limits
        self.quiet_since: float = 0.0
        self._application = self.app
        self.app: ASGIApp = self._serve
        self._timer: asyncio.TimerHandle | None = None
        self._has_begun = False
        self._is_last = False
        self._received = 0
        # Bytes of the head or trailer that is arriving, which the parser keeps; None while none is.
        self._held: int | None = None

    @property
    def is_busy(self) -> bool:
        """Whether a request is being answered."""
        return self.cycle is not None and not self.cycle.response_complete

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        """Make room if there are too many connections, and wait for the first head."""
        super().connection_made(transport)
        # By default buffers of megabytes are full before the server hears that a slow client takes something at all.
        transport.set_write_buffer_limits(0)
        if hasattr(socket, "TCP_NOTSENT_LOWAT"):
            transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, STEP)
        if len(self.connections) >= self.limits.connections:
            self._make_room()
        self._end_in(self.limits.head_seconds)

    def _make_room(self) -> None:
        idle = [other for other in self.connections if isinstance(other, Connection) and not other.is_busy]
        oldest = min((other for other in idle if other is not self), key=lambda other: other.quiet_since, default=None)
        if oldest is not None:
            # It is lost only later, and must not be chosen again meanwhile.
            self.connections.discard(oldest)
            oldest.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._stay()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what has come; end the connection when its head is too long."""
        if self._is_last:
            return
        self._received = len(data)
        super().data_received(data)
        if self._held is not None:
            self._held += len(data)
            if self._held > MAX_HEAD:
                self.transport.abort()
        if not self.is_busy and not self._has_begun and not self.transport.is_closing():
            self._end_in(self.limits.head_seconds)
            self._has_begun = True

    def on_message_begin(self) -> None:
        """Count the bytes of the head."""
        super().on_message_begin()
        self._count()

    def on_chunk_header(self) -> None:
        """Count the bytes of the trailer, if this was the last chunk."""
        self._count()

    def on_headers_complete(self) -> None:
        """Leave the rest of the request to whoever answers it."""
        self._held = None
        self._stay()
        super().on_headers_complete()
        if self.parser.should_upgrade():
            # The parser knows no body of such a request: it takes those bytes for the next request.
            self._is_last = True
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        """Count no longer: there is no trailer yet."""
        self._held = None
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Count no longer."""
        self._held = None
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Wait for the next request, and for the client to take the rest of the answer."""
        super().on_response_complete()
        if not self.is_busy:
            self._end_in(self.limits.idle_seconds)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._application(scope, receive, send)
        except BaseException:
            # uvicorn closes the connection only once the client has taken what is left.
            self._end_in(self.limits.idle_seconds)
            raise

    def _count(self) -> None:
        """Count from the end of the bytes that are parsed now: they are few, and hold other things too."""
        self._held = -self._received

    def _end_in(self, seconds: float) -> None:
        self._stay()
        self.quiet_since = self.loop.time()
        self._timer = self.loop.call_later(seconds, self.transport.abort)

    def _stay(self) -> None:
        self._has_begun = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
