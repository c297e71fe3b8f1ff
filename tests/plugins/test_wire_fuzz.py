"""The wire beside ``http.client`` on mutated answers: a short run; ``fuzz_wire.py`` runs a million."""

from __future__ import annotations

import random

import fuzz_wire
import pytest
from hypothesis import given
from hypothesis import strategies as st

HEAD = b"HTTP/1.1 200 OK\r\n"
EXAMPLES = {
    "http.client takes at most 100 fields": HEAD + b"x: y\r\n" * 150 + b"content-length: 0\r\n\r\n",
    "equal lengths in one field": HEAD + b"content-length: 2, 2\r\n\r\nok",
    "blanks around 'chunked'": HEAD + b"transfer-encoding: chunked \r\n\r\n2\r\nok\r\n0\r\n\r\n",
    "204 and 304 have no body": b"HTTP/1.1 204 No\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "repeated Connection fields": b"HTTP/1.0 200 OK\r\nconnection: x\r\nconnection: keep-alive\r\ncontent-length: 0\r\n\r\n",
}


def test_mutated_answers_get_the_verdict_of_http_client_or_a_stricter_one() -> None:
    """What the wire takes, ``http.client`` takes for the same; what only the wire refuses has a named reason."""
    relations = fuzz_wire.run(2_000, 20261128)
    assert 2_000 == sum(relations.values())
    assert [] == [relation for relation in relations if relation.endswith("unknown")]


@given(st.sampled_from(fuzz_wire.seeds()), st.integers(0), st.integers(1, 9), st.booleans())
def test_how_an_answer_is_cut_into_packets_makes_no_difference(answer: bytes, seed: int, most: int, into: bool) -> None:
    """Every mutated answer gets the verdict that it gets in one piece."""
    choose = random.Random(seed)
    data = fuzz_wire.mutated(choose, [answer])
    whole = fuzz_wire.of_wire(data, "GET", lambda: len(data))
    assert whole == fuzz_wire.of_wire(data, "GET", lambda: choose.randint(1, most), into=into)


@pytest.mark.parametrize("seed", fuzz_wire.seeds())
def test_what_real_servers_sent_is_taken_as_http_client_takes_it(seed: bytes) -> None:
    """The recorded answers, and the same in chunks, in HTTP/1.0 and without a length."""
    for method in ("GET", "HEAD"):
        wire, other = fuzz_wire.of_wire(seed, method, lambda: 7), fuzz_wire.of_http_client(seed, method)
        assert fuzz_wire.compared(wire, other, seed) in ("the same", "both refuse")
        assert method == "GET" or not wire.error


@pytest.mark.parametrize("reason", fuzz_wire.TAKEN)
def test_each_difference_that_is_no_stricter_one_has_an_example(reason: str) -> None:
    """The list holds no difference that is gone."""
    data = next(data for begin, data in EXAMPLES.items() if reason.startswith(begin))
    relation = fuzz_wire.compared(
        fuzz_wire.of_wire(data, "GET", lambda: 99), fuzz_wire.of_http_client(data, "GET"), data
    )
    assert f"taken: {reason}" == relation
