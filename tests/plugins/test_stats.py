"""The stats plugin: exact sums under threads, processes and forks, in memory and in a shared file."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

import pluggy
import pytest

from assetstore import AssetStoreError, ConfigError, Event, NoSpaceError, UnavailableError
from assetstore.plugin import Hooks, StatsOptions
from assetstore.results import Outcome
from assetstore_stats import Stats
from assetstore_stats.counters import Counters, zeros
from assetstore_stats.ledger import Ledger

ZEROS = {"count": 0, "bytes": 0, "errors": 0, "seconds": 0.0}
GROUPS = (
    "uploads",
    "downloads",
    "reads",
    "stats",
    "exists",
    "lists",
    "deletes",
    "copies",
    "moves",
    "updates",
    "presigns",
    "urls",
    "checks",
)


def event(
    op: str = "upload",
    size: int = 10,
    outcome: Outcome = "ok",
    seconds: float = 0.5,
    requests: Mapping[str, int] = MappingProxyType({}),
) -> Event:
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
        requests=requests,
    )


def read(stats: Stats) -> Mapping[str, Mapping[str, float]]:
    """Ask the plugin for its sums."""
    return stats.assetstore_stats(options=StatsOptions())


def observe(stats: Stats, count: int) -> None:
    """Deliver so many uploads."""
    for _ in range(count):
        stats.assetstore_event(event=event())


def shift(stats: Stats, seconds: float) -> None:
    """Move the last write forward; far ahead, no passing time makes the plugin write."""
    stats._counters.get().since += seconds


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
    assert dict.fromkeys(GROUPS, ZEROS) == read(stats)


def test_finished_direct_uploads_are_uploads(stats):
    """Finished direct uploads count as uploads; ``begin_upload`` is listed under its own name."""
    for seen in (event(), event("finish_upload", 5), event("finish_upload", 7, "error"), event("begin_upload", 0)):
        stats.assetstore_event(event=seen)
    sums = read(stats)
    assert {"count": 2, "bytes": 15, "errors": 1, "seconds": 1.5} == sums["uploads"]
    assert {"count": 1, "bytes": 0, "errors": 0, "seconds": 0.5} == sums["begin_upload"]


def test_successes_failures_bytes_and_seconds_are_summed_up(stats):
    """A failed operation adds to errors and seconds, an abandoned reader counts as a read of its bytes so far."""
    for seen in (event(), event(size=5), event(size=3, outcome="error"), event("read", 7, "abandoned")):
        stats.assetstore_event(event=seen)
    expected = {"count": 2, "bytes": 15, "errors": 1, "seconds": 1.5}
    assert expected == read(stats)["uploads"]
    assert {"count": 1, "bytes": 7, "errors": 0, "seconds": 0.5} == read(stats)["reads"]


def test_an_operation_of_a_later_version_is_counted_under_its_own_name(stats):
    """An operation that the plugin does not know is not lost."""
    stats.assetstore_event(event=event("transmogrify"))
    assert {"count": 1, "bytes": 10, "errors": 0, "seconds": 0.5} == read(stats)["transmogrify"]


def test_requests_are_summed_up_by_class(stats):
    """Those of failed operations too, because they are charged for; an operation without requests has no such sum."""
    stats.assetstore_event(event=event(requests={"A": 3}))
    stats.assetstore_event(event=event("finish_upload", requests={"A": 1, "B": 2}))
    stats.assetstore_event(event=event(outcome="error", requests={"A": 1}))
    stats.assetstore_event(event=event("read"))
    sums = read(stats)
    assert {"count": 2, "bytes": 20, "errors": 1, "seconds": 1.5, "requests_A": 5, "requests_B": 2} == sums["uploads"]
    assert {"count": 1, "bytes": 10, "errors": 0, "seconds": 0.5} == sums["reads"]
    stats.assetstore_reset_stats(options=StatsOptions())
    assert ZEROS == read(stats)["uploads"]


def test_a_file_of_an_older_version_goes_on(tmp_path):
    """Its sums are kept, and requests are counted from now on."""
    path = tmp_path / "stats.db"
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        columns = "op TEXT PRIMARY KEY, count INTEGER NOT NULL, bytes INTEGER NOT NULL, errors INTEGER NOT NULL"
        connection.execute(f"CREATE TABLE assetstore_stats ({columns}, seconds REAL NOT NULL)")
        connection.execute("INSERT INTO assetstore_stats VALUES ('upload', 7, 70, 1, 3.5)")
    stats = Stats(path=path)
    stats.assetstore_event(event=event(requests={"A": 1}))
    expected = {"count": 8, "bytes": 80, "errors": 1, "seconds": 4.0, "requests_A": 1}
    assert expected == read(stats)["uploads"]
    stats.assetstore_close()
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert [("upload", 8, 80, 1, 4.0)] == connection.execute("SELECT * FROM assetstore_stats").fetchall()


def test_an_older_version_sets_the_requests_to_zero_too(tmp_path):
    """It knows no requests; those from before must not come back, and be paid for twice, with the next event."""
    path = tmp_path / "stats.db"
    stats = Stats(path=path)
    stats.assetstore_event(event=event(requests={"A": 7}))
    assert 7 == read(stats)["uploads"]["requests_A"]
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("DELETE FROM assetstore_stats")
    assert ZEROS == read(stats)["uploads"]
    stats.assetstore_event(event=event(requests={"A": 1}))
    assert {"count": 1, "bytes": 10, "errors": 0, "seconds": 0.5, "requests_A": 1} == read(stats)["uploads"]


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


def test_sums_taken_between_events_of_other_threads_lose_and_double_none():
    """The sums taken again and again and those left are together exactly all events."""
    counters, swept = Counters(), 0.0

    def add() -> None:
        for _ in range(3000):
            counters.add(event())

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        with counters.taken() as rows:
            swept += rows.get("upload", zeros())["count"]
    assert 12000 == swept + counters.rows().get("upload", zeros())["count"]


def test_an_event_in_the_midst_of_counting_another_is_counted(stats):
    """A forgotten reader that the garbage collector closes inside the plugin neither blocks it nor gets lost."""

    class Interrupted:
        op, bytes, seconds, requests = "upload", 10, 0.5, {}

        @property
        def outcome(self) -> str:
            stats.assetstore_event(event=event())
            return "ok"

    stats.assetstore_event(event=Interrupted())
    assert {"count": 2, "bytes": 20, "errors": 0, "seconds": 1.0} == read(stats)["uploads"]


def test_four_processes_that_share_a_file_count_exactly(tmp_path):
    """After each has closed, the file holds all events of all, and their sums outlive them."""
    path = tmp_path / "stats.db"
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=observe_and_close, args=(path, 2500)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [0] * 4 == [process.exitcode for process in processes]
    assert {"count": 10_000, "bytes": 100_000, "errors": 0, "seconds": 5000.0} == read(Stats(path=path))["uploads"]


SCRIPT = """
import os, sys, threading
from pathlib import Path
from test_stats import Stats, observe, read

