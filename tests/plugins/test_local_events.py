"""What the web application answers to signed requests is an event like any other, on both interfaces."""

from __future__ import annotations

import hashlib
import http.client
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assetstore import AssetStore, Event, PresignedRequest
from assetstore.plugin import hookimpl
from assetstore_stats import Stats
from local_server import running, send

LARGE = bytes(range(256)) * 8192


@attrs.define(eq=False)
class Waited:
    """Keeps events, and waits for those of requests that were answered: the server may end them a moment later."""

    events: list[Event] = attrs.field(factory=list)
    _came: threading.Condition = attrs.field(factory=threading.Condition)

    @hookimpl
    def assetstore_event(self, event: Event) -> None:
        """Keep an event."""
        with self._came:
            self.events.append(event)
            self._came.notify_all()

    def next(self, count: int) -> list[Event]:
        """Return so many events, and forget them."""
        with self._came:
            assert self._came.wait_for(lambda: len(self.events) >= count, timeout=600)
            found, self.events = self.events, []
        return found


@attrs.frozen
class Served:
    """A store behind a server, and its observer."""

    store: AssetStore
    observer: Waited

    def sign(self, key: str, **options: Any) -> PresignedRequest:
        """Sign a request; to do so is an event too, which is forgotten."""
        request = self.store.presign(key, **options)
        self.observer.next(1)
        return request


@pytest.fixture(params=["asgi", "wsgi"])
def served(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Served]:
    """Serve a folder with a small and a large asset."""
    observer = Waited()
    with running(request.param, tmp_path / "assets", plugins=[observer]) as store:
        store.upload(b"abc", "small")
        store.upload(LARGE, "large")
        observer.next(2)
        yield Served(store, observer)


def brief(event: Event) -> tuple[str, str | None, int, str, str | None]:
    """Return what a test compares."""
    return event.op, event.key, event.bytes, event.outcome, event.error


def test_each_signed_request_is_an_event(served: Served) -> None:
    """Operation, key, bytes and outcome; the seconds are those until the body was sent."""
    sign, observer = served.sign, served.observer
    for answered, expected in (
        ((sign("small"), None), ("read", "small", 3, "ok", None)),
        ((sign("large"), None), ("read", "large", len(LARGE), "ok", None)),
        ((sign("small", method="HEAD"), None), ("stat", "small", 0, "ok", None)),
        ((sign("new", method="PUT"), b"four"), ("upload", "new", 4, "ok", None)),
        ((sign("new", method="DELETE"), None), ("delete", "new", 0, "ok", None)),
        ((sign("none"), None), ("read", "none", 0, "error", "NotFoundError")),
        ((sign("small", method="PUT", overwrite=False), b"x"), ("upload", "small", 0, "error", "PreconditionError")),
    ):
        send(*answered)
        (event,) = observer.next(1)
        assert expected == brief(event)
        assert event.seconds >= 0
        assert served.store.name == event.store


def test_a_range_counts_its_own_bytes(served: Served) -> None:
    """What was sent, not what is stored; a client that has the version already gets none."""
    for headers, count in (
        ({"range": "bytes=1-1"}, 1),
        ({"range": f"bytes=0-{len(LARGE) - 2}"}, len(LARGE) - 1),
        ({"if-none-match": "*"}, 0),
    ):
        send(served.sign("large"), headers=headers)
        assert [("read", "large", count, "ok", None)] == [brief(event) for event in served.observer.next(1)]


def test_damaged_bytes_are_an_error(served: Served) -> None:
    """The digest that the signature binds is not that of the body."""
    request = served.sign("new", method="PUT", sha256=hashlib.sha256(b"four").hexdigest())
    assert 400 == send(request, b"five").status
    assert [("upload", "new", 0, "error", "IntegrityError")] == [brief(event) for event in served.observer.next(1)]


def test_a_request_that_nobody_signed_is_no_event(served: Served) -> None:
    """Whoever guesses keys fills no statistics."""
    request = served.sign("small")
    assert 403 == send(request, target="/guessed").status
    assert 403 == send(request, target=urlsplit(request.url).path + "?x=1").status
    send(request)
    assert ["read"] == [event.op for event in served.observer.next(1)]


def test_a_client_that_goes_away_is_told(served: Served) -> None:
    """A read that was not taken whole, and an upload whose bytes stop."""
    url = urlsplit(served.sign("new", method="PUT").url)
    connection = http.client.HTTPConnection(url.netloc, timeout=600)
    connection.putrequest("PUT", f"{url.path}?{url.query}")
    connection.putheader("content-length", "100")
    connection.endheaders(b"few")
    assert connection.sock is not None
    connection.sock.shutdown(socket.SHUT_WR)
    connection.close()
    (event,) = served.observer.next(1)
    assert ("upload", "new", 0) == (event.op, event.key, event.bytes)
    assert event.outcome in ("abandoned", "error")


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(st.sampled_from(["read", "upload", "stat", "delete"]), st.integers(0, 300_000)), max_size=6))
def test_events_tell_what_the_client_saw(served: Served, requests: list[tuple[str, int]]) -> None:
    """Bytes that the client sent and received, request by request."""
    methods = {"read": "GET", "upload": "PUT", "stat": "HEAD", "delete": "DELETE"}
    for op, size in requests:
        answer = send(served.sign("k", method=methods[op]), bytes(size) if op == "upload" else None)
        moved = size if op == "upload" else len(answer.body) if answer.status == 200 else 0
        (event,) = served.observer.next(1)
        assert (op, moved) == (event.op, event.bytes)
        assert ("error" == event.outcome) == (answer.status >= 400)


def test_a_store_counts_what_its_application_answers(tmp_path: Path) -> None:
    """The statistics see the downloads of browsers."""
    with running("asgi", tmp_path / "assets", plugins=[Stats(), waited := Waited()]) as store:
        store.upload(b"abc", "a")
        send(store.presign("a"))
        waited.next(3)
        reads = store.stats()["reads"]
        assert (1, 3, 0) == (reads["count"], reads["bytes"], reads["errors"])
