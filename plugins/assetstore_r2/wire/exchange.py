"""Sends many small requests over several connections in one thread: a thread for each would cost more than the request."""

from __future__ import annotations

import selectors
import time
from collections import deque
from collections.abc import Iterator
from typing import Any, Generic, TypeAlias, TypeVar

import attrs

from assetstore_r2.deadline import Deadline
from assetstore_r2.wire.connecting import begin_tls, make_socket, reach
from assetstore_r2.wire.connection import Answer, Connection
from assetstore_r2.wire.errors import (
    CancelledError,
    NotHttpError,
    NotSentError,
    TooLateError,
    TooSlowError,
    UntrustedError,
    WireError,
)
from assetstore_r2.wire.pool import Pool

T = TypeVar("T")

FEW, A_SECOND = 16, 2000
"""The requests under way at once: as many as one thread sends until the quickest answer comes, but at least a few."""
_TICK, _LOOK = 0.1, 0.5
"""Seconds after which the end of the call is noticed, and after which the times of all requests are looked at."""
_IN, _OUT = selectors.EVENT_READ, selectors.EVENT_WRITE
_NOTHING = memoryview(b"")


@attrs.define(eq=False)
class Request(Generic[T]):
    """A request.

    Attributes:
        tag: the caller's own.
        method: its method.
        data: head and body.
        limit: its time, which began when it was made.
    """

    tag: T
    method: str
    data: memoryview = attrs.field(repr=False)
    limit: Deadline


Reply: TypeAlias = Answer | WireError


@attrs.define(eq=False)
class Line(Generic[T]):
    """A connection, or one that is being opened, and the request on it.

    Attributes:
        exchange: whose it is.
        number: its descriptor.
        opening: the socket, until the connection is open.
        since: when it began to be opened, when the request was begun, or when bytes of it moved last.
        connection: the connection, once it is open.
        used: whether a request was answered on it.
        request: what is under way.
        left: its bytes that were not sent yet.
        cut: whether the service stopped to take them.
    """

    exchange: Exchange[T]
    number: int
    opening: Any = None
    since: float = 0.0
    connection: Connection | None = None
    used: bool = False
    request: Request[T] | None = None
    left: memoryview = _NOTHING
    cut: bool = False

    def put_back(self, connection: Connection) -> None:
        """Take the next request, since the answer was read."""
        self.request, self.used = None, True
        if connection.broken:
            self.exchange.drop(self)
        else:
            connection.unblock()
            self.exchange.free.append(self)


