"""An index of a store's names in SQLite, so that searches and orders reach over a whole folder.

It is a cache: one walk of the store's listing makes it, behind the pages, when somebody first needs it; to lose it costs
a walk. It lies in the user's cache, for the user alone, in a file that a walk replaces whole.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import secrets
import sqlite3
import threading
import time
import unicodedata
import weakref
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import attrs

from assetstore import AssetInfo, AssetStore, AssetStoreError, InvalidOptionError
from assetstore_gallery.kinds import KINDS, kind_of, type_of

MOST = 1_000_000
"""The most keys of an index."""
FRESH = timedelta(minutes=10)
"""How long an index is used before another one is made, or a failure is believed."""
QUERY_SECONDS = 5
LEFT_SECONDS = 86_400
UNUSED_SECONDS = 30 * 86_400
MAX_FOLDERS = 500
"""The most folders on a page that the index sorts."""
CURSOR = "index:"
"""What cursors begin with that lead on in the index; others are the store's."""

_FORMAT = "1"
_AT_ONCE = 1000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
# A key is a BLOB, which SQLite orders as listings are ordered, by bytes. No byte of UTF-8 is 0xFF.
_SCHEMA = """
    PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;
    CREATE TABLE assets (
        key BLOB PRIMARY KEY, folder BLOB, folded BLOB, kind INTEGER, size INTEGER, modified INTEGER, etag TEXT, type TEXT,
        valid INTEGER
    ) WITHOUT ROWID;
    CREATE INDEX by_folder ON assets (folder);
    CREATE TABLE facts (at TEXT, count INTEGER, whole INTEGER);
"""
_ORDERS = {"name": "0", "size": "-size", "date": "coalesce(-modified, 1 << 62)", "kind": "kind"}
"""What each order sorts by, the least first; equals are sorted by key."""
_log = logging.getLogger(__name__)


def folded(text: str) -> str:
    """Return a text as searches compare it: without case and without marks, so that ``ü`` is ``u`` and ``ß`` is ``ss``."""
    if text.isascii():  # most names, and many times faster
        return text.lower()
    return "".join(each for each in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(each))


@attrs.frozen(kw_only=True)
class Found:
    """A page of what the index has.

    Attributes:
        folders: the folders in the folder, unless words were searched; on the first page alone.
        assets: the assets.
        counts: how many assets there are of each kind, on all pages and whatever kind is chosen.
        next: the cursor of the page after, or ``None``.
    """

    folders: list[str]
    assets: list[AssetInfo]
    counts: dict[str, int]
    next: str | None


