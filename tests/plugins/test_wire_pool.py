"""Connections: when they serve again, what a request that meets the end of one may do, threads and forks."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from odd_server import READ, RESET, STALL, Step, odd_server, ok
from r2_stand_in import backend_at, backend_on, get, put

from assetstore import UnavailableError, UnknownOutcomeError
from assetstore.plugin import StatOptions
from assetstore_r2 import S3Backend
from assetstore_r2.deadline import Deadline
from assetstore_r2.wire.errors import CancelledError, CutAnswerError, NoAnswerError, NotSentError, TooSlowError
from assetstore_r2.wire.pool import READ_SECONDS, WRITE_SECONDS, Pool
from kept_ports import kept_port
from servers import S3Server

HOST = {"host": "localhost"}
AGAIN: tuple[Step, ...] = (READ, ok(b"1"), READ, ok(b"2"), READ, ok(b"3"), STALL)


@pytest.fixture
def pools() -> Iterator[list[Pool]]:
    """Close the pools that a test put in here."""
    made: list[Pool] = []
    yield made
    for pool in made:
        pool.close()


def body(pool: Pool, method: str = "GET", data: bytes = b"") -> bytes:
    """Send a request and return the body of the answer."""
    return pool.send(method, "/", HOST, data).read()


def test_requests_follow_each_other_on_one_connection(pools: list[Pool]) -> None:
    """A connection serves every method in turn."""
    with odd_server(AGAIN) as server:
        pools.append(pool := Pool(url=server.url))
        assert [b"1", b"2", b"3"] == [body(pool), body(pool, "PUT", b"bytes"), body(pool, "DELETE")]
        assert 1 == server.connections


@pytest.mark.parametrize(
    ("method", "seconds", "same"),
    [
        ("GET", WRITE_SECONDS + 1, True),
        ("HEAD", WRITE_SECONDS + 1, True),
        ("GET", READ_SECONDS + 1, False),
        *[(method, WRITE_SECONDS + 1, False) for method in ("PUT", "POST", "DELETE")],
        *[(method, WRITE_SECONDS - 1, True) for method in ("PUT", "POST", "DELETE")],
    ],
)
def test_a_write_takes_a_connection_that_was_used_lately(
    method: str, seconds: float, same: bool, pools: list[Pool]
) -> None:
    """Services end idle connections after 5 s or later; a write that meets such an end would be in doubt."""
    with odd_server(AGAIN) as server:
        pools.append(pool := Pool(url=server.url))
        body(pool)
        pool._idle[0].used_at -= seconds
        pool.send(method, "/", HOST).close()
        assert (1 if same else 2) == server.connections


@pytest.mark.parametrize("method", ["GET", "PUT"])
@pytest.mark.parametrize("end", [(), (RESET,)], ids=["closed", "reset"])
def test_a_connection_that_has_ended_is_not_used_again(method: str, end: tuple[Step, ...], pools: list[Pool]) -> None:
    """A request after a pause finds the end of a connection before it sends anything, and takes another."""
    with odd_server((READ, ok(b"1"), *end), (READ, ok(b"2"), STALL)) as server:
        pools.append(pool := Pool(url=server.url))
        body(pool)
        server.wait_for_an_end()
        assert b"2" == body(pool, method, b"data" if method == "PUT" else b"")
        assert 2 == len(server.requests)


def test_bytes_that_nobody_asked_for_end_a_connection(pools: list[Pool]) -> None:
    """A server may say something in a pause, for example 408: it does not answer the next request."""
    with odd_server((READ, ok(b"1"), ok(b"late", status="408 Request Timeout")), (READ, ok(b"2"), STALL)) as server:
        pools.append(pool := Pool(url=server.url))
        assert b"1" == body(pool)
        server.wait_for_an_end()
        assert b"2" == body(pool)


@pytest.mark.parametrize(("method", "sent"), [("GET", b""), ("PUT", b"data")])
@pytest.mark.parametrize("end", [(), (RESET,)], ids=["closed", "reset"])
def test_the_end_right_after_a_request_is_doubt(
    method: str, sent: bytes, end: tuple[Step, ...], pools: list[Pool]
) -> None:
    """The wire never sends a request twice by itself: whether it was carried out is unknown."""
    with odd_server((READ, ok(b"1"), READ, *end), (READ, ok(b"2"), STALL)) as server:
        pools.append(pool := Pool(url=server.url))
        body(pool)
        with pytest.raises(NoAnswerError) as caught:
            body(pool, method, sent)
        assert caught.value.assetstore_doubt
        assert 2 == len(server.requests)
        assert b"2" == body(pool)


def test_what_was_not_sent_is_sent_on_another_connection(pools: list[Pool]) -> None:
    """A write that meets a connection shut on this side had not left the machine, so it may be sent."""
    with odd_server((READ, ok(b"1"), STALL), (READ, ok(b"2"), STALL)) as server:
        pools.append(pool := Pool(url=server.url))
        body(pool)
        pool._idle[0]._socket.shutdown(socket.SHUT_WR)
        assert b"2" == body(pool, "PUT", b"data")
        assert 2 == len(server.requests)


def test_nobody_at_the_address_means_not_sent(pools: list[Pool]) -> None:
    """A refused connection leaves no doubt."""
    with kept_port() as port:
        pools.append(pool := Pool(url=f"http://127.0.0.1:{port}"))
        with pytest.raises(NotSentError) as caught:
            body(pool, "PUT", b"data")
    assert not caught.value.assetstore_doubt


@pytest.mark.parametrize("name", ["no-such-host.invalid", "a..b", "x" * 64 + ".example"])
def test_a_name_without_an_address_means_not_sent(name: str, pools: list[Pool]) -> None:
    """A name that cannot be looked up leaves no doubt."""
    pools.append(pool := Pool(url=f"http://{name}"))
    with pytest.raises(NotSentError):
        body(pool)


def test_a_full_backlog_ends_with_the_deadline(pools: list[Pool]) -> None:
    """A server that accepts no connection is waited for as long as the operation may take; nothing was sent to it."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        waiting = [socket.socket() for _ in range(8)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(listener.getsockname())
        pools.append(pool := Pool(url=f"http://127.0.0.1:{listener.getsockname()[1]}"))
        with pytest.raises(TooSlowError) as caught, Deadline(0.3):
            body(pool, "PUT", b"data")
        assert not caught.value.assetstore_doubt
        backend = backend_at(pool.url, timeout=0.3)
        with pytest.raises(UnavailableError, match=r"longer than 0\.3 s") as refused:
            put(backend, "a", b"abc")
        assert not isinstance(refused.value, UnknownOutcomeError)
        backend.assetstore_close()
        for one in waiting:
            one.close()


