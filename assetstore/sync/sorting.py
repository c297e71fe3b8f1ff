"""Puts assets in the order of their keys, in memory that does not grow with their number."""

from __future__ import annotations

import contextlib
import functools
import pickle
import sqlite3
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Self

import attrs

from assetstore.errors import BackendError, NoSpaceError
from assetstore.results import AssetInfo

STEP = 500
"""So many assets are written at once: beside threads that work, each call of SQLite may wait for its turn to run."""
_EPOCH, _TICK = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)


class SortedOnDisk:
    """Assets in a temporary file, which gives them back in the order of the keys' UTF-8 bytes.

    It belongs to the thread that made it, and goes however the process ends. Nobody else sees it.
    """

    def __init__(self) -> None:
        self._waiting: list[tuple[bytes, bytes]] = []
        self._made: sqlite3.Connection | None = None

    def add(self, info: AssetInfo) -> None:
        """Add an asset; it replaces an earlier one of its key."""
        # Names of files may have bytes that are not UTF-8.
        self._waiting.append((info.key.encode(errors="surrogatepass"), _packed(info)))
        if len(self._waiting) >= STEP:
            self._flushed()

    def __iter__(self) -> Iterator[AssetInfo]:
        """Yield what was added so far."""
        if self._made is None and not self._waiting:
            return
        with spooling_errors():
            for (data,) in self._flushed().execute("SELECT info FROM found ORDER BY key"):
                yield _unpacked(data)

    def _flushed(self) -> sqlite3.Connection:
        """Write what waits, and return the file, which has all of it."""
        with spooling_errors():
            if self._made is None:
                # With an empty name SQLite makes a temporary file when its cache is full, and unlinks it at once.
                self._made = sqlite3.connect("", isolation_level=None)
                self._made.executescript("PRAGMA journal_mode=OFF; BEGIN;")
                self._made.execute("CREATE TABLE found (key BLOB PRIMARY KEY, info BLOB) WITHOUT ROWID")
            self._made.executemany("INSERT OR REPLACE INTO found VALUES (?, ?)", self._waiting)
        self._waiting.clear()
        return self._made

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._made is not None:
            self._made.close()


def sorted_on_disk(listing: Iterable[AssetInfo]) -> Iterator[AssetInfo]:
    """Yield what a listing has in the order of keys."""
    with SortedOnDisk() as found:
        for info in listing:
            found.add(info)
        yield from found


def _packed(info: AssetInfo) -> bytes:
    """Return an asset as bytes, in a third of the time and half the space of its own pickle."""
    fields = dict(vars(info))
    if info.last_modified is not None:
        fields["last_modified"] = (info.last_modified - _EPOCH) // _TICK
    if info.metadata is not None:
        fields["metadata"] = dict(info.metadata)
    return pickle.dumps((type(info), *fields.values()), pickle.HIGHEST_PROTOCOL)


def _unpacked(data: bytes) -> AssetInfo:
    kind, *values = pickle.loads(data)  # noqa: S301 - the file is private, and is gone with the process
    fields = dict(zip(_names(kind), values, strict=True))
    if fields["last_modified"] is not None:
        fields["last_modified"] = _EPOCH + fields["last_modified"] * _TICK
    info: AssetInfo = kind(**fields)
    return info


@functools.cache
def _names(kind: type[AssetInfo]) -> tuple[str, ...]:
    return tuple(field.name for field in attrs.fields(kind))


@contextlib.contextmanager
def spooling_errors() -> Iterator[None]:
    """Raise an error of a temporary file as one of assetstore.

    Raises:
        NoSpaceError: there is no space for it.
        BackendError: it cannot be written or read.
    """
    try:
        yield
    except sqlite3.Error as error:
        kind = NoSpaceError if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL else BackendError
        hint = "free some space, or name another folder by SQLITE_TMPDIR"
        raise kind(f"what is compared cannot be kept in a temporary file: {error}", hint=hint) from error
