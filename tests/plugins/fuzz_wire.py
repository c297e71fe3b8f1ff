"""Compares the wire with the standard library's ``http.client`` on mutated answers.

Usage: python tests/plugins/fuzz_wire.py [COUNT] [SEED]

The seeds are answers that SeaweedFS and Cloudflare's emulator sent, some of them in chunks. For each mutated answer the wire
must see the same status, headers and body as ``http.client``, or refuse it and say why, and must not keep a connection that
``http.client`` would close. ``TAKEN`` lists where RFC 9110 and 9112 say otherwise than ``http.client``. The script ends with
exit code 1 at the first verdict that is in neither.
"""

from __future__ import annotations

import http.client
import io
import json
import random
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import attrs

from assetstore_r2.deadline import Deadline
from assetstore_r2.wire.connection import Connection
from assetstore_r2.wire.errors import WireError
from assetstore_r2.wire.pool import Pool

RECORDED = Path(__file__).parent.parent / "data" / "answers" / "recorded.json"
METHODS = ("GET", "GET", "GET", "HEAD", "PUT", "DELETE")


@attrs.frozen
class Verdict:
    """What a client makes of the bytes that it received.

    Attributes:
        error: why it refused them, ``""`` if it did not.
        status: the status.
        headers: names in lower case, repeated ones joined.
        body: the body.
        rest: how many bytes it left unread.
        keeps: whether the connection may serve the next request.
        coding: the transfer coding with the blanks around it.
    """

    error: str
    status: int = 0
    headers: dict[str, str] = attrs.field(factory=dict)
    body: bytes = b""
    rest: int = 0
    keeps: bool = False
    coding: str = ""


class Received:
    """A socket that has received some bytes, and then the end; it gives them in pieces of any size."""

    def __init__(self, data: bytes, sizes: Callable[[], int]) -> None:
        """Keep the bytes."""
        self.data = memoryview(data)
        self.place = 0
        self.sizes = sizes

    def settimeout(self, _: float) -> None:
        """Ignore it: everything is here."""

    shutdown = settimeout

    def close(self) -> None:
        """Ignore it."""

    def send(self, data: bytes) -> int:
        """Take all."""
        return len(data)

    def recv(self, size: int) -> bytes:
        """Return the next piece."""
        piece = bytes(self.data[self.place : self.place + min(size, self.sizes())])
        self.place += len(piece)
        return piece

    def recv_into(self, view: memoryview) -> int:
        """Fill the beginning of a buffer."""
        piece = self.recv(len(view))
        view[: len(piece)] = piece
        return len(piece)


def of_wire(data: bytes, method: str, sizes: Callable[[], int], *, into: bool = False) -> Verdict:
    """Return the verdict of the wire."""
    received = Received(data, sizes)
    pool, connection = Pool(url="http://localhost"), Connection(received)
    try:
        answer = pool._ask(connection, method, b"request", b"", Deadline(600))
        if into:
            body, buffer = b"", memoryview(bytearray(300))
            while count := answer.readinto(buffer):
                body += buffer[:count]
        else:
            body = b"".join(iter(lambda: answer.read(300), b""))
    except WireError as error:
        assert not pool._idle
        return Verdict(f"{type(error).__name__}: {error}")
    rest = len(data) - received.place + len(connection._buffer)
    return Verdict("", answer.status, answer.headers, body, rest, connection in pool._idle)


class Stream(io.BytesIO):
    """Bytes that stay readable when ``http.client`` closes them."""

    def makefile(self, _: str) -> Stream:
        """Return itself, as a socket's file."""
        return self

    def close(self) -> None:
        """Stay open."""


def of_http_client(data: bytes, method: str) -> Verdict:
    """Return the verdict of ``http.client``; interim answers that it takes for final ones are skipped (RFC 9110, 15.2)."""
    stream = Stream(data)
    try:
        while True:
            answer = http.client.HTTPResponse(stream, method=method)  # type: ignore[arg-type]  # all that it needs
            answer.begin()
            if not 101 < answer.status < 200:
                break
        body = answer.read()
    except (http.client.HTTPException, ValueError, OverflowError) as error:
        return Verdict(f"{type(error).__name__}: {error}")
    headers: dict[str, str] = {}
    for name, value in answer.headers.items():
        lower, stripped = name.lower(), value.strip(" \t")
        headers[lower] = f"{headers[lower]}, {stripped}" if lower in headers else stripped
    coding = answer.headers.get("transfer-encoding", "")
    return Verdict("", answer.status, headers, body, len(data) - stream.tell(), not answer.will_close, coding)


