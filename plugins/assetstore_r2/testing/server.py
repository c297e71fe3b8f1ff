"""Runs the proxy: listens on loopback, with one thread for each connection."""

from __future__ import annotations

import io
import random
import socket
import socketserver
import threading
import time
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Protocol, Self
from urllib.parse import urlsplit

import attrs

from assetstore_r2.testing.connections import Client, Upstream, is_cut
from assetstore_r2.testing.faults import Close, Fault, Wait
from assetstore_r2.testing.messages import Answer, Request, without_signature


class Personality(Protocol):
    """Rules that the proxy adds to the upstream server's; called by several threads."""

    def before(self, request: Request) -> Answer | None:
        """Return a response to send without asking the upstream server, or ``None``."""

    def after(self, request: Request, answer: Answer) -> Answer:
        """Return the response to send instead of the upstream server's."""


@attrs.frozen(kw_only=True)
class LoggedRequest:
    """A request in the log, without headers and signature.

    Attributes:
        method: for example ``"PUT"``.
        target: as in ``Request``, with signature and credentials replaced by ``***``.
        status: of the response, even if it was then lost or cut; ``None`` if there was none.
        fault: the fault that struck it.
        at: when its head was received, in seconds of the proxy's clock.
    """

    method: str
    target: str
    status: int | None
    fault: Fault | None
    at: float


