"""One connection: sends a request, reads its answer, and knows how far both had come when something breaks."""

from __future__ import annotations

import contextlib
import select
import time
from typing import Any, Protocol, TypeAlias

from assetstore_r2.deadline import Deadline
from assetstore_r2.wire.errors import CutAnswerError, NoAnswerError, NotHttpError, NotSentError, TooSlowError, WireError
from assetstore_r2.wire.head import Head, find_end, parse

Sendable: TypeAlias = bytes | bytearray | memoryview

RECEIVE, SEND = 64 << 10, 256 << 10
_SMALL = 32 << 10
_INTERIM_LIMIT = 16
_SPELL = 0.5
"""Seconds after which a transfer looks whether it moves fast enough."""
_LINE = 4096


class Keeper(Protocol):
    """Keeps connections for the next request."""

    def put_back(self, connection: Connection, /) -> None:
        """Keep a connection whose answer was read, or close it."""


class Connection:
    """A socket, and the bytes that were received but not read yet.

    Attributes:
        used_at: when the last answer was read, on the monotonic clock.
        broken: whether it must not serve another request.
    """

    __slots__ = ("_buffer", "_poll", "_socket", "_timeout", "broken", "used_at")

    def __init__(self, connected: Any) -> None:
        """Take a connected socket."""
        self._socket = connected
        self._buffer = b""
        self._timeout = -1.0
        self._poll: select.poll | None = None
        self.broken: bool = False
        self.used_at: float = time.monotonic()

    def is_fresh(self, longest: float) -> bool:
        """Return whether the server has not ended the connection, nor may be about to: it was used lately."""
        if self.broken or self._buffer or time.monotonic() - self.used_at > longest:
            return False
        if hasattr(self._socket, "pending") and self._socket.pending():
            return False  # TLS has decrypted more than the answer
        if self._poll is None:
            self._poll = select.poll()
            self._poll.register(self._socket, select.POLLIN | select.POLLHUP)
        return not self._poll.poll(0)

    def close(self) -> None:
        """Close the socket."""
        self.broken = True
        self._socket.close()

    def send(self, head: bytes, body: Sendable, limit: Deadline) -> bool:
        """Send a request and return whether it was sent whole; a server may answer before that and stop to read.

        Raises:
            NotSentError: no byte was sent.
            TooSlowError: the server took too few bytes in time.
        """
        limit.watch(self._socket)
        whole = len(body) <= _SMALL
        view = memoryview(head + body if whole else head)
        sent = 0
        try:
            while view:
                self._wait(limit.left())
                count = self._socket.send(view)
                sent, view = sent + count, view[count:]
            return whole or self._send_body(memoryview(body).cast("B"), limit)
        except TimeoutError as error:
            self.broken = True
            limit.left()
            raise TooSlowError("the store took no bytes for too long") from error
        except OSError as error:
            self.broken = True
            limit.left()
            if not sent:
                raise NotSentError("the connection had ended before the request was sent") from error
            return False

    def unblock(self) -> int:
        """Let ``push`` and ``pull`` return at once; return the descriptor to wait for. All other methods wait themselves."""
        if self._timeout:
            self._timeout = 0.0
            self._socket.settimeout(0)
        number: int = self._socket.fileno()
        return number

    def push(self, view: memoryview) -> int:
        """Send what can be sent without waiting, and return how many bytes that were.

        Raises:
            OSError: the connection ended.
        """
        try:
            count: int = self._socket.send(view)
        except OSError as error:
            if not _would_wait(error):
                raise
            return 0
        return count

    def pull(self, method: str, limit: Deadline) -> Head | None:
        """Read what came of the head of an answer; return it once it is whole. Errors are those of ``head``."""
        try:
            more: bytes = self._socket.recv(RECEIVE)
        except OSError as error:
            if _would_wait(error):
                return None
            more = b""
        if not more:
            raise self._cut(self._buffer, limit)
        self._buffer += more
        while end := find_end(self._buffer):
            head, self._buffer = parse(self._buffer[:end], method), self._buffer[end:]
            if head.status >= 200 or head.status == 101:
                return head
        return None

    def _send_body(self, view: memoryview, limit: Deadline) -> bool:
        poll = select.poll()
        poll.register(self._socket, select.POLLIN | select.POLLOUT)
        while view:
            self._wait(limit.patience())
            begin, before = time.monotonic(), len(view)
            while view and time.monotonic() - begin < _SPELL:
                found = poll.poll(self._timeout * 1000)
                if not found:
                    raise TimeoutError
                if found[0][1] & ~select.POLLOUT and self._is_answered():
                    return False
                if found[0][1] & select.POLLOUT:
                    view = view[self._socket.send(view[:SEND]) :]
            limit.moved(before - len(view), time.monotonic() - begin)
        return True

    def _is_answered(self) -> bool:
        """Return whether bytes of an answer came, and keep them; over TLS what can be read may be no bytes of an answer."""
        self._socket.settimeout(0)
        try:
            self._buffer = self._socket.recv(RECEIVE)
        except OSError as error:
            if _would_wait(error):
                return False
            raise
        finally:
            self._socket.settimeout(self._timeout)
        return True

    def head(self, method: str, limit: Deadline) -> Head:
        """Read the head of the answer; answers of 1xx come before it.

        Raises:
            NoAnswerError: the connection ended before.
            CutAnswerError: it ended within.
            NotHttpError: the answer breaks the rules of HTTP.
        """
        data = self._buffer
        for _ in range(_INTERIM_LIMIT):
            searched = 0
            while not (end := find_end(data, searched)):
                searched = len(data)
                data += self._more_of_head(data, limit)
            head, data = parse(data[:end], method), data[end:]
            if head.status >= 200 or head.status == 101:
                self._buffer = data
                return head
        raise NotHttpError("the store sent too many interim answers")

    def _more_of_head(self, data: bytes, limit: Deadline) -> bytes:
        with contextlib.suppress(CutAnswerError):
            if more := self._received(RECEIVE, limit.left()):
                return more
        raise self._cut(data, limit)

    def _cut(self, data: bytes, limit: Deadline) -> WireError:
        self.broken = True
        limit.left()  # a cancelled operation's socket ends like this too
        return CutAnswerError("the head of the answer was cut") if data else NoAnswerError("no answer came")

    def some(self, size: int, limit: Deadline) -> bytes:
        """Return up to ``size`` bytes that come next, ``b""`` where the connection ends."""
        if self._buffer:
            data, self._buffer = self._buffer[:size], self._buffer[size:]
            return data
        begin = time.monotonic()
        data = self._received(size, limit.patience())
        limit.moved(len(data), time.monotonic() - begin)
        return data

    def fill(self, view: memoryview, limit: Deadline) -> int:
        """Fill ``view`` and return how many bytes came; fewer than it has where the connection ends, or after a while."""
        data, self._buffer = self._buffer[: len(view)], self._buffer[len(view) :]
        filled = len(data)
        view[:filled] = data
        begin = time.monotonic()
        try:
            self._wait(limit.patience())
            while filled < len(view) and time.monotonic() - begin < _SPELL:
                count = self._socket.recv_into(view[filled:])
                if not count:
                    break
                filled += count
        except OSError as error:
            raise self._failure(error) from error
        limit.moved(filled - len(data), time.monotonic() - begin)
        return filled

    def line(self, limit: Deadline) -> bytes:
        """Return the next line without its end, for bodies in chunks."""
        while (end := self._buffer.find(b"\r\n")) < 0:
            if len(self._buffer) > _LINE:
                raise NotHttpError("a line of a chunked answer is too long")
            begin = time.monotonic()
            more = self._received(RECEIVE, limit.patience())
            limit.moved(len(more), time.monotonic() - begin)
            if not more:
                self.broken = True
                raise CutAnswerError("a chunked answer was cut")
            self._buffer += more
        line, self._buffer = self._buffer[:end], self._buffer[end + 2 :]
        if b"\n" in line or b"\r" in line:
            raise NotHttpError("a line of a chunked answer has a bare line break")  # others would end it there
        return line

    def _received(self, size: int, timeout: float) -> bytes:
        try:
            self._wait(timeout)
            data: bytes = self._socket.recv(size)
        except OSError as error:
            raise self._failure(error) from error
        return data

    def _failure(self, error: OSError) -> WireError:
        self.broken = True
        if isinstance(error, TimeoutError):
            return TooSlowError("the store sent nothing for too long")
        return CutAnswerError("the connection broke while the answer was read")

    def _wait(self, timeout: float) -> None:
        """Set the socket's timeout, unless the one that is set differs little: each change costs a system call."""
        if not timeout <= self._timeout <= timeout + 0.5:
            self._timeout = timeout + 0.25
            self._socket.settimeout(self._timeout)

    def released(self, limit: Deadline) -> None:
        """Note that the answer was read."""
        limit.unwatch(self._socket)
        self.used_at = time.monotonic()


