"""The observer that makes a span of each event."""

from __future__ import annotations

from datetime import datetime

import attrs
from opentelemetry.trace import SpanKind, Status, StatusCode, Tracer, TracerProvider, get_tracer

from assetstore.plugin import Event, hookimpl

_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


@attrs.define(eq=False, kw_only=True)
class OpenTelemetry:
    """Makes a span of each operation, from its beginning to its end, below the span in which it was called.

    An observer learns of an operation when it ends, so the span is made then: spans of requests that other instrumentation
    makes, for example of botocore, stand beside it and not below it.

    Attributes:
        keys: whether spans have the attribute ``assetstore.key``, which may tell of people: by default not.
        provider: what makes the spans, for a program; by default the one that the program sets for OpenTelemetry.
    """

    keys: bool = False
    provider: TracerProvider | None = None
    _tracer: Tracer = attrs.field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        """Ask for a tracer, which sends its spans to the provider that is set then or later."""
        self._tracer = get_tracer("assetstore", tracer_provider=self.provider)

    @hookimpl
    def assetstore_event(self, event: Event) -> None:
        """Make the span of the event."""
        end = _nanoseconds(event.time)
        span = self._tracer.start_span(
            f"assetstore {event.op}",
            kind=SpanKind.CLIENT,
            attributes=self._attributes(event),
            start_time=end - round(event.seconds * 1e9),
        )
        if event.error is not None:
            span.set_status(Status(StatusCode.ERROR, event.error))
        span.end(end_time=end)

    def _attributes(self, event: Event) -> dict[str, str | int]:
        found: dict[str, str | int] = {
            "assetstore.store": event.store,
            "assetstore.operation": event.op,
            "assetstore.outcome": event.outcome,
            "assetstore.bytes": event.bytes,
            "assetstore.attempts": event.attempts,
        }
        found |= {f"assetstore.requests.{kind}": count for kind, count in event.requests.items()}
        if event.error is not None:
            found["error.type"] = event.error  # the one name here that OpenTelemetry defines, for every kind of span
        if self.keys and event.key is not None:
            found["assetstore.key"] = event.key
        return found


def _nanoseconds(time: datetime) -> int:
    since = time - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000_000 + since.microseconds * 1_000
