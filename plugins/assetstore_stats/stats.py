"""The stats plugin: it observes events, sums them up in memory, and writes the sums to a file when it has one."""

from __future__ import annotations

import atexit
import contextlib
import time
from collections.abc import Mapping
from pathlib import Path

import attrs

from assetstore.plugin import Event, PerProcess, StatsOptions, UnavailableError, hookimpl
from assetstore_stats.counters import Counters, Rows
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
    """Counts what a store does: how often each operation succeeded and failed, the bytes moved and the time spent.

    Without a path the counts are this process's own, and a forked child begins at zero. With one, all stores and processes
    that name the file are counted together. Sums are written to it by ``stats()`` and ``close()``, when the interpreter
    ends, after 1,000 events, and with the first event that comes 2 seconds or more after the last writing. So only a process
    that is killed, or skips the end of the interpreter as forked children of ``multiprocessing`` do, without ``close()``
    loses what it had not written yet.

    Attributes:
        path: a SQLite file, made with its folder where it is missing; ``None`` counts in memory.

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
            # Absolute, for the working directory may change before the next writing.
            self._ledger = Ledger(self.path.absolute())

    def _begin(self) -> Counters:
        if self._ledger is not None:
            atexit.register(self.assetstore_close)
        return Counters()

    @hookimpl
    def assetstore_event(self, event: Event) -> None:
        """Count the event, and write the sums down when it is time and no other thread is at it."""
        counters = self._counters.get()
        counters.add(event)
        if self._ledger is None:
            return
        is_time = counters.events >= FLUSH_EVENTS or time.monotonic() - counters.since >= FLUSH_SECONDS
        if is_time and counters.writing.acquire(blocking=False):
            try:
                # A file that others keep locked is tried again later, for an operation should not wait for its statistics.
                with contextlib.suppress(UnavailableError), counters.taken() as rows:
                    self._ledger.add(rows, patience=PATIENCE_OF_EVENTS)
            finally:
                counters.writing.release()

    @hookimpl
    def assetstore_stats(self, options: StatsOptions) -> Mapping[str, Mapping[str, float]]:
        """Return for each operation ``{"count", "bytes", "errors", "seconds"}``, zeros where nothing happened.

        ``count`` is of those that succeeded, with readers closed before their end, and ``bytes`` is theirs; ``errors`` is of
        those that failed; ``seconds`` is the time spent in both.
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
        """Set all counts to zero. What other processes have not yet written is counted afterwards."""
        counters = self._counters.get()
        with counters.writing, counters.taken():
            if self._ledger is not None:
                self._ledger.clear()

    @hookimpl
    def assetstore_close(self) -> None:
        """Write down what is still in memory."""
        if self._ledger is not None:
            counters = self._counters.get()
            with counters.writing, counters.taken() as rows:
                self._ledger.add(rows)
            atexit.unregister(self.assetstore_close)


def _shaped(rows: Rows) -> dict[str, dict[str, float]]:
    """Name the sums; an operation that is not named here is listed under its own name."""
    sums = {GROUPS.get(op, op): [0, 0, 0, 0.0] for op in (*GROUPS, *rows)}
    for op, row in rows.items():
        name = GROUPS.get(op, op)
        sums[name] = [total + value for total, value in zip(sums[name], row, strict=True)]
    return {name: dict(zip(("count", "bytes", "errors", "seconds"), row, strict=True)) for name, row in sums.items()}