class FaultProxy:
    """An HTTP proxy on loopback that injects faults in front of one S3 server.

    The first fault in the list that strikes a request is applied. The same requests in the same order, the same faults and
    the same seed give the same errors. Bodies are held whole in memory. Each request goes to the upstream server over
    ``http``, on its own connection and with the client's Host header, so that signatures stay valid.

    An exception from a personality or a fault is raised when the proxy closes.
    """

    def __init__(
        self,
        upstream_url: str,
        faults: Iterable[Fault] = (),
        *,
        personality: Personality | None = None,
        seed: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare a proxy; it listens inside ``with``.

        Args:
            upstream_url: the server, for example ``http://127.0.0.1:9000``; a path in it becomes part of ``url``.
            faults: the faults to inject.
            personality: rules to add, such as ``R2Personality()``.
            seed: seeds the random choices of faults.
            clock: returns the seconds for the log.

        Raises:
            ValueError: ``upstream_url`` is not an ``http`` URL.
        """
        upstream = urlsplit(upstream_url)
        if upstream.scheme != "http" or upstream.hostname is None:
            raise ValueError(f"upstream_url must be an http:// URL with a host, got {upstream_url!r}")
        self._upstream = Upstream(host=upstream.hostname, port=upstream.port or 80)
        self._base = upstream.path.rstrip("/")
        self._personality = personality
        self._seed = seed
        self._clock = clock
        self._lock = threading.Lock()
        self._log: list[LoggedRequest] = []
        self._errors: list[Exception] = []
        self._open: set[socket.socket] = set()
        self._ended = threading.Event()
        self.inject(*faults)

    def inject(self, *faults: Fault) -> None:
        """Replace the faults by these, counted from 1."""
        with self._lock:
            self._faults = faults
            self._counts: Counter[tuple[int, Hashable]] = Counter()

    @property
    def requests(self) -> tuple[LoggedRequest, ...]:
        """All requests so far, in the order in which they were answered."""
        with self._lock:
            return tuple(self._log)

    def __enter__(self) -> Self:
        self._server = _Server(("127.0.0.1", 0), self._serve)
        self.url: str = f"http://127.0.0.1:{self._server.server_address[1]}{self._base}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, name="assetstore-fault-proxy"
        )
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
        if error is None and self._errors:
            raise self._errors[0]

    def close(self) -> None:
        """End all connections and threads."""
        self._ended.set()
        self._server.shutdown()
        with self._lock:
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        self._server.server_close()
        self._thread.join()

    def _serve(self, connection: socket.socket) -> None:
        with self._tracked(connection):
            client = Client(connection)
            try:
                while not self._ended.is_set() and (request := client.next_request(self._base)) is not None:
                    if not self._exchange(client, request):
                        return
            except (OSError, EOFError):
                return  # one side ended the connection, as faults cause
            except Exception as error:
                self._errors.append(error)

    @contextmanager
    def _tracked(self, connection: socket.socket) -> Iterator[None]:
        with self._lock:
            self._open.add(connection)
        try:
            yield
        finally:
            with self._lock:
                self._open.discard(connection)

    def _exchange(self, client: Client, request: Request) -> bool:
        """Serve one request and return whether the connection can serve another."""
        at = self._clock()
        fault, chance = self._pick(request)

        def log(status: int | None) -> None:
            target = without_signature(request.target)
            with self._lock:
                self._log.append(LoggedRequest(method=request.method, target=target, status=status, fault=fault, at=at))

        upwards = fault if fault is not None and fault.direction == "request" else Fault()
        body = b""
        for step in upwards.steps(client.take, chance):
            if isinstance(step, Close):
                log(None)
                self._cut(attrs.evolve(request, body=body), reset=step.reset)
                return client.end(reset=step.reset)
            body += self._bytes(step)
        client.take(None)
        try:
            answer = self._answer(attrs.evolve(request, body=body), fault)
        except (OSError, EOFError):
            log(None)
            raise
        log(answer.status)
        return self._send(client, answer, fault, chance)

    def _send(self, client: Client, answer: Answer, fault: Fault | None, chance: random.Random) -> bool:
        downwards = fault if fault is not None and fault.direction == "response" else Fault()
        for step in downwards.steps(io.BytesIO(answer.body).read, chance):
            if isinstance(step, Close):
                return client.end(reset=step.reset)
            data = self._bytes(step)
            if not isinstance(step, Wait):
                client.send(answer, data)
        return client.finish()

    def _bytes(self, step: bytes | Wait) -> bytes:
        if isinstance(step, bytes):
            return step
        self._ended.wait(step.seconds)
        return b""

    def _answer(self, request: Request, fault: Fault | None) -> Answer:
        answer = fault.respond(request) if fault is not None else None
        if answer is not None:
            return answer
        answer = self._personality.before(request) if self._personality is not None else None
        if answer is None:
            answer = self._ask(request)
            if self._personality is not None:
                answer = self._personality.after(request, answer)
        return answer if fault is None else fault.amend(request, answer)

    def _ask(self, request: Request) -> Answer:
        with self._upstream.connect() as connection, self._tracked(connection):
            return self._upstream.ask(connection, self._with_base(request))

    def _cut(self, request: Request, *, reset: bool) -> None:
        if is_cut(request):
            with self._upstream.connect() as connection, self._tracked(connection):
                self._upstream.send_cut(connection, self._with_base(request), reset=reset)

    def _with_base(self, request: Request) -> Request:
        return attrs.evolve(request, target=self._base + request.target)

    def _pick(self, request: Request) -> tuple[Fault | None, random.Random]:
        with self._lock:
            for index, fault in enumerate(self._faults):
                if not fault.matches(request):
                    continue
                counted = (index, fault.group(request))
                self._counts[counted] += 1
                if fault.strikes(self._counts[counted]):
                    chance = random.Random(f"{self._seed} {index} {self._counts[counted]}")  # noqa: S311 - repeatable, not a secret
                    return fault, chance
        return None, random.Random(self._seed)  # noqa: S311 - repeatable, not a secret


class _Server(socketserver.ThreadingTCPServer):
    request_queue_size = 128
    allow_reuse_address = True

    def __init__(self, address: tuple[str, int], serve: Callable[[socket.socket], None]) -> None:
        self._serve = serve
        super().__init__(address, socketserver.BaseRequestHandler)

    def finish_request(self, request: socket.socket | tuple[bytes, socket.socket], client_address: object) -> None:
        assert isinstance(request, socket.socket)
        self._serve(request)
