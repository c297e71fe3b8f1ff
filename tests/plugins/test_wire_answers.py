"""Odd answers, as servers, proxies and captive portals send them: each has one verdict, and none spoils the next answer.

The answers come from a server that sends scripted bytes. Below, `kept` means that the connection serves the next request.
"""

from __future__ import annotations

from collections.abc import Iterator

import attrs
import pytest
from odd_server import HALF_CLOSE, READ, READ_HEAD, RESET, STALL, OddServer, Step, odd_server, ok

from assetstore_r2 import deadline
from assetstore_r2.deadline import Deadline
from assetstore_r2.wire.errors import CutAnswerError, NoAnswerError, NotHttpError, TooSlowError, WireError
from assetstore_r2.wire.pool import Pool

SECOND = ok(b"the second answer")
BIG = bytes(8 << 20)
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n"


@attrs.frozen
class Odd:
    """An odd answer.

    Attributes:
        name: what is odd.
        sent: the bytes.
        verdict: status and body that a client must see, or the error.
        kept: whether the connection serves the next request.
        method: of the request.
        closes: whether the server ends the connection after it.
    """

    name: str
    sent: bytes
    verdict: tuple[int, bytes] | type[WireError]
    kept: bool = True
    method: str = "GET"
    closes: bool = False


def refused(name: str, sent: bytes, error: type[WireError] = NotHttpError, *, closes: bool = False) -> Odd:
    """Return an answer that is an error, after which the connection is closed."""
    return Odd(name, sent, error, kept=False, closes=closes)


def head(*lines: str | bytes, status: bytes = b"HTTP/1.1 200 OK") -> bytes:
    """Return the head of an answer."""
    encoded = [line if isinstance(line, bytes) else line.encode("latin-1") for line in lines]
    return b"\r\n".join((status, *encoded, b"", b""))


OK = (200, b"ok")
LENGTH = "content-length: 2"
MANY = [f"x-{number}: {number}" for number in range(1_500)]