@attrs.define(eq=False)
class Index:
    """The index of one store. Threads and processes may use it at once.

    Attributes:
        store: what is indexed.
        file: where it lies.
        patience: seconds that a page waits for it.
        most: the most keys that it takes.
        count: how many keys the walk that is under way has seen, or the last one saw.
        problem: why the last walk failed.
    """

    store: AssetStore
    file: Path
    patience: float
    most: int = MOST
    count: int = attrs.field(default=0, init=False)
    problem: str | None = attrs.field(default=None, init=False)
    _lock: threading.Lock = attrs.field(factory=threading.Lock, init=False)
    _walk: threading.Thread | None = attrs.field(default=None, init=False)
    _not_before: float = attrs.field(default=0.0, init=False)
    _changes: dict[str, AssetInfo | None] = attrs.field(factory=dict, init=False)
    _stopped: threading.Event = attrs.field(factory=threading.Event, init=False)

    @classmethod
    def of(cls, store: AssetStore, patience: float) -> Index:
        """Return the index of a store.

        Where other processes can open the store by its name or URL they share the index. Otherwise it goes with this object,
        for another store may look the same.
        """
        cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
        try:
            store.__reduce__()
            name = hashlib.sha256(f"{_FORMAT} {store!r}".encode()).hexdigest()[:32]
        except TypeError:
            name = f"own-{secrets.token_hex(16)}"
        index = cls(store, Path(cache, "assetstore", "gallery", f"{name}.sqlite"), patience)
        if name.startswith("own-"):
            weakref.finalize(index, _remove, index.file)
        return index

    def facts(self) -> dict[str, Any] | None:
        """Return what is known of the index, ``None`` if there is none; begin a walk where it is old or missing."""
        facts = self._facts()
        with self._lock:
            is_old = facts is None or not timedelta() <= datetime.now(UTC) - datetime.fromisoformat(facts["as_of"]) <= FRESH
            if is_old and self._walk is None and time.monotonic() >= self._not_before and not self._stopped.is_set():
                self._begin()
            walk = self._walk
        if walk is not None:
            walk.join(self.patience)
            facts = self._facts()
        return facts

    @property
    def progress(self) -> int | None:
        """How many keys the walk under way has seen; ``None`` if there is none."""
        return self.count if self._walk is not None else None

    def find(self, *, prefix: str, words: str, kind: str, sort: str, cursor: str | None, limit: int) -> Found | None:
        """Return a page of the assets that fit, ``None`` if the index cannot tell.

        Args:
            prefix: the folder.
            words: what the names below the folder must hold, in any order and without case and marks; with none the assets
                in the folder itself are meant.
            kind: one of ``KINDS``, empty for all.
            sort: ``name``, ``size`` (largest first), ``date`` (newest first) or ``kind``.
            cursor: ``Found.next`` of the page before.
            limit: the most assets of a page.

        Raises:
            InvalidOptionError: the cursor is not one that ``find`` gave.
        """
        after = None if cursor is None else _after(cursor)
        wanted = folded(words).split()
        where, values = _condition(prefix, wanted)
        chosen, given = (f"{where} AND kind = ?", [*values, KINDS.index(kind)]) if kind else (where, values)
        order = _ORDERS[sort]
        if after is not None:
            chosen, given = f"{chosen} AND ({order}, key) > (?, ?)", [*given, *after]
        columns = f"{order} AS place, key, size, modified, etag, type, valid"
        with self._reading() as database:
            if database is None:
                return None
            sql = f"SELECT {columns} FROM assets WHERE {chosen} ORDER BY place, key LIMIT ?"  # noqa: S608 - ours alone
            rows = database.execute(sql, [*given, limit + 1]).fetchall()
            sums = dict(database.execute(f"SELECT kind, count(*) FROM assets WHERE {where} GROUP BY kind", values))  # noqa: S608
            folders = [] if wanted or after else list(islice(_folders(database, prefix), MAX_FOLDERS))
            last = rows[limit - 1][:2] if len(rows) > limit else None
            return Found(
                folders=folders,
                assets=[_info(row) for row in rows[:limit]],
                counts={name: sums.get(number, 0) for number, name in enumerate(KINDS)},
                next=last and CURSOR + json.dumps([last[0], _text(last[1])]),
            )
        return None

    def change(self, changes: Mapping[str, AssetInfo | None]) -> None:
        """Take up changes of the store: the keys, and what they are now, ``None`` for those that are gone."""
        with self._lock:
            if self._walk is not None:  # it may have passed the keys by
                self._changes.update(changes)
            if self.file.exists():
                try:
                    with closing(sqlite3.connect(self.file, timeout=QUERY_SECONDS)) as database:
                        _apply(database, changes)
                except sqlite3.Error:  # names that are missing or gone stay so until the next walk
                    _log.warning("the gallery cannot change its index", exc_info=True)

    def close(self) -> None:
        """End a walk that is under way."""
        self._stopped.set()
        walk = self._walk
        if walk is not None and walk is not threading.current_thread():
            walk.join()

    def _begin(self) -> None:
        self.count, self.problem = 0, None
        # A daemon: the end of the process does not wait for it longer than for one request.
        self._walk = threading.Thread(target=self._make, name="assetstore-gallery-index", daemon=True)
        self._walk.start()

    def _make(self) -> None:
        """Walk the listing and put a new index into place."""
        made = self.file.with_name(f"{self.file.stem}.{secrets.token_hex(8)}.new")
        try:
            self.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._sweep()
            os.close(os.open(made, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            is_done = self._fill(made)
            with self._lock:
                if is_done:
                    with closing(sqlite3.connect(made)) as database:
                        _apply(database, self._changes)
                    made.replace(self.file)
        except AssetStoreError as error:
            self.problem = error.message
        except Exception:
            _log.exception("the gallery cannot make its index")
            self.problem = "the gallery failed; its log says why"
        finally:
            with self._lock:
                self._ended()
            _remove(made)

    def _sweep(self) -> None:
        """Remove what walks left that the end of their process cut short, and the indexes of stores that nobody searches."""
        for left in self.file.parent.iterdir():
            with suppress(OSError):
                if time.time() - left.stat().st_mtime > (LEFT_SECONDS if left.suffix == ".new" else UNUSED_SECONDS):
                    left.unlink()

    def _ended(self) -> None:
        if self.problem is not None:
            self._not_before = time.monotonic() + FRESH.total_seconds()
        self._changes.clear()
        self._walk = None

    def _fill(self, made: Path) -> bool:
        """Write what the store lists into a new file, and return whether nothing stopped it."""
        at, infos = datetime.now(UTC), self.store.list()
        with closing(sqlite3.connect(made)) as database:
            database.executescript(_SCHEMA)
            while some := list(islice(infos, min(_AT_ONCE, self.most - self.count))):
                if self._stopped.is_set() or not threading.main_thread().is_alive():
                    return False
                _insert(database, some)
                database.commit()
                self.count += len(some)
            is_whole = next(infos, None) is None
            database.execute("INSERT INTO facts VALUES (?, ?, ?)", (at.isoformat(timespec="seconds"), self.count, is_whole))
            database.commit()
        return True

    def _facts(self) -> dict[str, Any] | None:
        with self._reading() as database:
            if database is not None:
                at, count, whole = database.execute("SELECT at, count, whole FROM facts").fetchone()
                datetime.fromisoformat(at)
                return {"as_of": at, "count": count, "whole": bool(whole)}
        return None

    def _reading(self) -> Reading:
        return Reading(self.file)


@attrs.define(eq=False)
class Reading:
    """Opens an index to read it. A damaged one is removed; where it cannot be read, the block ends without an answer."""

    file: Path
    _database: sqlite3.Connection | None = attrs.field(default=None, init=False)

    def __enter__(self) -> sqlite3.Connection | None:
        """Return the index, ``None`` if there is none."""
        until = time.monotonic() + QUERY_SECONDS
        with suppress(sqlite3.OperationalError):  # it is not there
            self._database = sqlite3.connect(f"{self.file.absolute().as_uri()}?mode=ro", uri=True, timeout=QUERY_SECONDS)
            self._database.set_progress_handler(lambda: time.monotonic() > until, 100_000)
        return self._database

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> bool:
        """Close it, and return whether the error was its own."""
        if self._database is not None:
            self._database.close()
        if isinstance(error, sqlite3.OperationalError) and "no such" not in str(error):
            _log.warning("the gallery cannot read its index", exc_info=error)
            return True
        if isinstance(error, sqlite3.Error | TypeError | ValueError) and not isinstance(error, AssetStoreError):
            _remove(self.file)
            return True
        return False


def _remove(file: Path) -> None:
    with suppress(OSError):
        file.unlink(missing_ok=True)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogatepass")


def _insert(database: sqlite3.Connection, infos: Iterable[AssetInfo]) -> None:
    rows = (
        (
            *(_bytes(info.key), _bytes(info.key[: info.key.rfind("/") + 1]), _bytes(folded(info.key))),
            *(KINDS.index(kind_of(type_of(info))), info.size),
            info.last_modified and (info.last_modified - _EPOCH) // _MICROSECOND,
            *(info.etag, info.content_type, info.valid),
        )
        for info in infos
    )
    database.executemany("INSERT OR REPLACE INTO assets VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)


def _apply(database: sqlite3.Connection, changes: Mapping[str, AssetInfo | None]) -> None:
    # A journal on the disk could be taken for that of the file which another process puts in its place.
    database.execute("PRAGMA journal_mode = MEMORY")
    with database:
        database.executemany("DELETE FROM assets WHERE key = ?", [(_bytes(key),) for key in changes])
        _insert(database, [info for info in changes.values() if info is not None])


def _info(row: tuple[Any, ...]) -> AssetInfo:
    _, key, size, modified, etag, content_type, valid = row
    return AssetInfo(
        key=_text(key),
        size=size,
        etag=etag,
        last_modified=None if modified is None else _EPOCH + modified * _MICROSECOND,
        content_type=content_type,
        valid=bool(valid),
    )


def _condition(prefix: str, words: list[str]) -> tuple[str, list[Any]]:
    """Return the condition of the assets below a prefix that have the words in the rest of their keys.

    To fold a key is to fold its characters one by one, so the fold of the prefix is the beginning of that of the key.
    """
    below = _bytes(prefix)
    where, values = "key >= ? AND key < ?", [below, below + b"\xff"]
    if not words:
        return f"{where} AND folder = ?", [*values, below[: below.rfind(b"/") + 1]]
    begin = len(_bytes(folded(prefix))) + 1
    where += " AND instr(substr(folded, ?), ?) > 0" * len(words)
    return where, [*values, *(value for word in words for value in (begin, _bytes(word)))]


def _folders(database: sqlite3.Connection, prefix: str) -> Iterator[str]:
    """Yield the folders in a folder, by a leap from each to behind what is in it."""
    below = start = _bytes(prefix)
    folder = below[: below.rfind(b"/") + 1]
    sql = "SELECT key FROM assets WHERE key >= ? AND key < ? AND folder <> ? ORDER BY key LIMIT 1"
    while (row := database.execute(sql, (start, below + b"\xff", folder)).fetchone()) is not None:
        name = row[0][: row[0].index(b"/", len(below)) + 1]
        yield _text(name)
        start = name + b"\xff"


def _after(cursor: str) -> tuple[int, bytes]:
    """Return the place that a cursor stands for: what is sorted by, and the key."""
    try:
        value, key = json.loads(cursor.removeprefix(CURSOR))
        if isinstance(value, int) and abs(value) < 1 << 63:
            return value, _bytes(key)
    except (ValueError, TypeError, AttributeError, RecursionError):
        pass
    raise InvalidOptionError("cursor must be one that a page before gave", hint="begin with the first page")
