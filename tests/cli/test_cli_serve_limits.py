"""What clients may hold of the server of ``serve``, byte by byte, against the real one."""

from __future__ import annotations

import contextlib
import os
import random
import re
import resource
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs
import pytest
from uvicorn.server import ServerState

from assetstore import AssetStore, PresignedRequest, open_store
from assetstore.cli.connections import MAX_CONNECTIONS, MAX_HEAD, STEP, Limits, connections_for_files
from assetstore.cli.web_server import WebServer

LONG = 600.0
SHORT = 0.05
ENDLESS = 1000 * MAX_HEAD
IDLE = 1005
SLOW = 300
FILES = 1024


@attrs.frozen
class Served:
    """A server that runs.

    Attributes:
        store: its store, whose signed URLs lead to it.
        port: where it listens.
        state: what uvicorn knows of its connections.
    """

    store: AssetStore
    port: int
    state: ServerState = attrs.field(factory=ServerState)

    def connect(self) -> socket.socket:
        """Return a new connection."""
        return socket.create_connection(("127.0.0.1", self.port), LONG)

    def head(self, request: PresignedRequest, size: int = 0) -> bytes:
        """Return the head of a signed request with a body of this size."""
        target = request.url.partition(str(self.port))[2]
        return f"{request.method} {target} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {size}\r\n\r\n".encode()

    def ask(self, request: PresignedRequest, body: bytes = b"") -> bytes:
        """Return the first line of the answer to a signed request on a connection of its own."""
        with self.connect() as client:
            client.sendall(self.head(request, len(body)) + body)
            return client.recv(1 << 16).partition(b"\r\n")[0]