TAKEN: dict[str, Callable[[Verdict, Verdict], bool]] = {
    "http.client takes at most 100 fields; RFC 9110, 5.4 sets no limit": lambda wire, other: (
        "more than 100 headers" in other.error
    ),
    "equal lengths in one field are one length (RFC 9110, 8.6); http.client ignores them": lambda wire, other: (
        "," in wire.headers.get("content-length", "") and wire.headers == other.headers and other.body.startswith(wire.body)
    ),
    "blanks around 'chunked' are no part of it (RFC 9110, 5.5); http.client ignores the coding": lambda wire, other: (
        other.coding != other.coding.strip(" \t") and other.coding.strip(" \t").lower() == "chunked"
    ),
    "204 and 304 have no body (RFC 9112, 6.3); http.client reads chunks all the same": lambda wire, other: (
        wire.status in (204, 304) and "transfer-encoding" in wire.headers and not wire.body
    ),
    "repeated Connection fields are one list (RFC 9110, 5.3); http.client reads the first": lambda wire, other: (
        "," in wire.headers.get("connection", "") and same(wire, other) and not other.keeps
    ),
}
"""Verdicts of the wire that are neither those of ``http.client`` nor stricter."""


def same(wire: Verdict, other: Verdict) -> bool:
    """Return whether both see the same answer."""
    return not other.error and (wire.status, wire.headers, wire.body) == (other.status, other.headers, other.body)


RULES = (
    (rb"\AHTTP/1\.[01] [1-5]\d\d( [\t -~\x80-\xff]*)?\r\n", False, "a status line of another form"),
    (rb"\0", True, "a NUL"),
    (rb"\A[^\0]*?[^\r]\n", True, "a bare line feed"),
    (rb"\r[^\n]", True, "a bare carriage return"),
    (rb"\n[ \t]", True, "a folded line"),
    (rb"\n:", True, "an empty name"),
    (rb"\n[^:\r\n]*[ \t]:", True, "a blank before a colon"),
    (rb"\n[^:\r\n]+\r\n", True, "a line without a colon"),
    (rb"\n[^:\r\n]*[^!#-'*+\-.0-9A-Z^-z|~:\r\n][^:\r\n]*:", True, "a name with characters that none may have"),
)
"""What breaks the rules of heads: a pattern, whether it must not occur, and its name."""


def broken_rule(data: bytes) -> str:
    """Return which rule the first head breaks that breaks any: interim answers have heads of their own."""
    for head in data.split(b"\r\n\r\n"):
        for pattern, forbidden, name in RULES:
            if bool(re.search(pattern, head + b"\r\n")) == forbidden:
                return name
    return "unknown"


def compared(wire: Verdict, other: Verdict, data: bytes) -> str:
    """Return how the verdicts relate; ``""`` if the wire takes what it must not."""
    if wire.error and other.error:
        return "both refuse"
    if "breaks the rules" in wire.error:
        return f"stricter: {broken_rule(data)}"
    if wire.error:
        return f"stricter: {wire.error.partition(': ')[2].partition(' bytes before')[0].rstrip('0123456789')}"
    if same(wire, other) and (not wire.keeps or (other.keeps and wire.rest == other.rest)):
        return "the same" if wire.keeps == other.keeps else "stricter: the connection is closed"
    return next((f"taken: {reason}" for reason, applies in TAKEN.items() if applies(wire, other)), "")


def seeds() -> list[bytes]:
    """Return recorded answers, some in forms that other servers use."""
    recorded = [text.encode("latin-1") for answers in json.loads(RECORDED.read_text()).values() for text in answers]
    found = list(recorded)
    for number, answer in enumerate(recorded):
        head, _, body = answer.partition(b"\r\n\r\n")
        if answer.startswith(b"HTTP/1.1 204"):
            continue
        lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"content-length")]
        step = 1 + len(body) // (1 + number % 4)
        chunks = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in cut(body, step))
        chunked = b"\r\n".join((*lines, b"Transfer-Encoding: chunked", b"", b"")) + chunks
        found.append(chunked + (b"0\r\nx-trailer: y\r\n\r\n" if number % 2 else b"0\r\n\r\n"))
        found.append(answer.replace(b"HTTP/1.1", b"HTTP/1.0").replace(b"\r\n", b"\r\nConnection: keep-alive\r\n", 1))
        found.append(b"\r\n".join((*lines, b"", b"")) + body)
    return found


