"""Sums the events of each operation in memory, exactly under threads."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator, Mapping

from assetstore.plugin import Event

Rows = Mapping[str, list[float]]


class Counters:
    """Sums of events: for each operation a row of count, bytes, errors and seconds.

    Attributes:
        events: how many were added since the sums were last taken.
        since: when the sums were last taken, in seconds of ``time.monotonic``.
        writing: held by the thread that takes and writes the sums, so that others can wait for it.
    """

    def __init__(self) -> None:
        # Reentrant: in the middle of add, the garbage collector may close a forgotten reader, which emits an event.
        self._lock = threading.RLock()
        self._rows: dict[str, list[float]] = {}
        self.events = 0
        self.since = time.monotonic()
        self.writing = threading.Lock()

    def add(self, event: Event) -> None:
        """Count one event. A failed operation adds only to errors and seconds."""
        with self._lock:
            row = self._rows.setdefault(event.op, [0, 0, 0, 0.0])
            if event.outcome == "error":
                row[2] += 1
            else:
                row[0] += 1
                row[1] += event.bytes
            row[3] += event.seconds
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
            return {op: list(row) for op, row in list(self._rows.items())}

    def _put_back(self, rows: Rows) -> None:
        with self._lock:
            for op, values in rows.items():
                row = self._rows.setdefault(op, [0, 0, 0, 0.0])
                for index, value in enumerate(values):
                    row[index] += value