def _would_wait(error: OSError) -> bool:
    """Return whether a socket that must not wait would have to; named by a text, because plain connections need no ssl."""
    return isinstance(error, BlockingIOError) or type(error).__name__ in ("SSLWantReadError", "SSLWantWriteError")


class Answer:
    """An answer, whose body is read as it comes.

    Attributes:
        status: the status.
        headers: the headers, names in lower case.
        length: the bytes of the body, ``None`` if the head does not say.
        sent_whole: whether the request had been sent whole.
    """

    __slots__ = ("_chunked", "_connection", "_keeper", "_left", "_limit", "headers", "length", "sent_whole", "status")

    def __init__(self, head: Head, connection: Connection, keeper: Keeper, limit: Deadline, *, sent_whole: bool) -> None:
        """Begin to read the body."""
        self.status: int = head.status
        self.headers: dict[str, str] = head.headers
        self.length: int | None = head.length
        self.sent_whole: bool = sent_whole
        self._connection: Connection | None = connection
        self._keeper, self._limit = keeper, limit
        self._chunked = head.chunked
        self._left = 0 if head.chunked else head.length  # of the chunk, or of the body; None: until the connection ends
        connection.broken |= not head.keeps or not sent_whole
        if head.length == 0:
            self._release()

    def read(self, size: int = -1, /) -> bytes:
        """Return at most ``size`` bytes as they come, all that are left for -1; ``b""`` only at the end.

        Raises:
            CutAnswerError: the body ended before its announced length.
            TooSlowError: too few bytes moved.
        """
        if size < 0:
            return b"".join(iter(lambda: self.read(1 << 20), b""))
        connection = self._connection
        if connection is None or size == 0:
            return b""
        try:
            if self._chunked and not self._left and not self._next_chunk(connection):
                return b""
            data = connection.some(size if self._left is None else min(size, self._left), self._limit)
            self._count(len(data), connection)
        except BaseException:
            self.close()
            raise
        return data

    def readinto(self, view: memoryview, /) -> int:
        """Fill ``view`` and return how many bytes came: fewer than it has at the end or after a while, 0 only at the end."""
        connection = self._connection
        if connection is None or not view:
            return 0
        try:
            if self._chunked and not self._left and not self._next_chunk(connection):
                return 0
            count = connection.fill(view if self._left is None else view[: self._left], self._limit)
            self._count(count, connection)
        except BaseException:
            self.close()
            raise
        return count

    def _count(self, count: int, connection: Connection) -> None:
        if self._left is None:
            if not count:
                self._release()
            return
        if not count:
            connection.broken = True
            raise CutAnswerError(f"the answer ended {self._left} bytes before its announced end")
        self._left -= count
        if self._chunked:
            if not self._left and connection.line(self._limit):
                raise NotHttpError("a chunk is longer than announced")
        elif not self._left:
            self._release()

    def _next_chunk(self, connection: Connection) -> bool:
        size = connection.line(self._limit).partition(b";")[0].strip(b" \t")
        if not size or len(size) > 15 or size.strip(b"0123456789abcdefABCDEF"):
            raise NotHttpError("the size of a chunk is not a number")
        self._left = int(size, 16)
        if self._left:
            return True
        for _ in range(_LINE):
            if not connection.line(self._limit):
                self._release()
                return False
        raise NotHttpError("too many trailers follow a chunked answer")

    def _release(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.released(self._limit)
            self._keeper.put_back(connection)

    def close(self) -> None:
        """End the answer; a connection whose body was not read whole is closed."""
        if self._connection is not None:
            self._connection.broken = True
            self._release()
