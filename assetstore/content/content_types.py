"""Guesses the content type from a file name and the category from a content type, the same on every machine.

``types.tsv`` beside this file holds the table, made by ``docs/generate_content_types.py`` from IANA's registry and the names
that browsers and the field's tools use. Its columns are suffix, media type, category, Content-Encoding and source; a line
that begins with a media type gives its name here.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import NamedTuple

DEFAULT_CONTENT_TYPE = "application/octet-stream"
_CATEGORIES = {"image": "images", "video": "videos", "audio": "audio", "text": "documents"}


class _Row(NamedTuple):
    kind: str
    category: str
    encoding: str | None


@functools.cache
def _lines() -> list[list[str]]:
    lines = Path(__file__).with_name("types.tsv").read_text(encoding="utf-8").splitlines()
    return [line.split("\t") for line in lines if not line.startswith("#")]


@functools.cache
def _table() -> dict[str, _Row]:
    return {line[0]: _Row(line[1], line[2], line[3] or None) for line in _lines() if line[0].startswith(".")}


@functools.cache
def _categories() -> dict[str, str]:
    return {row.kind: row.category for row in _table().values()}


@functools.cache
def _canonical_types() -> frozenset[str]:
    return frozenset(map(canonical, _categories()))


@functools.cache
def _aliases() -> dict[str, str]:
    """Return ``{other name: own name}``; the keys have no ``x-``."""
    own = {_bare(row.kind): row.kind for row in _table().values()}
    return own | {_bare(line[0]): line[1] for line in _lines() if "/" in line[0]}


def guess_content_type(name: str) -> str:
    """Return the media type of the name's suffix, ``application/octet-stream`` for an unknown one.

    A compressed file (``map.svg.gz``) has the type of its compression, ``application/gzip``, which is that of its bytes,
    unless ``guess_content_encoding`` names a coding for it.
    """
    return guess_headers(name)[0]


def guess_headers(*names: str) -> tuple[str, str | None]:
    """Return Content-Type and Content-Encoding by the first of these names whose suffix is known."""
    for name in names:
        if row := _row(name):
            return row.kind, row.encoding
    return DEFAULT_CONTENT_TYPE, None


def guess_content_encoding(name: str) -> str | None:
    """Return the Content-Encoding of files with such names, ``gzip`` or ``br``, or ``None``.

    It is known of ``.svgz``, as SVG's registration defines it, and of what pages and game engines load packed:
    ``.wasm``, ``.js``, ``.mjs``, ``.css``, ``.data`` and ``.symbols.json`` before ``.gz`` or ``.br``.
    """
    return guess_headers(name)[1]


def essence(content_type: str) -> str:
    """Return a content type in lower case, without its parameters."""
    return content_type.partition(";")[0].strip().lower() or DEFAULT_CONTENT_TYPE


@functools.lru_cache(maxsize=4096)
def canonical(content_type: str) -> str:
    """Return the one name of a type that has several: ``audio/wav`` for ``audio/x-wav``. Parameters are dropped."""
    kind = essence(content_type)
    return _aliases().get(_bare(kind), kind)


def is_known_type(content_type: str) -> bool:
    """Return whether the table of suffixes names this type."""
    return canonical(content_type) in _canonical_types()


def category_of(content_type: str) -> str:
    """Return ``images``, ``videos``, ``audio``, ``documents`` or ``other`` for a media type."""
    kind = essence(content_type)
    known = _categories().get(kind) or _CATEGORIES.get(kind.partition("/")[0])
    return known or _categories().get(canonical(kind), "other")


def _row(name: str) -> _Row | None:
    file = name.replace("\\", "/").rpartition("/")[2].lower().rstrip(" .").lstrip(".")
    table, parts = _table(), file.rsplit(".", 3)[1:]
    # The longest suffix first: "js.map" before "map".
    while parts:
        if row := table.get("." + ".".join(parts)):
            return row
        del parts[0]
    return None


def _bare(kind: str) -> str:
    return kind.replace("/x-", "/", 1)
