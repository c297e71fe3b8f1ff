"""Times one operation, adds context to its errors, counts its requests, and emits exactly one event."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable, Sequence
from contextvars import ContextVar, Token
from datetime import UTC, datetime
from time import perf_counter
from types import TracebackType
from typing import Self, TypeVar, TypeVarTuple

from assetstore.errors import AssetStoreError
from assetstore.keys import Scope
from assetstore.results import Event, Outcome

E = TypeVar("E", bound=BaseException)
R = TypeVar("R")
A = TypeVarTuple("A")

_requests: ContextVar[list[str] | None] = ContextVar("assetstore_requests", default=None)
"""The classes of the requests of the operation at work; ``None`` where nobody wants to know."""


def count_request(kind: str) -> None:
    """Count one request for the operation at work, for ``Event.requests``.

    A backend calls it for each request that may have left the machine, the repeated ones too. A thread that it starts counts
    for the operation only if it runs in a copy of the context, ``contextvars.copy_context().run``; so does the body of a
    read, which outlives the hook.

    Args:
        kind: the class by which the service charges for the request, of a few that the backend documents, as ``"A"``.

    Example::

        count_request("B")
    """
    requests = _requests.get()
    if requests is not None:
        requests.append(kind)


class Operation:
    """A context manager around one operation. For a stream, which outlives its call, call ``run`` and ``finish`` instead.

    Without ``emit`` there is nobody who wants its event.

    Attributes:
        key: the key in the caller's spelling, for errors.
        full_key: the backend's key, for events; a generated one is set once it is known.
        bytes: bytes of assets transferred so far.
        attempts: how often the write was tried.
    """

    __slots__ = (
        *("_before", "_emit", "_finished", "_op", "_requests", "_started", "_store"),
        *("attempts", "bytes", "full_key", "key"),
    )

    def __init__(self, emit: Callable[[Event], None] | None, store: str, op: str, key: str | None) -> None:
        self._emit = emit
        self._store = store
        self._op = op
        self._started = perf_counter()
        self._finished = False
        self._requests: list[str] | None = None if emit is None else []
        self._before: Token[list[str] | None] | None = None
        self.key = key
        self.full_key = key
        self.bytes = 0
        self.attempts = 1

    def __enter__(self) -> Self:
        # Without observers too, inside of an observed operation: it must not count what its source asks of another store.
        if self._emit is not None or _requests.get() is not None:
            self._before = _requests.set(self._requests)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._before is not None:
            _requests.reset(self._before)
        if error is None:
            self.finish()
        else:
            self.fail(error)

    def run(self, call: Callable[[*A], R], *arguments: *A) -> R:
        """Call what works for this operation outside of its ``with`` block."""
        before = _requests.set(self._requests)
        try:
            return call(*arguments)
        finally:
            _requests.reset(before)

    def locate(self, scope: Scope) -> str:
        """Return the backend's key for the caller's.

        Raises:
            InvalidKeyError: it breaks the rules of ``assetstore.keys``.
        """
        self.full_key = scope.inward(self.key)  # type: ignore[arg-type]  # only called where the operation has a key
        return self.full_key

    def fail(self, error: BaseException) -> None:
        """End with an error that is reported and not raised."""
        self.explain(error)
        self.finish(error)

    def explain(self, error: BaseException) -> None:
        """Fill operation, key and store into an AssetStoreError where they are missing."""
        if isinstance(error, AssetStoreError):
            error.op = error.op or self._op
            error.key = self.key if error.key is None else error.key
            error.store = error.store or self._store

    def finish(self, error: BaseException | None = None, *, abandoned: bool = False) -> None:
        """Emit the event, once."""
        if self._finished:
            return
        self._finished = True
        outcome: Outcome = "error" if error is not None else "abandoned" if abandoned else "ok"
        self._report(self.full_key, perf_counter() - self._started, outcome, error)

    def finish_each(self, full_keys: Sequence[str]) -> None:
        """Emit an event for each key of a batch that went well: its share of the time is that of one key."""
        seconds = (perf_counter() - self._started) / max(1, len(full_keys))
        for full_key in full_keys if self._emit else ():
            self._report(full_key, seconds, "ok", None)
            self._requests = []  # requests for several keys count once

    def _report(self, key: str | None, seconds: float, outcome: Outcome, error: BaseException | None) -> None:
        if self._emit is None:
            return
        # Each operation makes one; through its own __init__ it would take twice as long.
        event = object.__new__(Event)
        event.__dict__.update(
            op=self._op,
            key=key,
            store=self._store,
            bytes=self.bytes,
            seconds=seconds,
            outcome=outcome,
            error=None if error is None else type(error).__name__,
            attempts=self.attempts,
            time=datetime.now(UTC),
            requests=dict(Counter(self._requests)) if self._requests else {},
        )
        self._emit(event)


def twin(error: E) -> E:
    """Return a copy of an error of several operations at once, so that each can have its own key."""
    other = copy.copy(error)
    other.__cause__ = error.__cause__
    return other
