"""Sums the events of each operation in memory, exactly under threads."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator, Mapping

from assetstore.plugin import Event

Sums = dict[str, float]
Rows = Mapping[str, Sums]

NAMES = ("count", "bytes", "errors", "seconds")
REQUESTS = "requests_"
"""Begins the names of the sums of requests, for example ``requests_A``, which exist once there was such a request."""


def zeros() -> Sums:
    """Return the sums of nothing."""
    return {"count": 0, "bytes": 0, "errors": 0, "seconds": 0.0}


def add(sums: Sums, more: Mapping[str, float]) -> None:
    """Add each of the numbers to the one of its name."""
    for name, number in more.items():
        sums[name] = sums.get(name, 0) + number


class Counters:
    """Sums of events: for each operation one of each of ``NAMES``, and of its requests by class.

    Attributes:
        events: how many were added since the sums were last taken.
        since: when the sums were last taken, in seconds of ``time.monotonic``.
        writing: held by the thread that takes and writes the sums, so that others can wait for it.
    """

    def __init__(self) -> None:
        # Reentrant: in the middle of add, the garbage collector may close a forgotten reader, which emits an event.
        self._lock = threading.RLock()
        self._rows: dict[str, Sums] = {}
        self.events: int = 0
        self.since: float = time.monotonic()
        self.writing: threading.Lock = threading.Lock()

    def add(self, event: Event) -> None:
        """Count one event. A failed operation adds only to errors, seconds and requests."""
        with self._lock:
            sums = self._rows.setdefault(event.op, zeros())
            if event.outcome == "error":
                sums["errors"] += 1
            else:
                sums["count"] += 1
                sums["bytes"] += event.bytes
            sums["seconds"] += event.seconds
            add(sums, {REQUESTS + kind: count for kind, count in event.requests.items()})
            self.events += 1

    @contextlib.contextmanager
    def taken(self) -> Iterator[Rows]:
        """Yield all sums and begin again at zero; put them back when the block raises."""
        with self._lock:
            rows, self._rows = self._rows, {}
            self.events = 0
            self.since = time.monotonic()
        try:
            yield rows
        except BaseException:
            self._put_back(rows)
            raise

    def rows(self) -> Rows:
        """Return a copy of all sums."""
        with self._lock:
            return {op: dict(sums) for op, sums in list(self._rows.items())}

    def _put_back(self, rows: Rows) -> None:
        with self._lock:
            for op, sums in rows.items():
                add(self._rows.setdefault(op, zeros()), sums)
