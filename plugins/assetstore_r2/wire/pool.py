"""The connections to one service: kept for the next request, and replaced when they ended."""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Mapping
from urllib.parse import SplitResult, urlsplit

import attrs

from assetstore_r2.deadline import Deadline, current
from assetstore_r2.wire.connecting import connect, find_proxy, proxy_headers
from assetstore_r2.wire.connection import Answer, Connection, Sendable
from assetstore_r2.wire.errors import NotHttpError, NotSentError, TooLateError, TooSlowError

READ_SECONDS, WRITE_SECONDS = 55.0, 4.0
"""How long an idle connection serves again. Services close after 60 s, Cloudflare's emulator after 5; a write takes a newer
connection, so that it does not meet the end of one."""


class SignedHead(bytes):
    """The head of a request. It holds a signature, so no dump of variables shows it."""

    def __repr__(self) -> str:
        return "<the head of a request>"


@attrs.define(eq=False, kw_only=True)
class Pool:
    """The connections to one service; threads may share it.

    Attributes:
        url: the service's URL, of which scheme, host and port count.
        connect_timeout: seconds to wait for a connection.
        size: how many idle connections are kept.
        to: the parts of ``url``.
        quickest: seconds until the quickest answer so far; before there is one, until a connection.
    """

    url: str
    connect_timeout: float = 10.0
    size: int = 256
    to: SplitResult = attrs.field(init=False, repr=False)
    quickest: float = attrs.field(init=False, default=0.0)
    _is_sure: bool = attrs.field(init=False, repr=False, default=False)
    _proxy: SplitResult | None = attrs.field(init=False, repr=False)
    _idle: list[Connection] = attrs.field(init=False, repr=False, factory=list)
    _closed: bool = attrs.field(init=False, repr=False, default=False)

    def __attrs_post_init__(self) -> None:
        """Find the proxy, and see to it that a pool that nobody closed leaves no open connections."""
        self.to = urlsplit(self.url)
        self._proxy = find_proxy(self.to)
        weakref.finalize(self, _close_all, self._idle)

    def send(self, method: str, target: str, headers: Mapping[str, str], body: Sendable = b"") -> Answer:
        """Send a request once, within the thread's deadline, and return the answer.

        Args:
            method: the method.
            target: path and query as they are sent.
            headers: all headers but ``content-length``; names in lower case.
            body: the bytes.

        Raises:
            WireError: there is no answer; its class says how far the request had come.
            ValueError: a header contains a line break.
        """
        head, limit = self.head_of(method, target, headers, body), current()
        while (connection := self.idle(method)) is not None:
            with contextlib.suppress(NotSentError):
                return self._ask(connection, method, head, body, limit)
        try:
            new = Connection(connect(self.to, self._proxy, self.connect_timeout, limit))
        except TooSlowError as error:
            raise TooLateError(str(error)) from error
        return self._ask(new, method, head, body, limit)

    def _ask(self, connection: Connection, method: str, head: bytes, body: Sendable, limit: Deadline) -> Answer:
        try:
            sent_whole = connection.send(head, body, limit)
            answered = connection.head(method, limit)
            if answered.status == 101:
                raise NotHttpError("the store switched to another protocol")
            if answered.status < 300 and not sent_whole:
                raise NotHttpError("the store confirmed a request that it had not received whole")
        except BaseException:
            connection.broken = True
            connection.released(limit)
            connection.close()
            raise
        return Answer(answered, connection, self, limit, sent_whole=sent_whole)

    def head_of(self, method: str, target: str, headers: Mapping[str, str], body: Sendable) -> bytes:
        """Return the head of a request as it is sent; arguments and errors are those of ``send``."""
        if self._proxy is not None and self.to.scheme == "http":
            target = f"http://{self.to.netloc}{target}"
            headers = {**headers, **proxy_headers(self._proxy)}
        lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        if body or method in ("PUT", "POST"):
            lines.append(f"content-length: {memoryview(body).nbytes}")
        text = "\r\n".join(lines)
        if not text.count("\n") == text.count("\r") == len(lines) - 1 or "\0" in text:
            raise ValueError("a header must not contain a line break")
        return SignedHead(f"{text}\r\n\r\n".encode("latin-1"))

    def idle(self, method: str) -> Connection | None:
        """Return an idle connection that can serve a request by this method, if there is one."""
        longest = READ_SECONDS if method in ("GET", "HEAD") else WRITE_SECONDS
        while True:
            try:
                connection = self._idle.pop()
            except IndexError:
                return None
            if connection.is_fresh(longest):
                return connection
            connection.close()

    def put_back(self, connection: Connection) -> None:
        """Keep a connection whose answer was read, or close it."""
        if connection.broken or self._closed or len(self._idle) >= self.size:
            connection.close()
        else:
            self._idle.append(connection)

    @property
    def is_direct(self) -> bool:
        """Whether no proxy stands between."""
        return self._proxy is None

    def answered_in(self, seconds: float, *, sure: bool = True) -> None:
        """Take note of how long an answer took; not ``sure``, of what it takes at least."""
        if sure > self._is_sure or (sure == self._is_sure and not 0 < self.quickest <= seconds):
            self.quickest, self._is_sure = seconds, sure

    def close(self) -> None:
        """Close the idle connections; those in use are closed when their answers are read."""
        self._closed = True
        _close_all(self._idle)


def _close_all(idle: list[Connection]) -> None:
    while idle:
        idle.pop().close()
