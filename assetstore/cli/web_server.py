"""The web server of ``serve``: Starlette routes, uvicorn serves."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import hmac
import logging
import math
import re
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from urllib.parse import urlsplit

import attrs
import uvicorn
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route, Router
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from assetstore.cli.connections import STEP, Connection, Limits, connections_for_files
from assetstore.cli.text import plain

# Seconds after Ctrl-C before running requests are cut off.
GRACE = 3
# Connections that wait for the server, and those that it accepts before it looks at any of them.
WAITING, AT_ONCE = 1024, 8

METRICS, GALLERY = "/-/metrics", "/-/gallery"

NO_TOKEN = PlainTextResponse("this page requires the server's token\n", 401, {"www-authenticate": "Bearer"})
MISDIRECTED = PlainTextResponse("the Host header does not name this server\n", 421)

_LOST_QUERY = re.compile(r"(?i)(x-[a-z]+-|[?&;]|%(25)*(3f|26|3b)).*(=|%(25)*3d).*")

_SIGNATURE = re.compile(rb"(?i)(^|&)[^=&]*signature=")

logger: logging.Logger = logging.getLogger("assetstore")


@attrs.frozen(kw_only=True)
class WebServer:
    """Serves an application, a gallery, and a page that describes them.

    Attributes:
        application: answers the signed URLs, if they lead to this machine.
        gallery: shows the store, if such pages are installed.
        what: a short description of the store, for people.
        base_path: the path of the application, ``""`` or for example ``"/assets"``.
        hosts: the names that the header Host may have.
        token: the token that the pages ``/`` and ``/-/metrics`` require, or ``None``.
        metrics: returns the text of ``/-/metrics`` and its type; ``None`` without that page.
        say: called with one line for each request, or ``None``.
        limits: what clients may hold.
    """

    application: ASGIApp | None
    gallery: ASGIApp | None = None
    what: str
    base_path: str
    hosts: frozenset[str]
    token: str | None = attrs.field(default=None, repr=False)
    metrics: Callable[[], tuple[bytes, str]] | None = None
    say: Callable[[str], object] | None = None
    limits: Limits = attrs.field(factory=lambda: Limits(connections=connections_for_files()))

    def run(self, listening: socket.socket) -> None:
        """Serve until SIGINT or SIGTERM."""
        server = self.server()
        with _ended_by_signals(server):
            server.run(sockets=[listening])

    def server(self) -> uvicorn.Server:
        """Return the server, which does not run yet."""
        # Attended logs the requests that fail, without the query string.
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
        limits = self.limits
        config = uvicorn.Config(
            Attended(self.site(), hosts=self.hosts, say=self.say, patience=limits.body_seconds),
            access_log=False,
            backlog=AT_ONCE,
            http=functools.partial(Connection, limits=limits),  # type: ignore[arg-type]  # it is only called
            lifespan="off",
            limit_concurrency=limits.connections,
            log_config=None,
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=GRACE,
            timeout_keep_alive=math.ceil(limits.idle_seconds),
            ws="none",
        )
        return _Server(config)

    def site(self) -> ASGIApp:
        """Return our own pages and, below the base path, the application."""
        pages = [Route("/", self._page)]
        if self.metrics is not None:
            pages.append(Route(METRICS, functools.partial(self._show_metrics, self.metrics)))
        mounts = [Mount(GALLERY, _ByItself(self.gallery, self.application))] if self.gallery else []
        mounts += [Mount(self.base_path, self.application)] if self.application else []
        return Router([*pages, *mounts], redirect_slashes=False)

    def _is_refused(self, request: Request) -> bool:
        given = request.headers.get("authorization", "")
        return bool(self.token) and not hmac.compare_digest(given.encode(), f"Bearer {self.token}".encode())

    async def _show_metrics(self, metrics: Callable[[], tuple[bytes, str]], request: Request) -> ASGIApp:
        if self.application and request.url.query:
            return self.application  # a signed URL of an asset with this key
        if self._is_refused(request):
            return NO_TOKEN
        text, kind = await asyncio.to_thread(metrics)
        return Response(text, headers={"content-type": kind, "cache-control": "no-store"})

    async def _page(self, request: Request) -> ASGIApp:
        is_browser = "text/html" in request.headers.get("accept", "")
        if is_browser and self.gallery:
            return RedirectResponse(f"{GALLERY}/", 303)
        if self._is_refused(request):
            return NO_TOKEN
        if is_browser and self.application:
            # The application has a page for people who open an address that is not signed.
            return self.application
        ways = ["by signed URLs"] * bool(self.application) + [f"in the gallery at {GALLERY}/"] * bool(self.gallery)
        return PlainTextResponse(f"assetstore serves {self.what}, {' and '.join(ways)} only\n")


@attrs.frozen(eq=False)
class _ByItself:
    """Answers what is below the gallery, except signed requests: an asset may have such a key."""

    gallery: ASGIApp
    application: ASGIApp | None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.application and _SIGNATURE.search(scope["query_string"]):
            # As if it were not below the gallery.
            await self.application({**scope, "root_path": ""}, receive, send)
        else:
            await self.gallery(scope, receive, send)


class _Server(uvicorn.Server):
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Let more connections wait than asyncio accepts at once, so that a crowd does not take every descriptor."""
        await super().startup(sockets)
        for listening in sockets or ():
            listening.listen(WAITING)


