"""Shows the beginning of a text: in its encoding, of a table row by row, and JSON indented."""

from __future__ import annotations

import codecs
import csv
import io
import json
from email.message import Message
from itertools import islice
from typing import Any

import attrs

from assetstore_gallery.kinds import essence_of

TEXT_BYTES = 1 << 16
"""How much of a text is read."""
ROWS, COLUMNS = 100, 50
_TABLES = ("text/csv", "text/tab-separated-values")
_SEPARATORS = ",;\t|"
_MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_ENCODINGS = ("utf-8", "utf-16", "ascii", "iso8859", "cp125", "cp866", "koi8", "mac-", "shift_jis", "euc", "gb", "big5")
"""How the names of encodings begin that browsers know too; others of Python's are no encodings of texts, or slow."""


@attrs.frozen
class Preview:
    """What is shown of a text.

    Attributes:
        text: its beginning.
        table: the first rows of its cells, if it is a table.
        is_whole: whether that is all of it.
    """

    text: str
    table: list[list[str]] | None
    is_whole: bool


def is_text(content_type: str) -> bool:
    """Return whether a Content-Type is that of a text."""
    essence = essence_of(content_type)
    return essence.startswith("text/") or essence == "application/json"


def preview(data: bytes, content_type: str, *, is_whole: bool) -> Preview:
    """Return what to show of a text, whatever its bytes are.

    Args:
        data: its first bytes.
        content_type: its Content-Type; a charset is heeded.
        is_whole: whether the bytes are all of it.
    """
    text, essence = _decoded(data, content_type, is_whole), essence_of(content_type)
    if essence == "application/json" and is_whole:
        text = _indented(text)
    rows = _rows(text, essence, is_whole) if essence in _TABLES else []
    table = [row[:COLUMNS] for row in rows[:ROWS]] or None
    return Preview(text, table, is_whole and table in (None, rows))


def _decoded(data: bytes, content_type: str, is_whole: bool) -> str:
    """Return a text by its mark, else its charset, else as UTF-8 or, where it is none, as Windows-1252, like browsers."""
    encoding = next((name for mark, name in _MARKS.items() if data.startswith(mark)), None) or _charset(content_type)
    if encoding is None:
        try:
            return codecs.getincrementaldecoder("utf-8")().decode(data, final=is_whole)
        except UnicodeDecodeError:
            encoding = "cp1252"
    return codecs.getincrementaldecoder(encoding)("replace").decode(data, final=is_whole)


def _charset(content_type: str) -> str | None:
    header = Message()
    header["content-type"] = content_type
    try:
        name = codecs.lookup(header.get_content_charset() or "").name
    except (LookupError, ValueError):
        return None
    return name if name.startswith(_ENCODINGS) else None


def _indented(text: str) -> str:
    """Return JSON with a line for each value, and as it is where that would change a value or it is no JSON."""
    try:
        value = json.loads(text, object_pairs_hook=_unique, parse_float=_exact, parse_constant=_exact)
        indented = json.dumps(value, indent=2, ensure_ascii=False)
        indented.encode()  # half of a surrogate pair may be escaped in JSON, and cannot be sent
    except (ValueError, RecursionError):
        return text
    return indented


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found


def _exact(text: str) -> float:
    number = float(text)
    if repr(number) != text:
        raise ValueError("Python writes the number in another way")
    return number


def _rows(text: str, essence: str, is_whole: bool) -> list[list[str]]:
    """Return the rows of a table, without the last one where it may be cut off; a text that is no table has none."""
    line = text.partition("\n")[0]
    separator = "\t" if essence == "text/tab-separated-values" else max(_SEPARATORS, key=line.count)
    try:
        rows = list(islice(csv.reader(io.StringIO(text, newline=""), delimiter=separator), ROWS + 2))
    except csv.Error:
        return []
    return rows if is_whole or len(rows) > ROWS + 1 else rows[:-1]