def cut(body: bytes, step: int) -> Iterator[bytes]:
    """Yield pieces of a body."""
    for start in range(0, len(body), step):
        yield body[start : start + step]


TOKENS: Sequence[bytes] = (
    *(bytes([number]) for number in (*range(0x21), 0x7F, 0x80, 0x85, 0xA0, 0xB2, 0xFF)),
    *(text.encode() for text in ":;,-+_.()/@\"'0123456789abcdefxX"),
    *(b"\r\n", b"\r\n\r\n", b"\n\n", b"\r\r\n", b"\r\n ", b"\r\n\t", b": ", b" :", b":\r\n", b"0x", b"1_0", b"\xc3\xbc"),
    *(b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nx: y\r\n\r\n", b"HTTP/1.1 101 Up\r\n\r\n"),
    *(b"HTTP/1.1 ", b"HTTP/1.0 ", b"HTTP/1.2 ", b"HTTP/2 ", b"200", b"204 ", b"304 ", b"099 ", b"600 ", b"99999"),
    *(b"\r\nContent-Length: 3", b"\r\nContent-Length: 0", b"\r\ncontent-length:3, 3", b"\r\nContent-Length: -1"),
    *(b"\r\nTransfer-Encoding: chunked", b"\r\nTransfer-Encoding: gzip, chunked", b"\r\ntransfer-encoding:", b"chunked"),
    *(b"\r\nConnection: close", b"\r\nConnection: keep-alive", b"\r\nKeep-Alive: timeout=5"),
    *(b"0\r\n\r\n", b"0\r\n", b"3\r\nabc\r\n", b"ffffffffffffffff\r\n", b"From ", b"\r\nx" * 101, b"\r\nx: y" * 101),
)


def mutated(choose: random.Random, corpus: Sequence[bytes]) -> bytes:
    """Return an answer with one to four changes, most of them in the head or at the beginning of the body."""
    data = bytearray(choose.choice(corpus))
    for _ in range(choose.choice((1, 1, 2, 2, 3, 4))):
        end = data.find(b"\r\n\r\n") + 4
        reach = len(data) if choose.random() < 0.4 else min(len(data), max(end, 0) + 12)
        start = choose.randrange(reach + 1)
        stop = min(len(data), start + choose.choice((0, 1, 1, 1, 2, 5, 20)))
        match choose.randrange(8):
            case 0 | 1 | 2:
                data[start:start] = choose.choice(TOKENS)
            case 3 | 4:
                data[start:stop] = choose.choice(TOKENS)
            case 5:
                del data[start:stop]
            case 6:
                lines = bytes(data).split(b"\r\n")
                lines.insert(choose.randrange(len(lines) + 1), choose.choice(lines))
                data = bytearray(b"\r\n".join(lines))
            case _:
                other = choose.choice(corpus)
                place = choose.randrange(len(other))
                data[start:] = other[place:] if choose.random() < 0.7 else b""
    return bytes(data)


def run(count: int, seed: int) -> Counter[str]:
    """Compare so many mutated answers and return how the verdicts relate.

    Raises:
        AssertionError: the wire takes what it must not; the message has the answer.
    """
    choose, corpus = random.Random(seed), seeds()
    relations: Counter[str] = Counter()
    for number in range(count):
        data, method = mutated(choose, corpus), choose.choice(METHODS)
        most = choose.choice((1, 3, 40, 70_000))
        sizes = (lambda most=most: choose.randint(1, most)) if most > 1 else (lambda: 1)
        wire, other = of_wire(data, method, sizes, into=choose.random() < 0.3), of_http_client(data, method)
        relation = compared(wire, other, data)
        assert relation, f"mutation {number} of seed {seed}: {method} {data!r}\n{wire}\n{other}"
        relations[relation] += 1
    return relations


def main() -> None:
    """Run as many mutations as the command line says, and print the relations."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    begin = time.monotonic()
    relations = run(count, seed)
    lines = [f"{count:,} mutations of seed {seed} in {time.monotonic() - begin:.0f} s"]
    lines += [f"{times:>9,}  {relation}" for relation, times in relations.most_common()]
    sys.stdout.write("\n".join((*lines, "")))


if __name__ == "__main__":
    main()