@contextlib.contextmanager
def _ended_by_signals(server: uvicorn.Server) -> Iterator[None]:
    """Let SIGINT and SIGTERM end only the server: uvicorn's own handlers raise them again when it ends."""

    def stop(*_: object) -> None:
        server.should_exit = True

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _host_of(scope: Scope) -> str | None:
    named = next((value for name, value in scope["headers"] if name == b"host"), b"")
    try:
        return urlsplit(f"//{named.decode('latin-1')}").hostname
    except ValueError:
        return None


@attrs.frozen(eq=False)
class Attended:
    """Wraps an application: prints a line for each request, verifies its Host, and ends requests that stall or crawl.

    Attributes:
        application: answers the requests.
        hosts: the names that Host may have; a page of another site whose name resolves to this machine sends none of them.
        say: called with each line, or ``None``.
        patience: seconds of waiting for a client in which it must send or take ``STEP`` bytes, or all the rest.
    """

    application: ASGIApp
    hosts: frozenset[str]
    say: Callable[[str], object] | None = None
    patience: float = Limits().body_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        began = time.perf_counter()
        visit = Visit(receive, send, self.patience)
        # The query string holds the signature, and is part of the path when the URL has lost its question mark.
        what = plain(f"{scope['method']} {_LOST_QUERY.sub('***', scope['raw_path'].decode('latin-1'))}")
        try:
            known = _host_of(scope) in self.hosts
            await (self.application if known else MISDIRECTED)(scope, visit.receive, visit.send)
            if visit.is_late and not visit.status:
                await PlainTextResponse("the request stalled\n", 408, {"connection": "close"})(scope, receive, visit.send)
        except Exception:
            if not visit.is_late:
                logger.exception("cannot answer %s", what)
            raise
        finally:
            if self.say:
                self.say(f"{what} {visit.status or '-'} {visit.moved} B {(time.perf_counter() - began) * 1000:.1f} ms")


@attrs.define(eq=False)
class Visit:
    """One request in progress.

    Attributes:
        status: the status of the answer, or 0 before it.
        moved: bytes of both bodies so far.
        is_late: whether the client stalled, or was too slow.
    """

    _receive: Receive
    _send: Send
    _patience: float
    status: int = 0
    moved: int = 0
    is_late: bool = False
    _is_read: bool = False
    _waited: float = 0
    _step: int = 0

    async def receive(self) -> Message:
        """Return the next piece of the request; a client that stalls counts as disconnected."""
        if self._is_read:
            # Only the disconnect is left to wait for, which may rightly take long.
            return await self._receive()
        try:
            async with self._waiting():
                message = await self._receive()
        except TimeoutError:
            return {"type": "http.disconnect"}
        self._count(message)
        self._is_read = not message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        """Send a piece of the answer, no more at once than a client must take in time.

        Raises:
            TimeoutError: the client does not take the data.
        """
        self.status = message.get("status", self.status)
        body = message.get("body", b"")
        for start in range(0, len(body) - STEP, STEP):
            await self._send_step({**message, "body": body[start : start + STEP], "more_body": True})
        last = max(0, len(body) - 1) // STEP * STEP
        await self._send_step({**message, "body": body[last:]} if last else message)

    async def _send_step(self, message: Message) -> None:
        async with self._waiting():
            await self._send(message)
        self._count(message)

    @contextlib.asynccontextmanager
    async def _waiting(self) -> AsyncIterator[None]:
        """Wait for the client, but no longer than it may take for a step: a byte now and then buys it no more time."""
        began = time.monotonic()
        try:
            async with asyncio.timeout(self._patience - self._waited):
                yield
        except TimeoutError:
            self.is_late = True
            raise
        self._waited += time.monotonic() - began

    def _count(self, message: Message) -> None:
        size = len(message.get("body", b""))
        self.moved += size
        self._step += size
        if self._step >= STEP:
            self._step, self._waited = 0, 0