stats = Stats(path=Path({path!r}))
"""


def run(tmp_path: Path, lines: str) -> Mapping[str, float]:
    """Run lines in an interpreter of their own, in which ``stats`` has a file, and return the uploads in that file."""
    path = tmp_path / "stats.db"
    script = SCRIPT.format(path=str(path)) + lines
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-W", "ignore", "-c", script], check=True, timeout=600, env=environment)
    return read(Stats(path=path))["uploads"]


def test_a_forked_child_neither_doubles_nor_loses_events(tmp_path):
    """What the parent had in memory at the fork is written once, by the parent; the child counts from zero."""
    lines = """
observe(stats, 5)
pid = os.fork()
if pid == 0:
    observe(stats, 7)
    stats.assetstore_close()
    os._exit(0)
observe(stats, 3)
assert 0 == os.waitpid(pid, 0)[1]
stats.assetstore_close()
"""
    assert 15 == run(tmp_path, lines)["count"]


def test_forks_amidst_threads_that_count_and_write_are_harmless(tmp_path):
    """Children that are forked while other threads hold locks and the file can count, write and end."""
    lines = """
threads = [threading.Thread(target=observe, args=(stats, 20000)) for _ in range(4)]
for thread in threads:
    thread.start()
for _ in range(20):
    pid = os.fork()
    if pid == 0:
        observe(stats, 10)
        stats.assetstore_close()
        os._exit(0)
    assert 0 == os.waitpid(pid, 0)[1]
for thread in threads:
    thread.join()
stats.assetstore_close()
"""
    assert 80_200 == run(tmp_path, lines)["count"]


def test_an_interpreter_that_ends_without_closing_writes_its_sums(tmp_path):
    """Only a process that is killed loses what it had in memory."""
    assert 3 == run(tmp_path, "observe(stats, 3)\nsys.exit()")["count"]


def test_a_closed_plugin_writes_nothing_when_the_interpreter_ends(tmp_path):
    """After closing nothing is left to be done: the file can be removed."""
    lines = """
