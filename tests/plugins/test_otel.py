"""Spans: one for each operation, with its times, its outcome and its caller, as OpenTelemetry's own SDK receives them."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest
from hypothesis import given
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from test_prometheus import EVENTS
from test_stats import event

from assetstore import AssetStore, AssetStoreError, Event
from assetstore.testing import MemoryBackend, RecordingObserver
from assetstore_otel import OpenTelemetry


@attrs.frozen
class Traced:
    """A provider of spans, and what it exported."""

    provider: TracerProvider = attrs.field(factory=TracerProvider)
    exporter: InMemorySpanExporter = attrs.field(factory=InMemorySpanExporter)

    def __attrs_post_init__(self) -> None:
        """Export each span at once."""
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))

    @property
    def spans(self) -> list[Any]:
        """All spans that ended."""
        return list(self.exporter.get_finished_spans())


@pytest.fixture
def traced() -> Iterator[Traced]:
    """Give a fresh provider."""
    made = Traced()
    yield made
    made.provider.shutdown()


def test_a_span_tells_what_an_operation_did(traced: Traced) -> None:
    """Its name has no key, so that there are few; its attributes are those of the event, and no key is among them."""
    OpenTelemetry(provider=traced.provider).assetstore_event(event=event(requests={"A": 2}))
    (span,) = traced.spans
    assert ("assetstore upload", SpanKind.CLIENT, StatusCode.UNSET) == (span.name, span.kind, span.status.status_code)
    assert {
        "assetstore.store": "dev",
        "assetstore.operation": "upload",
        "assetstore.outcome": "ok",
        "assetstore.bytes": 10,
        "assetstore.attempts": 1,
        "assetstore.requests.A": 2,
    } == dict(span.attributes)


@given(EVENTS)
def test_each_event_is_one_span_with_its_times(events: list[Event]) -> None:
    """A span ends when the operation ended and is as long, to the microsecond."""
    traced = Traced()
    observer = OpenTelemetry(provider=traced.provider)
    for each in events:
        observer.assetstore_event(event=each)
    for each, span in zip(events, traced.spans, strict=True):
        assert each.time == datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=span.end_time // 1000)
        assert abs(each.seconds * 1e9 - (span.end_time - span.start_time)) < 1000
    traced.provider.shutdown()


def test_a_failure_is_an_error_of_the_span(traced: Traced) -> None:
    """Status and ``error.type`` name the class; the message, which may hold a key, is left out."""
    store = AssetStore(MemoryBackend(), plugins=[OpenTelemetry(provider=traced.provider)])
    with contextlib.suppress(AssetStoreError):
        store.stat("secret/key")
    (span,) = traced.spans
    assert (StatusCode.ERROR, "NotFoundError") == (span.status.status_code, span.attributes["error.type"])
    assert "secret" not in json.dumps(json.loads(span.to_json()))


def test_keys_are_told_where_that_is_asked(traced: Traced) -> None:
    """By the setting ``keys``."""
    with AssetStore(MemoryBackend(), plugins=[OpenTelemetry(provider=traced.provider, keys=True)]) as store:
        store.upload(b"abc", "maps/keep.webp")
    assert ["maps/keep.webp"] == [span.attributes["assetstore.key"] for span in traced.spans]


def test_spans_lie_below_the_one_in_which_they_were_called(traced: Traced) -> None:
    """In this thread, in the threads of a call about many assets, and for a reader that is closed there."""
    recorded = RecordingObserver()
    store = AssetStore(MemoryBackend(), plugins=[OpenTelemetry(provider=traced.provider), recorded])
    with traced.provider.get_tracer("program").start_as_current_span("request") as request:
        store.upload(b"abc", "a")
        list(store.upload_many([(b"abc", f"many/{number}") for number in range(50)]))
        list(store.read_many([f"many/{number}" for number in range(50)]))
        with store.open("a") as reader:
            reader.read()
    spans = [span for span in traced.spans if span.name != "request"]
    assert len(recorded.events) == len(spans) == 102
    assert {request.get_span_context().span_id} == {span.parent.span_id for span in spans}
