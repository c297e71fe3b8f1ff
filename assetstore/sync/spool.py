"""Keeps the plan of a sync in a temporary file, so that memory stays flat. It goes however the process ends."""

from __future__ import annotations

import pickle
import sqlite3
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Any, Self, TypeAlias

import attrs

from assetstore.sync.folder_index import Line
from assetstore.sync.options import DELETED, NEW, Action, Kind
from assetstore.sync.sides import Stamp

STEP = 500
_SETTINGS = "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-8000;"
_TABLES = """
CREATE TABLE plan (key BLOB PRIMARY KEY, kind TEXT, late INTEGER, size INTEGER, digest TEXT, kept INTEGER,
                   moved INTEGER DEFAULT 0, left INTEGER DEFAULT 1, step BLOB) WITHOUT ROWID;
CREATE TABLE files (key BLOB PRIMARY KEY, stamp TEXT, digest TEXT, etag TEXT) WITHOUT ROWID;
CREATE TABLE shared (size INTEGER PRIMARY KEY);
CREATE TABLE folded (folded BLOB PRIMARY KEY, key BLOB, written INTEGER) WITHOUT ROWID;
"""
_ADD = "INSERT INTO plan (key, kind, late, size, digest, kept, step) VALUES (?, ?, ?, ?, ?, ?, ?)"
_FINISH = "UPDATE plan SET left = 0 WHERE key = ?"
_NOTE = "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?)"
_Value: TypeAlias = bytes | str | int | None


@attrs.frozen(kw_only=True)
class Step:
    """An action with all that is needed to do it.

    Attributes:
        action: the action.
        path: the path of the source's file, or of the file to replace, delete or copy.
        stamp: the stamp of that file when it was walked.
        modified: when the source was written, in seconds.
        etag: the ETag that the destination's asset had, which is replaced, copied or deleted.
        written: when that asset was written, in seconds.
        digest: the digest of the source's bytes; for what is at the destination alone, of those.
        headers: what to set.
        valid: whether the key is valid.
    """

    action: Action
    path: str = ""
    stamp: Stamp | None = None
    modified: float | None = None
    etag: str | None = None
    written: float | None = None
    digest: str | None = None
    headers: dict[str, Any] | None = None
    valid: bool = True

    def packed(self) -> bytes:
        """Return it as bytes."""
        action = self.action
        return pickle.dumps(
            (
                *(action.kind, action.key, action.size, action.fact, action.origin),
                *(self.path, self.stamp, self.modified, self.etag, self.written, self.digest, self.headers, self.valid),
            )
        )

    @classmethod
    def unpacked(cls, data: bytes) -> Step:
        """Return what ``packed`` made bytes of."""
        # The file is private, and is gone with the process.
        kind, key, size, fact, origin, path, stamp, modified, etag, written, digest, headers, valid = pickle.loads(data)  # noqa: S301
        return cls(
            action=Action(kind=kind, key=key, size=size, fact=fact, origin=origin),
            path=path,
            stamp=stamp,
            modified=modified,
            etag=etag,
            written=written,
            digest=digest,
            headers=headers,
            valid=valid,
        )