UNENDING = b"HTTP/1.1 200 OK\r\n\r\nsome"
CHUNK = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2"


@pytest.mark.parametrize(
    "sent", [b"", ok()[:-1], UNENDING, CHUNK], ids=["the head", "the body", "a body without a length", "a chunk"]
)
def test_another_thread_ends_a_wait(sent: bytes, pools: list[Pool]) -> None:
    """A cancelled operation ends while its thread waits for bytes, and its connection is not used again."""
    limit, waits = Deadline(600), threading.Event()
    caught: list[BaseException] = []

    def work() -> None:
        try:
            with limit:
                answer = pool.send("GET", "/", HOST)
                waits.set()
                answer.read()
        except Exception as error:
            caught.append(error)

    with odd_server((READ, sent, STALL), (READ, ok(b"2"), STALL)) as server:
        pools.append(pool := Pool(url=server.url))
        thread = threading.Thread(target=work)
        thread.start()
        while not server.requests or (sent and not waits.is_set()):
            thread.join(0.01)
        limit.cancel()
        thread.join()
        assert b"2" == body(pool)
    assert [CancelledError] == [type(error) for error in caught]


def test_an_answer_that_is_not_read_whole_ends_its_connection(pools: list[Pool]) -> None:
    """What is left of a body is not waited for, and not taken for the next answer."""
    with odd_server((READ, ok(bytes(1 << 20)), STALL), (READ, ok(b"2"), STALL)) as server:
        pools.append(pool := Pool(url=server.url))
        answer = pool.send("GET", "/", HOST)
        assert 10 == len(answer.read(10))
        answer.close()
        assert b"" == answer.read()
        assert b"2" == body(pool)