observe(stats, 3)
stats.assetstore_close()
os.remove(stats.path)
"""
    assert 0 == run(tmp_path, lines)["count"]


def test_sums_reach_the_file_after_a_thousand_events(tmp_path):
    """Others see what a busy process counts long before it closes."""
    mine, other = Stats(path=tmp_path / "stats.db"), Stats(path=tmp_path / "stats.db")
    shift(mine, 3600)
    observe(mine, 999)
    assert 0 == read(other)["uploads"]["count"]
    observe(mine, 1)
    assert 1000 == read(other)["uploads"]["count"]
    observe(mine, 2)
    mine.assetstore_close()
    assert 1002 == read(other)["uploads"]["count"]


def test_sums_reach_the_file_with_the_first_event_after_two_seconds(tmp_path):
    """Others see what a quiet process counts with its next event."""
    mine, other = Stats(path=tmp_path / "stats.db"), Stats(path=tmp_path / "stats.db")
    shift(mine, 3600)
    observe(mine, 1)
    assert 0 == read(other)["uploads"]["count"]
    shift(mine, -3602)
    observe(mine, 1)
    assert 2 == read(other)["uploads"]["count"]
    mine.assetstore_close()


def test_a_reset_is_for_all_who_share_the_file(tmp_path):
    """The sums in the file are set to zero, whoever wrote them."""
    mine, other = Stats(path=tmp_path / "stats.db"), Stats(path=tmp_path / "stats.db")
    observe(mine, 2)
    mine.assetstore_close()
    other.assetstore_reset_stats(options=StatsOptions())
    assert ZEROS == read(mine)["uploads"]


def test_an_event_survives_a_file_that_stays_locked(tmp_path):
    """Sums that cannot be written now are kept, raise nothing, and are written later."""
    stats = Stats(path=tmp_path / "stats.db")
    with locked(tmp_path / "stats.db"):
        observe(stats, 1001)
    assert 1001 == read(stats)["uploads"]["count"]


def test_a_file_kept_locked_is_unavailable(tmp_path):
    """Waiting ends in a retryable error that names the file."""
    path = tmp_path / "stats.db"
    ledger = Ledger(path)
    with locked(path), pytest.raises(UnavailableError) as caught:
        ledger.add({"upload": zeros()}, patience=0)
    assert f"the stats file {str(path)!r} is locked by another process; try again" == str(caught.value)


def test_a_full_disk_is_told_as_such(tmp_path):
    """SQLite's word for a full disk becomes NoSpaceError."""
    full = sqlite3.OperationalError("database or disk is full")
    full.sqlite_errorcode = sqlite3.SQLITE_FULL
    with pytest.raises(NoSpaceError), Ledger(tmp_path / "stats.db")._transaction(0):
        raise full


def test_sums_that_cannot_be_written_are_put_back(tmp_path):
    """After a failure nothing is lost: the sums are written once the file can be."""
    path = tmp_path / "stats.db"
    stats = Stats(path=path)
    shift(stats, 3600)
    observe(stats, 2)
    path.unlink()
    path.mkdir()
    for call in (read, lambda stats: stats.assetstore_reset_stats(options=StatsOptions()), Stats.assetstore_close):
        with pytest.raises(ConfigError):
            call(stats)
    path.rmdir()
    assert 2 == read(stats)["uploads"]["count"]


def test_an_event_reports_a_broken_file_and_is_kept(tmp_path):
    """The store logs what the plugin raises; the next write tries again with all events."""
    path = tmp_path / "stats.db"
    stats = Stats(path=path)
    shift(stats, 3600)
    observe(stats, 999)
    path.unlink()
    path.mkdir()
    with pytest.raises(ConfigError):
        observe(stats, 1)
    path.rmdir()
    assert 1000 == read(stats)["uploads"]["count"]


def damaged(path: Path) -> None:
    """Write a file that is not a database."""
    path.write_bytes(b"no database at all" * 100)


def foreign(path: Path) -> None:
    """Write a database with another table of our name."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE assetstore_stats (name TEXT)")


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (damaged, "file is not a database"),
        (foreign, "no such column: op"),
        (Path.mkdir, "unable to open database file"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_when_the_plugin_is_made(tmp_path, spoil, reason):
    """The error names the file, says why, and what to do."""
    path = tmp_path / "stats.db"
    spoil(path)
    with pytest.raises(ConfigError) as caught:
        Stats(path=path)
    assert str(caught.value) == (
        f"the stats file {str(path)!r} cannot be used: {reason}; "
        "move it away if it is damaged or not ours, or give the stats plugin another path"
    )


def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
    """A file in the place of a folder is an error of the configuration."""
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ConfigError, match=r"^the stats file .* cannot be used") as caught:
        Stats(path=tmp_path / "file" / "stats.db")
    assert isinstance(caught.value, AssetStoreError)


@pytest.mark.parametrize("name", ["nul\0byte", "half\ud800"])
def test_a_name_that_no_file_can_have_is_refused(name):
    """It is an error of the configuration, in the same words on every Python."""
    with pytest.raises(ConfigError, match=r"^the stats file .* cannot be used: no file can have such a name"):
        Stats(path=Path(name))


def test_a_file_removed_meanwhile_is_made_again(tmp_path):
    """Removing the file is another way to begin at zero."""
    stats = Stats(path=tmp_path / "stats.db")
    (tmp_path / "stats.db").unlink()
    observe(stats, 1)
    assert 1 == read(stats)["uploads"]["count"]


def test_a_relative_path_is_that_of_the_beginning(tmp_path, monkeypatch):
    """A later change of the working directory does not move the file."""
    monkeypatch.chdir(tmp_path)
    stats = Stats(path=Path("stats.db"))
    observe(stats, 1)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    stats.assetstore_close()
    assert 1 == read(Stats(path=tmp_path / "stats.db"))["uploads"]["count"]
    assert [] == os.listdir()