Serve = Callable[[Limits], Served]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Give a function that runs the server in a thread, with limits."""
    with contextlib.ExitStack() as stack:

        def serve(limits: Limits) -> Served:
            listening = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            port = listening.getsockname()[1]
            settings = {"url": f"file:{tmp_path}/assets", "serve_url": f"http://127.0.0.1:{port}", "durable": False}
            store = stack.enter_context(open_store(settings))
            application = store.application("asgi")
            web = WebServer(application=application, what="", base_path="", hosts=frozenset({"localhost"}), limits=limits)
            server = web.server()
            thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
            thread.start()
            stack.callback(thread.join)
            stack.callback(setattr, server, "should_exit", True)
            return Served(store, port, server.server_state)

        yield serve


def ended(client: socket.socket) -> bytes:
    """Return all that comes until the server hangs up."""
    received = b""
    with contextlib.suppress(ConnectionError):
        while data := client.recv(1 << 16):
            received += data
    return received


@pytest.mark.parametrize("start", [b"", b"\r\n\r\n", b"GET /a HTTP/1.1\r\nHost: localhost\r\n", b"GE"])
def test_a_head_that_does_not_end_is_waited_for_no_longer_than_its_time(serve: Serve, start: bytes) -> None:
    """Slowloris: whoever sends no whole request is hung up on without an answer."""
    served = serve(Limits(head_seconds=SHORT, idle_seconds=LONG))
    with served.connect() as client:
        client.sendall(start)
        assert b"" == ended(client)


def test_the_head_of_a_further_request_has_the_same_time(serve: Serve) -> None:
    """What begins on a connection that had been answered has to end as soon."""
    served = serve(Limits(head_seconds=0.5, idle_seconds=LONG))
    while True:
        with served.connect() as client, contextlib.suppress(ConnectionError):
            client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            if client.recv(1 << 16).startswith(b"HTTP/1.1 200 OK"):
                client.sendall(b"GE")
                ended(client)
                return
        # This machine is so slow that the time was over before the first request.


def test_a_byte_now_and_then_buys_a_head_no_time(serve: Serve) -> None:
    """The time for a head counts from its beginning, not from its last byte."""
    with serve(Limits(head_seconds=0.5, idle_seconds=LONG)).connect() as client:
        client.sendall(b"GET / HTTP/1.1\r\nx: ")
        assert b"" == dripping(client)


def test_an_idle_connection_is_closed(serve: Serve) -> None:
    """Between two requests there is a limited time."""
    with serve(Limits(head_seconds=LONG, idle_seconds=SHORT)).connect() as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert ended(client).startswith(b"HTTP/1.1 200 OK")


def dripping(client: socket.socket) -> bytes:
    """Send a byte whenever nothing comes for a while; return what comes until the server hangs up."""
    received = b""
    client.settimeout(0.02)
    with contextlib.suppress(ConnectionError):
        while True:
            try:
                data = client.recv(1 << 16)
            except TimeoutError:
                with contextlib.suppress(ConnectionError):  # its last words may still be there to be read
                    client.sendall(b"x")
            else:
                if not data:
                    break
                received += data
    return received


@pytest.mark.parametrize("drips", [False, True])
def test_a_body_that_stalls_or_crawls_is_given_up(serve: Serve, drips: bool) -> None:
    """The answer is 408, the connection ends, and nothing is stored or left behind."""
    served = serve(Limits(head_seconds=LONG, idle_seconds=LONG, body_seconds=0.3))
    request = served.store.presign("slow", method="PUT")
    with served.connect() as client:
        client.sendall(served.head(request, 1_000_000) + b"some")
        assert (dripping if drips else ended)(client).startswith(b"HTTP/1.1 408 Request Timeout")
    assert not served.store.exists("slow")
    assert [] == os.listdir(Path(served.store.location.removeprefix("folder ").partition(",")[0], ".assetstore", "tmp"))


@pytest.mark.parametrize("size", [100_000, 100_000_000])
def test_an_answer_that_is_not_taken_is_given_up(serve: Serve, size: int) -> None:
    """A client that reads nothing loses its connection, whether or not the server has sent all into the buffers."""
    served = serve(Limits(head_seconds=LONG, idle_seconds=SHORT, body_seconds=SHORT))
    served.store.upload(bytes(size), "big")
    served.store.upload(b"abc", "small")
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", served.port))
        client.sendall(served.head(served.store.presign("big")))
        assert client.recv(10)
        while served.state.connections:
            assert b"HTTP/1.1 200 OK" == served.ask(served.store.presign("small"))


@pytest.mark.skipif(not hasattr(socket, "TCP_NOTSENT_LOWAT"), reason="this system has no limit on unsent bytes")
def test_a_slow_client_is_noticed_to_take_something_before_its_time_is_over(serve: Serve) -> None:
    """No more waits for a client than it must take in its time; else one that takes megabytes a minute would be cut off."""
    served = serve(Limits(head_seconds=LONG, idle_seconds=SHORT, body_seconds=SHORT))
    served.store.upload(bytes(100_000_000), "big")
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", served.port))
        client.sendall(served.head(served.store.presign("big")))
        assert client.recv(10)
        while served.state.connections:
            served.ask(served.store.presign("small"))
        assert len(ended(client)) < 4 * STEP


@pytest.mark.parametrize("size", [0, 1, STEP - 1, STEP, STEP + 1, 2 * STEP, (1 << 18) + 1, 1_000_000])
def test_an_asset_of_any_size_is_answered_whole(serve: Serve, size: int) -> None:
    """However an answer is split into steps, each byte comes once."""
    data = random.Random(size).randbytes(size)
    served = serve(Limits())
    served.store.upload(data, "a")
    with served.connect() as client:
        client.sendall(served.head(served.store.presign("a")).replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        head, _, body = ended(client).partition(b"\r\n\r\n")
    assert (True, data) == (head.startswith(b"HTTP/1.1 200 OK"), body)


@pytest.mark.parametrize(
    ("start", "endless"),
    [
        (b"GET /", b"a"),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nx: ", b"a"),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n", b"a: b\r\n"),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"a: b\r\n"),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nx: ", b"a"),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\nGET /", b"a"),
    ],
)
def test_no_head_takes_all_memory(serve: Serve, start: bytes, endless: bytes) -> None:
    """Whoever sends an endless path, header, list of headers or trailer is hung up on."""
    with serve(Limits(head_seconds=LONG, idle_seconds=LONG)).connect() as client:
        client.sendall(start)
        with pytest.raises(ConnectionError):
            client.sendall(endless * (ENDLESS // len(endless)))


def test_a_body_in_chunks_may_be_long(serve: Serve) -> None:
    """Only what the parser keeps is bounded: a long body that nobody wants gets its answer."""
    with serve(Limits()).connect() as client:
        chunk = b"10000\r\n" + bytes(1 << 16) + b"\r\n"
        head = b"POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
        with contextlib.suppress(ConnectionError):
            client.sendall(head + chunk * 4 + b"0\r\n\r\n")
        assert ended(client).startswith(b"HTTP/1.1 403")


def test_many_requests_in_one_breath_are_all_answered(serve: Serve) -> None:
    """A client may send its next requests before it has the answers, with more bytes than one head may have."""
    one = b"GET / HTTP/1.1\r\nHost: localhost\r\nx: " + b"a" * 10_000 + b"\r\n\r\n"
    last = one.replace(b"x: ", b"Connection: close\r\nx: ")
    with serve(Limits()).connect() as client:
        sending = threading.Thread(target=client.sendall, args=(one * 30 + last,))
        sending.start()
        assert 31 == ended(client).count(b"HTTP/1.1 200 OK")
        sending.join()


@pytest.mark.parametrize("protocol", [b"websocket", b"h2c"])
@pytest.mark.parametrize("apart", [False, True])
def test_the_body_of_a_request_for_another_protocol_is_no_request(serve: Serve, protocol: bytes, apart: bool) -> None:
    """Nobody hides a request in a body from a proxy in front: such a request is the last on its connection."""
    served = serve(Limits())
    served.store.upload(b"abc", "a")
    hidden = served.head(served.store.presign("a"))
    upgrade = b"\r\nUpgrade: %b\r\nConnection: Upgrade\r\n\r\n" % protocol
    with served.connect() as client:
        client.sendall(served.head(served.store.presign("a"), len(hidden)).replace(b"\r\n\r\n", upgrade))
        answer = client.recv(1 << 16) if apart else b""
        with contextlib.suppress(ConnectionError):
            client.sendall(hidden)
        assert 1 == (answer + ended(client)).count(b"HTTP/1.1 200 OK")


def test_idle_connections_make_room_for_new_ones(serve: Serve) -> None:
    """When there are too many, the one that is idle for longest is closed; a genuine request is answered."""
    served = serve(Limits(head_seconds=LONG, idle_seconds=LONG, connections=5))
    served.store.upload(b"abc", "a")
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(served.connect()) for _ in range(20)]
        assert b"HTTP/1.1 200 OK" == served.ask(served.store.presign("a"))
        assert b"" == ended(clients[0])
        clients[-1].sendall(served.head(served.store.presign("a")))
        assert clients[-1].recv(1 << 16).startswith(b"HTTP/1.1 200 OK")


def test_busy_connections_are_not_closed_for_new_ones(serve: Serve) -> None:
    """While all are at work one more is refused with 503; their uploads succeed."""
    served = serve(Limits(connections=5))
    with contextlib.ExitStack() as stack:
        requests = [served.store.presign(f"{number}", method="PUT") for number in range(4)]
        clients = [stack.enter_context(served.connect()) for _ in requests]
        for client, request in zip(clients, requests, strict=True):
            client.sendall(served.head(request, 3).replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n"))
            assert client.recv(1 << 16).startswith(b"HTTP/1.1 100")
        assert b"HTTP/1.1 503 Service Unavailable" == served.ask(served.store.presign("0"))
        for client in clients:
            client.sendall(b"abc")
            assert client.recv(1 << 16).startswith(b"HTTP/1.1 200 OK")
    assert 4 == len(list(served.store.list()))


@pytest.fixture
def few_files(tmp_path: Path) -> Iterator[Served]:
    """Give the real command, with a limit of 1,024 open files that it may not raise."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = IDLE + 200
    if 0 <= hard < wanted:
        pytest.skip(f"this machine allows {hard} open files, the test itself needs {wanted}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    serve = [sys.executable, "-m", "assetstore", "serve", "file:assets", "--port", "0", "--quiet"]
    command = ["sh", "-c", f'ulimit -n {FILES} && exec "$@" 2> log', "sh", *serve]
    try:
        with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout is not None
                found = re.search(r"http://127\.0\.0\.1:(\d+)", process.stdout.readline())
                assert found, "the server did not start"
                settings = {"url": f"file:{tmp_path}/assets", "serve_url": found[0], "durable": False}
                with open_store(settings) as store:
                    yield Served(store, int(found[1]))
            finally:
                process.terminate()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_crowd_of_idle_connections_starves_nobody(few_files: Served) -> None:
    """Behind 1,005 connections that say nothing, a genuine upload and download succeed."""
    with contextlib.ExitStack() as stack:
        for _ in range(IDLE):
            stack.enter_context(few_files.connect())
        assert b"HTTP/1.1 200 OK" == few_files.ask(few_files.store.presign("maps/a", method="PUT"), b"abc")
        assert b"HTTP/1.1 200 OK" == few_files.ask(few_files.store.presign("maps/a"))


def test_a_crowd_of_slow_uploads_starves_nobody(few_files: Served) -> None:
    """Beside 300 uploads that wait for their clients there are files left for a genuine one; the 300 succeed as well."""
    store = few_files.store
    with contextlib.ExitStack() as stack:
        clients = []
        for number in range(SLOW):
            client = stack.enter_context(few_files.connect())
            request = store.presign(f"slow/{number}", method="PUT")
            client.sendall(few_files.head(request, 3).replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n"))
            clients.append(client)
        # The server asks for the body once the file for it is open.
        assert [b"HTTP/1.1 100 Continue\r\n\r\n"] * SLOW == [client.recv(1 << 16) for client in clients]
        assert b"HTTP/1.1 200 OK" == few_files.ask(store.presign("maps/deep/er/a", method="PUT"), b"abc")
        assert b"HTTP/1.1 200 OK" == few_files.ask(store.presign("maps/deep/er/a"))
        for client in clients:
            client.sendall(b"abc")
        assert {b"HTTP/1.1 200 OK"} == {client.recv(1 << 16).partition(b"\r\n")[0] for client in clients}
    assert SLOW == len(list(store.list("slow/")))


@pytest.mark.parametrize(
    ("soft", "hard", "expected"), [(64, 1024, 320), (1024, 1024, 320), (70, 70, 2), (100, 8192, MAX_CONNECTIONS)]
)
def test_there_are_as_many_connections_as_files(soft: int, hard: int, expected: int) -> None:
    """The limit on open files is raised as far as it may be, and decides how many connections there are."""
    code = (
        f"import resource; resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}));"
        "from assetstore.cli.connections import connections_for_files; print(connections_for_files())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert expected == int(done.stdout)
    assert 2 <= connections_for_files() <= MAX_CONNECTIONS