@pytest.mark.parametrize("value", ["a\r\nx: y", "a\nb", "a\rb", "a\0b"])
def test_a_line_break_in_a_header_is_refused(value: str, pools: list[Pool]) -> None:
    """No value can add a header of its own."""
    with odd_server(AGAIN) as server:
        pools.append(pool := Pool(url=server.url))
        with pytest.raises(ValueError, match="line break"):
            pool.send("GET", "/", {**HOST, "x-amz-meta-a": value})
        with pytest.raises(ValueError, match="line break"):
            pool.send("GET", f"/{value}", HOST)
        assert [] == server.requests


def test_every_body_has_a_length_and_no_get_has_one(pools: list[Pool]) -> None:
    """An empty PUT or POST says so, because servers refuse one without a length."""
    with odd_server((READ, ok(), READ, ok(), READ, ok(), READ, ok(), STALL)) as server:
        pools.append(pool := Pool(url=server.url))
        for method in ("PUT", "POST", "GET", "DELETE"):
            body(pool, method)
    lengths = [b"content-length: 0" in request for request in server.requests]
    assert [True, True, False, False] == lengths


def test_64_threads_get_their_own_answers(pools: list[Pool]) -> None:
    """Answers are never mixed up, and each connection serves one request at a time."""
    with odd_server(*[(READ, ok(b"%d" % number), STALL) for number in range(64)]) as server:
        pools.append(pool := Pool(url=server.url))
        together = threading.Barrier(64)

        def work(_: int) -> bytes:
            together.wait()
            answer = pool.send("GET", "/", HOST)
            together.wait()
            return answer.read()

        with ThreadPoolExecutor(64) as threads:
            assert {b"%d" % number for number in range(64)} == set(threads.map(work, range(64)))
        assert 64 == server.connections


def test_as_many_connections_are_kept_as_one_asset_may_use() -> None:
    """What a backend asks for at once is asked for on the same connections the next time, however many are allowed."""
    count = 600
    with odd_server((READ, ok(b"1"), READ, ok(b"2"), STALL)) as server:
        backend = backend_at(server.url, max_concurrency=count)
        pool = backend._opened.get().s3.pool  # type: ignore[attr-defined]  # the wire's client has one
        for data in (b"1", b"2"):
            answers = [pool.send("GET", "/", HOST) for _ in range(count)]
            assert {data} == {answer.read() for answer in answers}
        assert count == server.connections
        backend.assetstore_close()


@pytest.mark.parametrize("engine", ["wire", "boto3"])
def test_64_threads_write_and_read_their_own_bytes(engine: str, seaweedfs: S3Server, unique_prefix: str) -> None:
    """Threads share a backend; each gets back what it wrote."""
    backend = backend_on(seaweedfs, engine=engine)

    def work(number: int) -> bytes:
        put(backend, f"{unique_prefix}{number}", b"%d" % number)
        return get(backend, f"{unique_prefix}{number}")

    with ThreadPoolExecutor(64) as threads:
        assert [b"%d" % number for number in range(128)] == list(threads.map(work, range(128)))
    backend.assetstore_close()


def in_child(work: S3Backend, key: str) -> bytes:
    """Read in a forked process and return the bytes, or its error."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            data = get(work, key)
        except BaseException as error:
            data = repr(error).encode()
        os.write(writer, data)
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as result:
        data = result.read()
    os.waitpid(child, 0)
    return data


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_does_not_share_connections(seaweedfs: S3Server, unique_prefix: str) -> None:
    """Parent and child read at the same store without reading each other's answers, also after the child has ended."""
    backend = backend_on(seaweedfs)
    put(backend, f"{unique_prefix}a", b"for the child")
    put(backend, f"{unique_prefix}b", b"for the parent")
    assert b"for the child" == in_child(backend, f"{unique_prefix}a")
    assert b"for the parent" == get(backend, f"{unique_prefix}b")
    assert backend.assetstore_stat(key=f"{unique_prefix}a", options=StatOptions()) is not None
    backend.assetstore_close()


def test_a_body_that_breaks_says_so(pools: list[Pool]) -> None:
    """A reset within the body is no end of it, even where no length was announced."""
    with odd_server((READ, b"HTTP/1.1 200 OK\r\n\r\nsome", RESET)) as server:
        pools.append(pool := Pool(url=server.url))
        answer = pool.send("GET", "/", HOST)
        server.wait_for_an_end()
        with pytest.raises(CutAnswerError):
            answer.read()
