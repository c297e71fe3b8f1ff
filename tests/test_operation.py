"""One operation: its time, its event, its errors."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from assetstore import NotFoundError
from assetstore.keys import Scope
from assetstore.operation import Operation


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
