"""The stats plugin: exact sums under threads, processes and forks, in memory and in a shared file."""

from __future__ import annotations

import contextlib
import gc
import multiprocessing
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pluggy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assetstore import ConfigError, Event, Hooks, StatsOptions, UnavailableError
from assetstore.models import Outcome
from assetstore_stats import Stats

ZEROS = {"count": 0, "bytes": 0, "errors": 0, "seconds": 0.0}
GROUPS = (
    "uploads downloads reads stats exists lists deletes copies moves updates presigns urls checks".split()  # noqa: SIM905 - a list of words reads best so
)


def event(op: str = "upload", size: int = 10, outcome: Outcome = "ok", seconds: float = 0.5) -> Event:
    """Return one finished operation."""
    return Event(
        op=op,
        key="a",
        store="dev",
        bytes=size,
        seconds=seconds,
        outcome=outcome,
        error="NotFoundError" if outcome == "error" else None,
        attempts=1,
        time=datetime.now(UTC),
    )


def read(stats: Stats) -> Mapping[str, Mapping[str, float]]:
    """Ask the plugin for its sums."""
    return stats.assetstore_stats(options=StatsOptions())


def observe(stats: Stats, count: int) -> None:
    """Deliver so many uploads."""
    for _ in range(count):
        stats.assetstore_event(event=event())


def observe_and_close(path: Path, count: int) -> None:
    """Deliver so many uploads from a process of its own."""
    stats = Stats(path=path)
    observe(stats, count)
    stats.assetstore_close()


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep the file locked as another process would."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        yield


@pytest.fixture(params=["memory", "file"])
def stats(request, tmp_path):
    """Give each kind of stats, fresh."""
    made = Stats(path=None if request.param == "memory" else tmp_path / "new" / "folder" / "stats.db")
    yield made
    made.assetstore_close()


def test_the_plugin_fits_the_hooks(stats):
    """Pluggy accepts the plugin as an implementation of the hooks."""
    manager = pluggy.PluginManager("assetstore")
    manager.add_hookspecs(Hooks)
    manager.register(stats)
    manager.check_pending()
    manager.hook.assetstore_event(event=event())
    assert 1 == manager.hook.assetstore_stats(options=StatsOptions())["uploads"]["count"]


def test_every_operation_is_listed_from_the_beginning(stats):
    """Before anything happens each operation has its four sums, all zero."""
    assert {group: ZEROS for group in GROUPS} == read(stats)


def test_successes_failures_bytes_and_seconds_are_summed_up(stats):
    """A failure counts as an error and for its time, an abandoned reader as a read with what it had read."""
    for seen in (event(), event(size=5), event(size=3, outcome="error"), event("read", 7, "abandoned")):
        stats.assetstore_event(event=seen)
    expected = {"count": 2, "bytes": 15, "errors": 1, "seconds": 1.5}
    assert expected == read(stats)["uploads"]
    assert {"count": 1, "bytes": 7, "errors": 0, "seconds": 0.5} == read(stats)["reads"]


def test_an_operation_of_a_later_version_is_counted_under_its_own_name(stats):
    """An operation that the plugin does not know is not lost."""
    stats.assetstore_event(event=event("transmogrify"))
    assert {"count": 1, "bytes": 10, "errors": 0, "seconds": 0.5} == read(stats)["transmogrify"]


def test_what_was_returned_does_not_change_later(stats):
    """A result is a picture of one moment."""
    before = read(stats)
    stats.assetstore_event(event=event())
    assert ZEROS == before["uploads"]


def test_sixteen_threads_count_exactly(stats):
    """16 threads with 1,000 events each give 16,000."""
    threads = [threading.Thread(target=observe, args=(stats, 1000)) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {"count": 16000, "bytes": 160_000, "errors": 0, "seconds": 8000.0} == read(stats)["uploads"]


def test_reset_sets_all_to_zero_and_loses_no_later_event(stats):
    """Sums begin anew at zero and go on."""
    observe(stats, 3)
    stats.assetstore_reset_stats(options=StatsOptions())
    assert ZEROS == read(stats)["uploads"]
    observe(stats, 2)
    assert 2 == read(stats)["uploads"]["count"]


def test_a_reset_between_events_of_other_threads_splits_them_exactly(stats):
    """What several resets swept away and what is left make up all events; nothing is counted twice or lost."""
    threads = [threading.Thread(target=observe, args=(stats, 2000)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(5):
        stats.assetstore_reset_stats(options=StatsOptions())
    for thread in threads:
        thread.join()
    left = read(stats)["uploads"]["count"]
    assert 0 <= left <= 8000
    observe(stats, 1)
    assert left + 1 == read(stats)["uploads"]["count"]


def test_an_event_in_the_midst_of_counting_is_counted(stats):
    """A reader that the garbage collector closes while an event is counted neither deadlocks nor gets lost."""

    class Forgotten:
        def __init__(self) -> None:
            self.itself = self

        def __del__(self) -> None:
            stats.assetstore_event(event=event("read"))

    class Closing(Event):
        @property
        def op(self) -> str:
            Forgotten()
            gc.collect()
            return "upload"

    seen = event()
    stats.assetstore_event(event=Closing(**{name: getattr(seen, name) for name in fields(seen)}))
    assert (1, 1) == (read(stats)["uploads"]["count"], read(stats)["reads"]["count"])