class Spool:
    """The steps of a plan, by key. It belongs to the thread that made it.

    Rows are written many at a time: beside threads that send, each call of SQLite may wait for its turn to run.
    """

    def __init__(self) -> None:
        self._waiting: dict[str, list[tuple[_Value, ...]]] = {statement: [] for statement in (_ADD, _FINISH, _NOTE)}
        self._count = 0
        self._made: sqlite3.Connection | None = None

    def _flushed(self) -> sqlite3.Connection:
        """Write the rows that wait, and return the file, which has all of them."""
        if self._made is None:
            # With an empty name SQLite makes a temporary file when its cache is full, and unlinks it at once.
            self._made = sqlite3.connect("", isolation_level=None)
            self._made.executescript(f"{_SETTINGS} {_TABLES} BEGIN;")
        if self._count:
            self._count = 0
            for statement, rows in self._waiting.items():
                self._made.executemany(statement, rows)
                rows.clear()
        return self._made

    @property
    def is_empty(self) -> bool:
        """Whether nothing was ever added."""
        return self._made is None and not self._count

    def _write(self, statement: str, *row: _Value) -> None:
        self._waiting[statement].append(row)
        self._count += 1
        if self._count >= STEP:
            self._flushed()

    def add(self, step: Step, *, late: bool = False, kept: bool = False) -> None:
        """Add a step.

        Args:
            step: the step.
            late: whether it waits for all others.
            kept: whether it is not done, and there only to be found by ``renames``.
        """
        action = step.action
        self._write(_ADD, _bytes(action.key), action.kind, late, action.size, step.digest, kept, step.packed())

    def replace(self, step: Step) -> None:
        """Put a step for the one of its key."""
        action = step.action
        row = (action.kind, step.digest, step.packed(), _bytes(action.key))
        self._flushed().execute("UPDATE plan SET kind = ?, digest = ?, step = ? WHERE key = ?", row)

    def note_moved(self, key: str) -> None:
        """Take note that the bytes of what is deleted live on under another key."""
        self._flushed().execute("UPDATE plan SET moved = 1 WHERE key = ?", (_bytes(key),))

    def lost(self) -> int:
        """Return how many steps delete bytes that do not live on."""
        return self._counted("kind = ? AND NOT kept AND NOT moved", DELETED)

    def totals(self) -> dict[Kind, tuple[int, int]]:
        """Return the number of steps of each kind, and the bytes."""
        if self.is_empty:
            return {}
        rows = self._flushed().execute("SELECT kind, COUNT(*), SUM(size) FROM plan WHERE NOT kept GROUP BY kind")
        return {kind: (count, size) for kind, count, size in rows}

    def steps(self, *kinds: Kind, late: bool | None = None) -> Iterator[Step]:
        """Yield the steps that are not done, in the order of keys. Other steps may be finished meanwhile."""
        marks = ", ".join("?" * len(kinds))
        wanted = f"kind IN ({marks}) AND left AND NOT kept" + ("" if late is None else f" AND late = {int(late)}")
        last = b""
        while rows := self._flushed().execute(
            f"SELECT key, step FROM plan WHERE key > ? AND {wanted} ORDER BY key LIMIT {STEP}",  # noqa: S608 - no values
            (last, *kinds),
        ).fetchall():
            yield from (Step.unpacked(row[1]) for row in rows)
            last = rows[-1][0]

    def left(self, *kinds: Kind, late: bool | None = None) -> int:
        """Return how many steps are not done."""
        wanted = f"kind IN ({', '.join('?' * len(kinds))}) AND left AND NOT kept"
        return self._counted(wanted + ("" if late is None else f" AND late = {int(late)}"), *kinds)

    def finish(self, key: str) -> None:
        """Take note that nothing is left to do for a key."""
        self._write(_FINISH, _bytes(key))

    def share_sizes(self) -> None:
        """Find the sizes that ``new`` and ``deleted`` assets have in common, for ``same_sizes``."""
        sizes = "SELECT size FROM plan WHERE kind = ? AND size > 0"
        self._flushed().execute(f"INSERT INTO shared {sizes} INTERSECT {sizes}", (NEW, DELETED))
        self._flushed().execute("CREATE INDEX by_digest ON plan (digest, size)")

    def same_sizes(self, kind: Kind) -> Iterator[Step]:
        """Yield the steps of a kind, ``new`` or ``deleted``, of which the other kind has one of equal size, none empty."""
        last = b""
        while rows := self._flushed().execute(
            "SELECT key, step FROM plan WHERE kind = ? AND key > ? AND size IN shared ORDER BY key LIMIT ?",
            (kind, last, STEP),
        ).fetchall():
            yield from (Step.unpacked(row[1]) for row in rows)
            last = rows[-1][0]

    def with_digest(self, digest: str, size: int) -> Step | None:
        """Return a step of what the destination alone has, with this digest and size."""
        row = self._flushed().execute(
            "SELECT step FROM plan WHERE digest = ? AND size = ? AND kind = ? ORDER BY key LIMIT 1", (digest, size, DELETED)
        ).fetchone()
        return None if row is None else Step.unpacked(row[0])

    def fold(self, folded: str, key: str, *, written: bool) -> tuple[str, bool] | None:
        """Remember a key by what a disk makes of it; return an earlier one that is the same to it, and its ``written``."""
        row = self._flushed().execute("SELECT key, written FROM folded WHERE folded = ?", (_bytes(folded),)).fetchone()
        if row is not None:
            return _text(row[0]), bool(row[1])
        self._flushed().execute("INSERT INTO folded VALUES (?, ?, ?)", (_bytes(folded), _bytes(key), written))
        return None

    def note_file(self, line: Line) -> None:
        """Remember what is known of a file for the index of its folder."""
        self._write(_NOTE, _bytes(line[0]), *line[1:])

    def files(self) -> Iterator[Line]:
        """Yield what ``note_file`` was called with, by key."""
        if self.is_empty:
            return
        rows: Iterable[tuple[bytes, str, str, str]] = self._flushed().execute("SELECT * FROM files ORDER BY key")
        for key, stamp, digest, etag in rows:
            yield _text(key), stamp, digest, etag

    def _counted(self, wanted: str, *values: object) -> int:
        if self.is_empty:
            return 0
        return int(self._flushed().execute(f"SELECT COUNT(*) FROM plan WHERE {wanted}", values).fetchone()[0])  # noqa: S608

    def close(self) -> None:
        """Remove it."""
        if self._made is not None:
            self._made.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _bytes(key: str) -> bytes:
    # Names of files may have bytes that are not UTF-8.
    return key.encode(errors="surrogatepass")


def _text(key: bytes) -> str:
    return key.decode(errors="surrogatepass")
