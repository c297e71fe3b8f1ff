"""Reads the keys that a program expects, with their sizes: from a file, stdin or a query of an SQLite database."""

from __future__ import annotations

import contextlib
import csv
import io
import itertools
import json
import sys
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeAlias

from assetstore.cli.text import shown
from assetstore.errors import InvalidOptionError

Row: TypeAlias = tuple[int, object, object]
"""The number of a line or row, its key and its size, as they were read."""

_SUFFIXES = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}


def composed(key: str) -> str:
    """Return a key in NFC, the form in which a store keeps it."""
    return key if key.isascii() else unicodedata.normalize("NFC", key)


def collect(rows: Iterable[Row], prefix: str) -> dict[str, int | None]:
    """Return the size of each key that begins with ``prefix``, ``None`` if it is unknown; rows without a key are left out.

    Raises:
        InvalidOptionError: a key is not text, or a size is not a whole number.
    """
    expected: dict[str, int | None] = {}
    for number, key, size in rows:
        if key is None or key == "":
            continue
        if not isinstance(key, str):
            raise InvalidOptionError(f"row {number}: the key must be text, got {type(key).__name__}")
        if composed(key).startswith(composed(prefix)):
            expected[composed(key)] = _whole(number, size)
    return expected


def _whole(number: int, size: object) -> int | None:
    if size is None or size == "":
        return None
    with contextlib.suppress(ValueError):
        if isinstance(size, int | str) and not isinstance(size, bool) and int(size) >= 0:
            return int(size)
    hint = "give the key first and the size second, or call the columns key and size"
    raise InvalidOptionError(f"row {number}: the size must be a whole number, got {shown(str(size))}", hint=hint)


def read_file(path: str, form: str | None) -> Iterator[Row]:
    """Yield the rows of a file, or of stdin for ``-``. Without a form, its suffix or its first line decides.

    Raises:
        InvalidOptionError: the file is not UTF-8, or not of this form.
        OSError: the file cannot be read.
    """
    with contextlib.ExitStack() as stack:
        if path == "-":
            lines = io.TextIOWrapper(sys.stdin.buffer, encoding="utf-8-sig", newline="")
            stack.callback(lines.detach)
        else:
            lines = stack.enter_context(open(path, encoding="utf-8-sig", newline=""))
        try:
            first = next(lines, "")
            guessed = "jsonl" if first.startswith('{"') else "lines"
            read = FORMS[form or _SUFFIXES.get(Path(path).suffix.lower(), guessed)]
            yield from read(itertools.chain([first], lines))
        except UnicodeDecodeError as error:
            raise InvalidOptionError(f"the keys must be UTF-8: {error.reason}", hint="convert the file to UTF-8") from error


def query(database: str, statement: str) -> Iterator[Row]:
    """Yield the rows of a query; the database is opened for reading alone.

    Raises:
        InvalidOptionError: the database or the query is not valid.
    """
    import sqlite3

    try:
        with contextlib.closing(sqlite3.connect(f"{Path(database).absolute().as_uri()}?mode=ro", uri=True)) as connection:
            cursor = connection.execute(statement)
            if cursor.description is None:
                raise InvalidOptionError("the query returns no rows", hint="write a SELECT of keys, or of keys and sizes")
            key, size = _columns([column[0] for column in cursor.description])
            for number, row in enumerate(cursor, 1):
                yield number, row[key], None if size is None else row[size]
    except sqlite3.Error as error:
        raise InvalidOptionError(f"SQLite cannot answer the query: {error}", hint="correct the query") from error


def _columns(names: Sequence[str]) -> tuple[int, int | None]:
    """Return where the key and the size stand: under these names, or else first and, of two columns, second."""
    known = [name.strip().lower() for name in names]
    key = known.index("key") if "key" in known else 0
    others = [index for index in range(len(known)) if index != key]
    return key, known.index("size") if "size" in known else others[0] if len(others) == 1 else None


def _cells(rows: Iterable[tuple[int, Sequence[str]]], *, may_head: int) -> Iterator[Row]:
    """Yield the rows of a table, key and size first, unless its first row has a cell ``key`` and so names the columns.

    That row needs ``may_head`` cells: in a plain list ``key`` is a key like any other.
    """
    key, size = 0, 1
    for position, (number, cells) in enumerate(row for row in rows if any(row[1])):
        if position == 0 and len(cells) >= may_head and "key" in (cell.strip().lower() for cell in cells):
            key, named = _columns(cells)
            size = len(cells) if named is None else named
        elif key >= len(cells):
            raise InvalidOptionError(f"row {number} has no column for the key")
        else:
            yield number, cells[key], cells[size] if size < len(cells) else None


def _lines(lines: Iterable[str]) -> Iterator[Row]:
    """Yield a key for each line; no key contains a tab, so a size may follow one."""
    yield from _cells(((number, line.rstrip("\r\n").split("\t")) for number, line in enumerate(lines, 1)), may_head=2)


def _csv(lines: Iterable[str]) -> Iterator[Row]:
    reader = csv.reader(lines, strict=True)
    try:
        yield from _cells(((reader.line_num, cells) for cells in reader), may_head=1)
    except csv.Error as error:
        raise InvalidOptionError(f"row {reader.line_num} is not CSV: {error}") from error


def _json_lines(lines: Iterable[str]) -> Iterator[Row]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except ValueError as error:
            raise InvalidOptionError(f"row {number} is not JSON: {error}") from error
        if isinstance(value, dict) and "key" in value:
            yield number, value["key"], value.get("size")
        elif isinstance(value, str):
            yield number, value, None
        else:
            raise InvalidOptionError(f"row {number} must be an object with key and size, or a text")


FORMS: dict[str, Callable[[Iterable[str]], Iterator[Row]]] = {"lines": _lines, "csv": _csv, "jsonl": _json_lines}