INTERIM = [
    Odd("100 before the answer", b"HTTP/1.1 100 Continue\r\n\r\n" + ok(), OK),
    Odd("103 before the answer", head("link: </a>", status=b"HTTP/1.1 103 Early Hints") + ok(), OK),
    Odd("several 1xx", b"HTTP/1.1 100 \r\n\r\nHTTP/1.1 102 P\r\n\r\nHTTP/1.1 103 E\r\nx: y\r\n\r\n" + ok(), OK),
    Odd("1xx with a length, which has no body", b"HTTP/1.1 103 E\r\ncontent-length: 9\r\n\r\n" + ok(), OK),
    refused("101, which nobody asked for", b"HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\n\r\n"),
    refused("1xx without end", b"HTTP/1.1 100 Continue\r\n\r\n" * 100),
]
LENGTHS = [
    Odd("no length, the end of the connection ends it", head() + b"ok", OK, kept=False, closes=True),
    Odd("length 0", ok(b""), (200, b"")),
    Odd("bytes after the body", ok() + b"HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\npoison!", OK, kept=False),
    Odd("a line break after the body", ok() + b"\r\n", OK, kept=False),
    refused("a length longer than the body", head("content-length: 9") + b"ok", CutAnswerError, closes=True),
    Odd("a length shorter than the body", head("content-length: 1") + b"ok", (200, b"o"), kept=False),
    refused("a negative length", head("content-length: -2") + b"ok"),
    refused("a length that is no number", head("content-length: two") + b"ok"),
    refused("a length with a sign", head("content-length: +2") + b"ok"),
    refused("a length in other digits", head("content-length: \xb2") + b"ok"),
    refused("an empty length", head("content-length:") + b"ok"),
    refused("a length of 40 digits", head(f"content-length: {'9' * 40}") + b"ok"),
    Odd("a length twice, the same", head(LENGTH, LENGTH) + b"ok", OK),
    Odd("a length twice in one field, the same", head("content-length: 2, 2") + b"ok", OK),
    refused("two lengths", head(LENGTH, "content-length: 3") + b"ok"),
    refused("two lengths in one field", head("content-length: 2, 3") + b"ok"),
    Odd("204 with a length", head(LENGTH, status=b"HTTP/1.1 204 No Content"), (204, b"")),
    Odd("304 with a length", head(LENGTH, status=b"HTTP/1.1 304 Not Modified"), (304, b"")),
    Odd("304 with length 0", head("content-length: 0", status=b"HTTP/1.1 304 Not Modified"), (304, b"")),
    Odd("204 that says it is chunked", head("transfer-encoding: chunked", status=b"HTTP/1.1 204 N"), (204, b"")),
    Odd("204 with a body", head(LENGTH, status=b"HTTP/1.1 204 No Content") + b"ok", (204, b""), kept=False),
    Odd("HEAD with a length", head("content-length: 266", status=b"HTTP/1.1 404 Not Found"), (404, b""), method="HEAD"),
    Odd("HEAD chunked", CHUNKED + b"\r\n", (200, b""), method="HEAD"),
    Odd("HEAD without a length", head(), (200, b""), method="HEAD"),
    Odd("HEAD with a body all the same", ok(b"surplus"), (200, b""), kept=False, method="HEAD"),
]
CHUNKS = [
    Odd("chunked", CHUNKED + b"\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n", OK),
    Odd("chunked, empty", CHUNKED + b"\r\n0\r\n\r\n", (200, b"")),
    Odd("chunked with trailers", CHUNKED + b"trailer: x\r\n\r\n2\r\nok\r\n0\r\nx: y\r\nz: a\r\n\r\n", OK),
    Odd("chunked with extensions", CHUNKED + b'\r\n2;a=b;c="d"\r\nok\r\n0;e\r\n\r\n', OK),
    Odd("sizes with zeros and capitals", CHUNKED + b"\r\n000B\r\neleven here\r\n00\r\n\r\n", (200, b"eleven here")),
    Odd("Transfer-Encoding in capitals", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: CHUNKED\r\n\r\n2\r\nok\r\n0\r\n\r\n", OK),
    refused("a size that is no number", CHUNKED + b"\r\nxyz\r\nok\r\n0\r\n\r\n"),
    refused("a size with 0x", CHUNKED + b"\r\n0x2\r\nok\r\n0\r\n\r\n"),
    refused("a negative size", CHUNKED + b"\r\n-2\r\nok\r\n0\r\n\r\n"),
    refused("an empty size", CHUNKED + b"\r\n\r\nok\r\n0\r\n\r\n"),
    refused("a size beyond any memory", CHUNKED + b"\r\nfffffffffffffffffff\r\nok\r\n0\r\n\r\n"),
    refused("a huge size, then the end", CHUNKED + b"\r\nfffffffffff\r\nok", CutAnswerError, closes=True),
    refused("a chunk longer than its size", CHUNKED + b"\r\n2\r\nokay\r\n0\r\n\r\n"),
    refused("a chunk that is cut", CHUNKED + b"\r\n9\r\nok", CutAnswerError, closes=True),
    refused("a chunk without its end", CHUNKED + b"\r\n2\r\nok", CutAnswerError, closes=True),
    refused("no last chunk", CHUNKED + b"\r\n2\r\nok\r\n", CutAnswerError, closes=True),
    refused("trailers that are cut", CHUNKED + b"\r\n2\r\nok\r\n0\r\nx: y\r\n", CutAnswerError, closes=True),
    refused("a line of a size without end", CHUNKED + b"\r\n2;" + b"x" * 70_000),
    refused("trailers without end", CHUNKED + b"\r\n2\r\nok\r\n0\r\n" + b"x: y\r\n" * 5_000),
    refused("bare line feeds between chunks", CHUNKED + b"\r\n2\nok\n0\n\n", CutAnswerError, closes=True),
    refused("a bare line feed in a trailer", CHUNKED + b"\r\n2\r\nok\r\n0\r\nx: y\n\r\n\r\n"),
    refused("a bare carriage return after a size", CHUNKED + b"\r\n2;x\ry\r\nok\r\n0\r\n\r\n"),
    Odd("chunked and a length", CHUNKED + b"content-length: 9\r\n\r\n2\r\nok\r\n0\r\n\r\n", OK, kept=False),
    refused("chunked twice", CHUNKED + b"transfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"),
    refused("gzip, chunked", b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"),
    Odd("bytes after the last chunk", CHUNKED + b"\r\n2\r\nok\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n", OK, kept=False),
]
HEADS = [
    refused("another protocol", b"SSH-2.0-OpenSSH_9.2p1\r\n"),
    refused("a mail server", b"220 mail.example ESMTP\r\n\r\n"),
    refused("TLS where HTTP was asked for", b"\x15\x03\x01\x00\x02\x02\x46"),
    refused("HTTP/0.9", b"<html><body>Hello</body></html>", closes=True),
    refused("HTTP/2 in its own form", b"\x00\x00\x12\x04\x00\x00\x00\x00\x00", closes=True),
    refused("the version of HTTP/2", b"HTTP/2 200\r\n\r\n"),
    Odd("HTTP/1.0", head(LENGTH, status=b"HTTP/1.0 200 OK") + b"ok", OK, kept=False),
    Odd("HTTP/1.0 kept", head(LENGTH, "Connection: Keep-Alive", status=b"HTTP/1.0 200 OK") + b"ok", OK),
    Odd("HTTP/1.1 without Connection is kept", ok(), OK),
    Odd("Connection: close", ok(b"ok", "Connection: close"), OK, kept=False),
    Odd("Connection: close among others", ok(b"ok", "Connection: x-a, Close"), OK, kept=False),
    Odd("no reason", head(LENGTH, status=b"HTTP/1.1 200") + b"ok", OK),
    Odd("an empty reason", head(LENGTH, status=b"HTTP/1.1 200 ") + b"ok", OK),
    Odd("a reason in UTF-8", head(LENGTH, status="HTTP/1.1 200 schön".encode()) + b"ok", OK),
    refused("a control character in a reason", ok(status="200 \x1d")),
    Odd("a status nobody defined", ok(b"ok", status="299 Odd"), (299, b"ok")),
    Odd("499 of a server that lost the client", ok(b"", status="499 status code 499"), (499, b"")),
    refused("a status of two digits", ok(b"ok", status="20 OK")),
    refused("a status of four digits", ok(b"ok", status="2000 OK")),
    refused("status 0", ok(b"ok", status="000 OK")),
    refused("status 999", ok(b"ok", status="999 Odd")),
    refused("a status that is a word", ok(b"ok", status="OK 200")),
    refused("an empty name", ok(b"ok", ": value")),
    refused("a blank before the colon", ok(b"ok", "name : value")),
    refused("a line without a colon", ok(b"ok", "nonsense")),
    refused("a name in UTF-8", ok(b"ok", "n\xc3\xa4me: value")),
    refused("a folded line", ok(b"ok", "x: a\r\n b")),
    refused("a fold before the first field", b"HTTP/1.1 200 OK\r\n x: y\r\n\r\n"),
    refused("bare line feeds", b"HTTP/1.1 200 OK\ncontent-length: 2\n\nok", CutAnswerError, closes=True),
    refused("one bare line feed", head("x: a\ncontent-length: 2", LENGTH) + b"ok"),
    refused("a bare carriage return", head("x: a\rb: c", LENGTH) + b"ok"),
    refused("a NUL in a value", head(b"x: a\0b", LENGTH) + b"ok"),
    Odd("UTF-8 in a value", head(LENGTH, "x-amz-meta-by: Müller".encode()) + b"ok", OK),
    Odd("control characters in a value", head(LENGTH, b"x: \x01\x7f\x85\x1c") + b"ok", OK),
    Odd("an empty value", head(LENGTH, "x:") + b"ok", OK),
    Odd("no blank, many blanks and tabs around a value", head("x:y", "content-length: \t  2 \t ") + b"ok", OK),
    Odd("a head of 60 KiB", ok(b"ok", f"x: {'y' * 60_000}"), OK),
    refused("a head of 65 KiB", ok(b"ok", f"x: {'y' * 66_000}")),
    refused("a head of 1 MiB", ok(b"ok", f"x: {'y' * (1 << 20)}")),
    refused("a head without end", b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 40_000),
    Odd("1,500 fields", ok(b"ok", *MANY), OK),
    Odd("Content-Encoding: gzip is left alone", ok(b"\x1f\x8b", "content-encoding: gzip"), (200, b"\x1f\x8b")),
]
ENDS = [
    refused("the end instead of an answer", b"", NoAnswerError, closes=True),
    refused("the end within the head", b"HTTP/1.1 200 OK\r\ncontent-le", CutAnswerError, closes=True),
    refused("the end after the first letter", b"H", CutAnswerError, closes=True),
    refused("the end after 100 Continue", b"HTTP/1.1 100 Continue\r\n\r\n", NoAnswerError, closes=True),
    refused("the end within the body", ok()[:-1], CutAnswerError, closes=True),
]
ALL = [*INTERIM, *LENGTHS, *CHUNKS, *HEADS, *ENDS]


@pytest.fixture
def pools() -> Iterator[list[Pool]]:
    """Close the pools that a test put in here."""
    made: list[Pool] = []
    yield made
    for pool in made:
        pool.close()


def asked(pool: Pool, method: str = "GET", body: bytes = b"") -> tuple[int, bytes]:
    """Send a request and return status and body of the answer."""
    answer = pool.send(method, "/assets/key", {"host": "localhost"}, body)
    return answer.status, answer.read()


def answered(server: OddServer, odd: Odd, pools: list[Pool]) -> tuple[tuple[int, bytes] | type[WireError], bool]:
    """Return what became of the first request, and whether its connection served the second one too."""
    pool = Pool(url=server.url)
    pools.append(pool)
    seen: tuple[int, bytes] | type[WireError]
    try:
        seen = asked(pool, odd.method)
    except WireError as error:
        seen = type(error)
    if odd.closes:
        server.wait_for_an_end()
    assert (200, b"the second answer") == asked(pool)
    return seen, server.connections == 1


@pytest.mark.parametrize("odd", ALL, ids=lambda odd: odd.name)
def test_an_odd_answer_has_one_verdict_and_does_not_spoil_the_next(odd: Odd, pools: list[Pool]) -> None:
    """Each odd answer is either taken as RFC 9112 says or refused, and what follows it gets its own answer."""
    first = (READ, odd.sent) if odd.closes else (READ, odd.sent, READ, SECOND, STALL)
    with odd_server(first, (READ, SECOND, STALL)) as server:
        assert (odd.verdict, odd.kept) == answered(server, odd, pools)


@pytest.mark.parametrize("odd", [*INTERIM[:4], LENGTHS[0], LENGTHS[12], *CHUNKS[:6], HEADS[7]], ids=lambda odd: odd.name)
def test_an_answer_may_come_byte_by_byte(odd: Odd, pools: list[Pool]) -> None:
    """How the bytes of an answer are cut into packets makes no difference."""
    pieces: list[Step] = [odd.sent[place : place + 1] for place in range(len(odd.sent))]
    first = (READ, *pieces) if odd.closes else (READ, *pieces, READ, SECOND, STALL)
    with odd_server(first, (READ, SECOND, STALL)) as server:
        assert (odd.verdict, odd.kept) == answered(server, odd, pools)


@pytest.mark.parametrize("odd", [LENGTHS[0], LENGTHS[12], CHUNKS[2]], ids=lambda odd: odd.name)
def test_an_answer_may_be_read_into_a_buffer(odd: Odd, pools: list[Pool]) -> None:
    """Both ways to read give the same bytes, and a buffer that is longer than the body takes nothing that follows it."""
    with odd_server((READ, odd.sent) if odd.closes else (READ, odd.sent, STALL)) as server:
        pools.append(pool := Pool(url=server.url))
        answer = pool.send("GET", "/", {"host": "localhost"})
        buffer, filled = memoryview(bytearray(9)), 0
        while count := answer.readinto(buffer[filled:]):
            filled += count
        assert b"ok" == bytes(buffer[:filled])
        assert b"" == answer.read()


def test_a_value_keeps_its_bytes_and_repeated_fields_are_joined(pools: list[Pool]) -> None:
    """Names come in lower case, values as Latin-1 without the blanks around them, repeated ones with a comma."""
    lines = ("ETag:\t \"a\" ", "X-Amz-Meta-BY: M\xc3\xbcller", "server: A", "Server: B")
    with odd_server((READ, ok(b"", *lines), STALL)) as server:
        pools.append(pool := Pool(url=server.url))
        headers = pool.send("GET", "/", {"host": "localhost"}).headers
    wanted = {"content-length": "0", "etag": '"a"', "x-amz-meta-by": "M\xc3\xbcller", "server": "A, B"}
    assert wanted == headers


@pytest.mark.parametrize("after", [(), (RESET,), (HALF_CLOSE, STALL), (STALL,)], ids=["closes", "resets", "half", "stays"])
@pytest.mark.parametrize("status", ["413 Too Large", "403 Forbidden", "404 Not Found"])
def test_an_answer_before_the_body_is_out_is_read(status: str, after: tuple[Step, ...], pools: list[Pool]) -> None:
    """A store that refuses by the head alone is understood, although the body cannot be sent any more."""
    refusal = ok(b"<Error/>", status=status)
    with odd_server((READ_HEAD, refusal, *after), (READ, SECOND, STALL)) as server:
        pools.append(pool := Pool(url=server.url))
        with Deadline(600):
            answer = pool.send("PUT", "/assets/key", {"host": "localhost"}, BIG)
        assert (int(status[:3]), False) == (answer.status, answer.sent_whole)
        answer.close()
        assert (200, b"the second answer") == asked(pool)
        assert 2 == server.connections


def test_a_confirmation_before_the_body_is_out_is_not_believed(pools: list[Pool]) -> None:
    """A store cannot have stored what it had not received: a 200 that comes early leaves the write in doubt."""
    with odd_server((READ_HEAD, ok(b"", 'etag: "a"'), STALL)) as server:
        pools.append(pool := Pool(url=server.url))
        with pytest.raises(NotHttpError, match="confirmed") as caught, Deadline(600):
            pool.send("PUT", "/assets/key", {"host": "localhost"}, BIG)
        assert caught.value.assetstore_doubt


@pytest.mark.parametrize(
    "sent",
    [b"", b"HTTP/1.1 200", b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 200 OK\r\nx: y\r\n"],
    ids=["nothing", "a part of a line", "100 Continue", "a part of the head"],
)
def test_a_head_that_stalls_ends_with_the_deadline(sent: bytes, pools: list[Pool]) -> None:
    """The time of the operation bounds the wait for an answer, whatever came of it."""
    with odd_server((READ, sent, STALL)) as server:
        pools.append(pool := Pool(url=server.url))
        with pytest.raises(TooSlowError), Deadline(0.3):
            asked(pool)


@pytest.mark.parametrize(
    "sent",
    [ok()[:-1], CHUNKED + b"\r\n9\r\nok", CHUNKED + b"\r\n2;x", CHUNKED + b"\r\n0\r\nx: y\r\n", head() + b"ok"],
    ids=["a body", "a chunk", "a size", "a trailer", "a body without a length"],
)
@pytest.mark.parametrize("into", [False, True])
def test_a_body_that_stalls_ends_with_patience(
    sent: bytes, into: bool, pools: list[Pool], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A transfer of which nothing comes any more is given up, wherever in its form it stopped."""
    monkeypatch.setattr(deadline, "WINDOW", 0.3)
    with odd_server((READ, sent, STALL)) as server:
        pools.append(pool := Pool(url=server.url))
        with Deadline(600):
            answer = pool.send("GET", "/", {"host": "localhost"})
        buffer = memoryview(bytearray(99))
        with pytest.raises(TooSlowError):
            list(iter(lambda: answer.readinto(buffer) if into else len(answer.read(99)), 0))


def test_a_server_that_takes_no_bytes_is_given_up(pools: list[Pool], monkeypatch: pytest.MonkeyPatch) -> None:
    """A body that cannot be sent is given up, and the write is in doubt."""
    monkeypatch.setattr(deadline, "WINDOW", 0.3)
    with odd_server((READ_HEAD, STALL)) as server:
        pools.append(pool := Pool(url=server.url))
        with pytest.raises(TooSlowError) as caught, Deadline(600):
            pool.send("PUT", "/assets/key", {"host": "localhost"}, BIG)
        assert caught.value.assetstore_doubt


class Counting(Deadline):
    """A deadline that counts the bytes that moved."""

    __slots__ = ("count",)

    def moved(self, count: int, seconds: float) -> None:
        """Count, too."""
        self.count = getattr(self, "count", 0) + count
        super().moved(count, seconds)


@pytest.mark.parametrize("chunked", [True, False])
@pytest.mark.parametrize("into", [True, False])
def test_every_byte_of_a_body_counts_for_its_rate(chunked: bool, into: bool, pools: list[Pool]) -> None:
    """A trickle is noticed in every part of a body: also where its chunks are announced."""
    size, limit = 1 << 20, Counting(600)
    sent = CHUNKED + b"\r\n" + b"1\r\nx\r\n" * (size // 6) + b"0\r\n\r\n" if chunked else ok(bytes(size))
    with odd_server((READ, sent, STALL)) as server, limit:
        pools.append(pool := Pool(url=server.url))
        answer = pool.send("GET", "/", {"host": "localhost"})
        buffer = memoryview(bytearray(1 << 16))
        count = sum(iter(lambda: answer.readinto(buffer) if into else len(answer.read(1 << 16)), 0))
    assert (size // 6 if chunked else size) == count
    assert size - (64 << 10) <= limit.count  # what came with the head is not counted
