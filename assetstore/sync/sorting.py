"""Puts a listing in the order of keys, in memory that does not grow with it."""

from __future__ import annotations

import contextlib
import pickle
import sqlite3
from collections.abc import Iterable, Iterator

from assetstore.results import AssetInfo


def sorted_on_disk(listing: Iterable[AssetInfo]) -> Iterator[AssetInfo]:
    """Yield what a listing has in the order of the keys' UTF-8 bytes, by way of a temporary file that nobody else sees."""
    with contextlib.closing(sqlite3.connect("", isolation_level=None)) as base:
        base.executescript("PRAGMA journal_mode=OFF; BEGIN;")
        base.execute("CREATE TABLE found (key BLOB PRIMARY KEY, info BLOB) WITHOUT ROWID")
        rows = ((info.key.encode(), pickle.dumps(info)) for info in listing)
        base.executemany("INSERT OR REPLACE INTO found VALUES (?, ?)", rows)
        for (data,) in base.execute("SELECT info FROM found ORDER BY key"):
            yield pickle.loads(data)  # noqa: S301 - the file is private, and is gone with the process
