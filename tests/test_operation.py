"""One operation: its time, its event, its errors."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import attrs
import pytest

from assetstore import AssetStore, NotFoundError
from assetstore.keys import Scope
from assetstore.operation import Operation, count_request
from assetstore.plugin import hookimpl
from assetstore.results import Event
from assetstore.testing import MemoryBackend, RecordingObserver


def test_an_operation_ends_in_one_event():
    """However often it is finished, one event goes out, with the key as the backend knows it."""
    events = []
    with Operation(events.append, "dev", "stat", "a") as operation:
        operation.locate(Scope("t/"))
        operation.finish()
    (event,) = events
    assert ("stat", "t/a", "dev", "ok", None, 1) == (
        event.op, event.key, event.store, event.outcome, event.error, event.attempts,
    )  # fmt: skip
    assert event.seconds >= 0
    assert datetime.now(UTC) - event.time < timedelta(hours=1)


def test_an_error_gets_the_key_as_its_caller_spells_it():
    """Errors name the key without a scope's prefix, events with it."""
    events = []
    operation = Operation(events.append, "dev", "stat", "a")
    operation.locate(Scope("t/"))
    with pytest.raises(NotFoundError) as caught, operation:
        raise NotFoundError("there is none")
    assert ("stat", "a", "dev") == (caught.value.op, caught.value.key, caught.value.store)
    assert [("t/a", "error", "NotFoundError")] == [(event.key, event.outcome, event.error) for event in events]


def test_a_foreign_error_is_told_in_the_event_and_left_alone():
    """A foreign error gets no attributes, and the event names its class."""
    events = []
    with pytest.raises(KeyboardInterrupt), Operation(events.append, "dev", "stat", "a"):
        raise KeyboardInterrupt
    assert ["KeyboardInterrupt"] == [event.error for event in events]


def test_an_event_has_every_field():
    """It is made without its own ``__init__``, which is to be equal to being made by it."""
    events = []
    with Operation(events.append, "dev", "stat", "a"):
        count_request("B")
    facts = attrs.asdict(events[0], recurse=False)
    assert events == [Event(**facts)]
    assert {"B": 1} == facts["requests"]


class Asking(MemoryBackend):
    """Counts a request for each operation, as a backend that sends one does."""

    @hookimpl
    def assetstore_upload(self, key, source, options):
        """Count one of A."""
        count_request("A")
        return super().assetstore_upload(key, source, options)

    @hookimpl
    def assetstore_read(self, key, options):
        """Count one of B."""
        count_request("B")
        return super().assetstore_read(key, options)


@pytest.mark.parametrize("observed", [True, False])
def test_a_request_counts_for_the_store_that_sends_it(observed):
    """What the source of an upload asks of another store is no request of the upload, whether or not anybody watches it."""
    inner, outer = RecordingObserver(), RecordingObserver()
    other = AssetStore(Asking(), plugins=[inner] if observed else [])
    other.upload(b"abc", "a")
    store = AssetStore(Asking(), plugins=[outer])
    store.upload((other.read("a") for _ in range(3)), "b")
    assert [{"A": 1}] == [event.requests for event in outer.events]
    assert ([{"A": 1}, *[{"B": 1}] * 3] if observed else []) == [event.requests for event in inner.events]


def test_outside_of_an_operation_nothing_is_counted():
    """A backend may count whoever asked it."""
    count_request("A")
    observer = RecordingObserver()
    AssetStore(MemoryBackend(), plugins=[observer]).exists("a")
    assert [{}] == [event.requests for event in observer.events]


SIZES: list[int] = []


class Batching(Asking):
    """Writes several assets by one request."""

    supports = Asking.supports | {"upload_many.max_concurrency"}

    @hookimpl
    def assetstore_upload_many(self, items, options):
        """Count one of the batch for all."""
        count_request("batch")
        SIZES.append(len(items))
        return [MemoryBackend.assetstore_upload(self, item.key, item.source, item.options) for item in items]


def test_a_request_for_a_batch_of_uploads_counts_once():
    """However many assets it writes, and in whichever thread of the call; an asset that goes alone has its own."""
    SIZES.clear()
    observer = RecordingObserver()
    store = AssetStore(Batching(), plugins=[observer])
    results = list(store.upload_many([(b"abc", f"k/{number}") for number in range(100)], max_concurrency=1))
    assert [] == [result.error for result in results if result.error]
    requests = [kind for event in observer.events for kind in event.requests.items()]
    assert 100 == len(observer.events)
    assert sorted([("batch", 1)] * len(SIZES) + [("A", 1)] * (100 - sum(SIZES))) == sorted(requests)
