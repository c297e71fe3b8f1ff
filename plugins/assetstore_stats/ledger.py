"""Keeps the sums of each operation in a SQLite file that threads and processes share."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from assetstore.plugin import ConfigError, NoSpaceError, UnavailableError
from assetstore_stats.counters import NAMES, REQUESTS, Rows

if TYPE_CHECKING:
    import sqlite3

PATIENCE = 30.0

_TABLE = """
CREATE TABLE IF NOT EXISTS assetstore_stats (
    op TEXT PRIMARY KEY, count INTEGER NOT NULL, bytes INTEGER NOT NULL, errors INTEGER NOT NULL, seconds REAL NOT NULL
)
"""
# A table of its own: older files get it, and older versions, which do not know it, go on counting in the same file.
_REQUESTS_TABLE = """
CREATE TABLE IF NOT EXISTS assetstore_stats_requests (
    op TEXT NOT NULL, class TEXT NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (op, class)
)
"""
# An older version that sets the sums to zero knows only its own table.
_TRIGGER = """
CREATE TRIGGER IF NOT EXISTS assetstore_stats_reset AFTER DELETE ON assetstore_stats
BEGIN DELETE FROM assetstore_stats_requests WHERE op = OLD.op; END
"""
_ADD = """
INSERT INTO assetstore_stats (op, count, bytes, errors, seconds) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (op) DO UPDATE SET count = count + excluded.count, bytes = bytes + excluded.bytes,
    errors = errors + excluded.errors, seconds = seconds + excluded.seconds
"""
_ADD_REQUESTS = """
INSERT INTO assetstore_stats_requests (op, class, count) VALUES (?, ?, ?)
ON CONFLICT (op, class) DO UPDATE SET count = count + excluded.count
"""

# A process must not fork inside a call of SQLite: the child would inherit its mutexes and its record of held locks.
_lock = threading.RLock()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_lock.release)


class Ledger:
    """The file. Each call opens its own connection, so that none survives a fork or is shared by threads.

    Every method raises ConfigError when the file cannot be used, NoSpaceError when the disk is full, and UnavailableError
    when another process keeps the file locked for longer than the method waits.
    """

    def __init__(self, path: Path) -> None:
        """Make the file and its folder if they are missing, and check that the file is ours."""
        self._path = path
        self.rows()

    def rows(self) -> Rows:
        """Return the sums of all processes."""
        with self._transaction(PATIENCE) as connection:
            found = connection.execute("SELECT op, count, bytes, errors, seconds FROM assetstore_stats").fetchall()
            requests = connection.execute("SELECT op, class, count FROM assetstore_stats_requests").fetchall()
        rows = {op: dict(zip(NAMES, values, strict=True)) for op, *values in found}
        for op, kind, count in requests:
            rows[op][REQUESTS + kind] = count
        return rows

    def add(self, rows: Rows, *, patience: float = PATIENCE) -> None:
        """Add all rows to the sums, or none; wait at most ``patience`` seconds for other processes."""
        if not rows:
            return
        with self._transaction(patience) as connection:
            connection.executemany(_ADD, [(op, *(sums[name] for name in NAMES)) for op, sums in rows.items()])
            requests = [(op, name.removeprefix(REQUESTS), sums[name]) for op, sums in rows.items() for name in sums]
            connection.executemany(_ADD_REQUESTS, [row for row in requests if row[1] not in NAMES])

    def clear(self) -> None:
        """Set the sums of all processes to zero."""
        with self._transaction(PATIENCE) as connection:
            connection.execute("DELETE FROM assetstore_stats")

    @contextlib.contextmanager
    def _transaction(self, patience: float) -> Iterator[sqlite3.Connection]:
        import sqlite3  # slow to load, and a store without a file of statistics does not need it

        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with _lock, contextlib.closing(self._connected(patience)) as connection:
                connection.execute("BEGIN IMMEDIATE")
                connection.execute(_TABLE)
                connection.execute(_REQUESTS_TABLE)
                connection.execute(_TRIGGER)
                yield connection
                connection.execute("COMMIT")
        except (sqlite3.Error, OSError, ValueError) as error:
            raise self._explained(error) from error

    def _connected(self, patience: float) -> sqlite3.Connection:
        import sqlite3

        return sqlite3.connect(self._path, timeout=patience, isolation_level=None)

    def _explained(self, error: Exception) -> ConfigError | NoSpaceError | UnavailableError:
        import sqlite3

        file = f"the stats file {str(self._path)!r}"
        # Extended codes of SQLite carry the plain one in their lowest byte.
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code == sqlite3.SQLITE_BUSY:
            return UnavailableError(f"{file} is locked by another process", hint="try again")
        if code == sqlite3.SQLITE_FULL:
            return NoSpaceError(f"the disk of {file} is full", hint="free some space on it")
        # A ValueError means an impossible name, for example with a NUL; Python's own message varies with its version.
        reason = "no file can have such a name" if isinstance(error, ValueError) else error
        return ConfigError(
            f"{file} cannot be used: {reason}",
            hint="move it away if it is damaged or not ours, or give the stats plugin another path",
        )