class Exchange(Generic[T]):
    """The requests of one call, and its connections.

    Attributes:
        free: the connections that wait for a request.
    """

    def __init__(self, pool: Pool, requests: Iterator[Request[T]], count: int, most: int, limit: Deadline) -> None:
        """Prepare the call.

        Args:
            pool: lends its idle connections, and keeps those that are left in the end.
            requests: are taken one by one, when each can be sent at once.
            count: how many they are, at most.
            most: how many are under way at once, at most.
            limit: cancels the call.
        """
        self._pool, self._requests, self._count, self._most, self._limit = pool, requests, count, most, limit
        self._selector = selectors.DefaultSelector()
        self._lines: dict[int, Line[T]] = {}
        self._opening = 0
        self.free: list[Line[T]] = []
        self._again: list[Request[T]] = []
        self._done: deque[tuple[Request[T], Reply]] = deque()
        self._address: tuple[int, Any] | None = None
        self._looked = time.monotonic()

    def run(self) -> Iterator[tuple[Request[T], Reply]]:
        """Yield each request with its answer, whose body must be read before the next one is asked for, or what went wrong.

        Raises:
            CancelledError: the call was cancelled.
        """
        try:
            while True:
                self._begin()
                while self._done:
                    yield self._done.popleft()
                if not self._count and len(self.free) + self._opening == len(self._lines):
                    return
                if self._limit.cancelled:
                    raise CancelledError("the operation was cancelled")
                for key, events in () if self.free and self._count else self._selector.select(_TICK):
                    self._go_on(key.data, events)
                if time.monotonic() - self._looked > _LOOK:
                    self._look()
        finally:
            self._end()

    def _begin(self) -> None:
        """Begin as many requests as there is room for."""
        wanted = min(self._most, max(FEW, int(A_SECOND * self._pool.quickest)))
        while self._count and (self.free or (len(self._lines) < wanted and self._opening < self._count)):
            if not self.free:
                self._open()
            elif (request := self._next()) is not None:
                line = self.free.pop()
                line.request, line.left, line.cut, line.since = request, request.data, False, time.monotonic()
                self._push(line)

    def _next(self) -> Request[T] | None:
        self._count -= 1
        if self._again:
            return self._again.pop()
        request = next(self._requests, None)
        if request is None:
            self._count = 0
        return request

    def _open(self) -> None:
        """Begin to open a connection; the first one tells which of the service's addresses answers, and how quickly."""
        if (idle := self._pool.idle("PUT")) is not None:
            self._add(Line(self, idle.unblock(), connection=idle, used=True), _IN)
            return
        began = time.monotonic()
        try:
            if self._address is None:
                opening = reach(self._pool.to, "the endpoint", self._pool.connect_timeout, self._limit)
                self._address = opening.family, opening.getpeername()
                self._pool.answered_in(time.monotonic() - began, sure=False)
                opening.setblocking(False)
            else:
                opening = make_socket(self._address[0])
                opening.setblocking(False)
                opening.connect_ex(self._address[1])
        except (WireError, OSError) as error:
            # Each request is told so, and may be tried again on its own.
            while self._count and (request := self._next()) is not None:
                self._done.append((request, NotSentError(str(error))))
            return
        self._opening += 1
        self._add(Line(self, opening.fileno(), opening=opening, since=began), _OUT)

    def _add(self, line: Line[T], events: int) -> None:
        self._lines[line.number] = line
        self._selector.register(line.number, events, line)
        if line.connection is not None:
            self.free.append(line)

    def drop(self, line: Line[T]) -> None:
        """Close a connection, or what was to become one."""
        self._selector.unregister(line.number)
        del self._lines[line.number]
        if line in self.free:
            self.free.remove(line)
        if line.connection is None:
            self._opening -= 1
        (line.connection or line.opening).close()

    def _go_on(self, line: Line[T], events: int) -> None:
        if line.connection is None:
            self._go_on_opening(line)
        elif line.request is None:
            self._listen(line, line.connection)
        else:
            if line.left and events & _OUT:
                self._push(line)
            if events & _IN and line.request is not None:
                self._pull(line, line.connection, line.request)

    def _go_on_opening(self, line: Line[T]) -> None:
        problem = "the connection to the endpoint broke before anything was sent"
        try:
            line.opening, wanted = begin_tls(line.opening, self._pool.to)
        except OSError as error:
            # Named by a text, because plain connections do without ssl.
            is_untrusted = type(error).__name__ == "SSLCertVerificationError"
            trouble = UntrustedError("the TLS certificate is not trusted") if is_untrusted else NotSentError(problem)
            self._fail_opening(line, trouble)
            return
        self._selector.modify(line.number, wanted or _IN, line)
        if not wanted:
            self._opening -= 1
            line.connection, line.opening = Connection(line.opening), None
            line.connection.unblock()
            self.free.append(line)

    def _fail_opening(self, line: Line[T], error: WireError) -> None:
        self.drop(line)
        if (request := self._next() if self._count else None) is not None:
            self._done.append((request, error))

    def _listen(self, line: Line[T], connection: Connection) -> None:
        """Read what came without a request: of TLS, or the end of the connection."""
        try:
            if connection.pull("PUT", self._limit) is None:
                return
        except WireError:
            pass
        self.drop(line)

    def _push(self, line: Line[T]) -> None:
        request, connection = line.request, line.connection
        assert request is not None
        assert connection is not None
        try:
            count = connection.push(line.left)
        except OSError:
            if len(line.left) == len(request.data):
                self._send_elsewhere(line, request)
                return
            # It may have answered all the same.
            count, line.cut = len(line.left), True
        had = len(line.left)
        line.left = line.left[count:] if count < had else _NOTHING  # an empty slice would keep the bytes
        if line.left or had < len(request.data):
            line.since = time.monotonic()
            self._selector.modify(line.number, _IN | _OUT if line.left else _IN, line)

    def _send_elsewhere(self, line: Line[T], request: Request[T]) -> None:
        """Take another connection for a request of which nothing was sent, if this one had only grown old."""
        line.request = None
        self.drop(line)
        if line.used:
            self._again.append(request)
            self._count += 1
        else:
            self._done.append((request, NotSentError("the connection had ended before the request was sent")))

    def _pull(self, line: Line[T], connection: Connection, request: Request[T]) -> None:
        try:
            head = connection.pull(request.method, request.limit)
            if head is None:
                return
            whole = not line.left and not line.cut
            if head.status == 101:
                raise NotHttpError("the store switched to another protocol")
            if head.status < 300 and not whole:
                raise NotHttpError("the store confirmed a request that it had not received whole")
        except WireError as error:
            self._fail(line, request, error)
            return
        self._pool.answered_in(time.monotonic() - line.since)
        self._done.append((request, Answer(head, connection, line, request.limit, sent_whole=whole)))

    def _fail(self, line: Line[T], request: Request[T], error: WireError) -> None:
        line.request = None
        self.drop(line)
        self._done.append((request, error))

    def _look(self) -> None:
        """End what takes too long."""
        self._looked = now = time.monotonic()
        for line in list(self._lines.values()):
            if line.connection is None:
                if now - line.since > self._pool.connect_timeout:
                    self._fail_opening(line, NotSentError("the endpoint cannot be reached"))
            elif line.request is not None:
                try:
                    if line.left:
                        line.request.limit.moved(0, now - line.since)
                        line.since = now
                    line.request.limit.left()
                except TooSlowError as error:
                    nothing = len(line.left) == len(line.request.data)
                    self._fail(line, line.request, TooLateError(str(error)) if nothing else error)

    def _end(self) -> None:
        for line in list(self._lines.values()):
            if line.connection is None or line.request is not None:
                self.drop(line)
            else:
                self._pool.put_back(line.connection)
        self._lines.clear()  # they know the exchange, and nobody looks for such circles soon
        self.free.clear()
        self._selector.close()
