"""The stats plugin: sums up events in memory and, if it has a file, writes the sums to it."""

from __future__ import annotations

import atexit
import contextlib
import time
from collections.abc import Mapping
from pathlib import Path

import attrs

from assetstore.plugin import Event, PerProcess, StatsOptions, UnavailableError, hookimpl
from assetstore_stats.counters import Counters, Rows, Sums, add, zeros
from assetstore_stats.ledger import Ledger

FLUSH_EVENTS = 1000
FLUSH_SECONDS = 2.0
PATIENCE_OF_EVENTS = 1.0

GROUPS = {
    "upload": "uploads",
    "finish_upload": "uploads",
    "download": "downloads",
    "read": "reads",
    "stat": "stats",
    "exists": "exists",
    "list": "lists",
    "delete": "deletes",
    "copy": "copies",
    "move": "moves",
    "update": "updates",
    "presign": "presigns",
    "url": "urls",
    "check": "checks",
}


@attrs.define(eq=False, kw_only=True)
class Stats:
    """Counts what a store does: how often each operation succeeded and failed, the bytes, the time and the requests.

    Without a path each process counts for itself, and a forked child begins at zero. With one, all stores and processes that
    use the file are counted together. The sums are written to it by ``stats()`` and ``close()``, when the interpreter exits,
    after 1,000 events, and with the first event that comes 2 seconds or more after the last write. A process loses unwritten
    sums only if it is killed, or skips the interpreter's exit without ``close()``, as forked children of ``multiprocessing``
    do.

    Attributes:
        path: a SQLite file, made with its folder if it is missing; ``None`` counts in memory.

    Raises:
        ConfigError: the file cannot be made, is damaged, or is not ours.
        NoSpaceError: the disk is full.
        UnavailableError: another process has kept the file locked for 30 seconds.
    """

    path: Path | None = None
    _ledger: Ledger | None = attrs.field(init=False, repr=False, default=None)
    _counters: PerProcess[Counters] = attrs.field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        self._counters = PerProcess(self._begin)
        if self.path is not None:
            # The working directory may change before the next write.
            self._ledger = Ledger(self.path.absolute())

    def _begin(self) -> Counters:
        if self._ledger is not None:
            atexit.register(self.assetstore_close)
        return Counters()

    @hookimpl
    def assetstore_event(self, event: Event) -> None:
        """Count the event, and write the sums when it is time and no other thread is writing."""
        counters = self._counters.get()
        counters.add(event)
        if self._ledger is None:
            return
        is_time = counters.events >= FLUSH_EVENTS or time.monotonic() - counters.since >= FLUSH_SECONDS
        if is_time and counters.writing.acquire(blocking=False):
            try:
                # An operation should not wait for its statistics: a file that others keep locked is tried again later.
                with contextlib.suppress(UnavailableError), counters.taken() as rows:
                    self._ledger.add(rows, patience=PATIENCE_OF_EVENTS)
            finally:
                counters.writing.release()

    @hookimpl
    def assetstore_stats(self, options: StatsOptions) -> Mapping[str, Mapping[str, float]]:
        """Return for each operation ``{"count", "bytes", "errors", "seconds"}``, zeros where nothing happened.

        ``count`` and ``bytes`` are those of operations that succeeded, including readers closed before their end; ``errors``
        counts operations that failed; ``seconds`` is the time spent in both. Where the backend counts its requests, there is
        ``requests_A`` too, for example: how many of class A both sent.
        """
        counters = self._counters.get()
        if self._ledger is None:
            return _shaped(counters.rows())
        with counters.writing:
            with counters.taken() as rows:
                self._ledger.add(rows)
            return _shaped(self._ledger.rows())

    @hookimpl
    def assetstore_reset_stats(self, options: StatsOptions) -> None:
        """Set all counts to zero. Events that other processes have not yet written are counted afterwards."""
        counters = self._counters.get()
        with counters.writing, counters.taken():
            if self._ledger is not None:
                self._ledger.clear()

    @hookimpl
    def assetstore_close(self) -> None:
        """Write the sums that are still in memory."""
        if self._ledger is not None:
            counters = self._counters.get()
            with counters.writing, counters.taken() as rows:
                self._ledger.add(rows)
            atexit.unregister(self.assetstore_close)


def _shaped(rows: Rows) -> dict[str, dict[str, float]]:
    """Name the sums; an operation without a group keeps its own name."""
    shaped: dict[str, Sums] = {GROUPS.get(op, op): zeros() for op in (*GROUPS, *rows)}
    for op, sums in rows.items():
        add(shaped[GROUPS.get(op, op)], sums)
    return shaped
