"""Reads and writes the XML of S3: flat documents whose elements hold texts, or repeated groups of texts."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping, Sequence
from xml.parsers import expat

import attrs

GROUPS = frozenset({"Contents", "CommonPrefixes", "Deleted", "Error", "Part", "Upload"})
"""The elements that repeat; their texts are kept together."""


@attrs.frozen
class Document:
    """A document.

    Attributes:
        root: the name of its outermost element.
        texts: the text of each element outside of groups; blanks where an element is empty.
        groups: for each name of ``GROUPS`` its elements, each the texts by name.
        columns: the assets of a listing that are all built alike: the texts of all by name. ``groups`` has none of them.
    """

    root: str
    texts: dict[str, str]
    groups: Mapping[str, list[dict[str, str]]]
    columns: Mapping[str, Sequence[str]] = attrs.field(factory=dict)


NOTHING = Document("", {}, {name: [] for name in GROUPS})
"""Stands for what is not a document."""
_LAID_OUT = re.compile(rb">\s")
_BEGIN, _END = b"<Contents>", b"</Contents>"
_FLAT = re.compile(rb"<Contents>(?:<(\w+)>[^<]*</\1>)+</Contents>")
_NOT_ALLOWED = (b"\xef\xbf\xbe", b"\xef\xbf\xbf")
"""Characters that XML does not allow."""
_CONTROLS = bytes(range(32))
_NAMES = re.compile(r"<(\w+)>")
_DECLARED = re.compile(rb"""\s*<\?xml version=["']1\.0["'](?: encoding=["'](?i:utf-8)["'])?\s*\?>""")


def read(data: bytes) -> Document | None:
    """Return the document, or ``None`` if it is not XML, is cut, or declares entities.

    Listings are long, so there is no handler for the begin of an element: the text before its end is its own, and what comes
    before the end of a group belongs to the group, the first time together with what stands outside of all groups.
    """
    columns, rest = _columns(data)
    found = _read(rest)
    if found is None or not columns:
        return found
    first = {name: texts[0] for name, texts in columns.items()}
    return Document(found.root, {**first, **found.texts}, found.groups, columns)


def _columns(data: bytes) -> tuple[dict[str, Sequence[str]], bytes]:
    """Return the columns of a listing whose assets are all built alike, and the document without them.

    Almost every page is so, and a regular expression reads it in a fraction of the time. What might mean something else in
    XML is left to the parser, and so is the rest, which is a document if and only if the whole is one.
    """
    begin, end = data.find(_BEGIN), data.rfind(_END) + len(_END)
    first = _FLAT.match(data, begin) if begin >= 0 else None
    rest = data[:begin] + data[end:]
    declared = _DECLARED.match(rest)
    marked = rest[declared.end() :] if declared else rest
    if first is None or b"<!" in marked or b"<?" in marked or _BEGIN in rest:
        return {}, data
    part = data[begin:end]
    odd = not part.isascii() and any(each in part for each in _NOT_ALLOWED)
    if odd or len(part) != len(part.translate(None, _CONTROLS)) or part.count(b"<") != part.count(b">"):
        return {}, data
    try:
        text = part.decode()
    except ValueError:
        return {}, data
    names = tuple(_NAMES.findall(first[0].decode())[1:])
    if len(names) == 1:
        return {}, data  # findall would give texts instead of tuples
    found = _shape(names).findall(text)
    # They hold all tags, and nothing stands between them.
    if len(found) * 2 * (len(names) + 1) != text.count("<") or len(found) - 1 != text.count("</Contents><Contents>"):
        return {}, data
    columns: dict[str, Sequence[str]] = dict(zip(names, zip(*found, strict=True), strict=True))
    return (columns, rest) if _unescape(columns, text.count("&")) else ({}, data)


def _unescape(columns: dict[str, Sequence[str]], count: int) -> bool:
    """Put quotes for the entities of ETags; return whether these are all the entities, of which there are ``count``."""
    if not count:
        return True
    etags = "\n".join(columns.get("ETag", ()))
    plain = etags.replace("&quot;", '"').replace("&#34;", '"')
    columns["ETag"] = plain.split("\n")
    return "&" not in plain and etags.count("&") == count


@functools.lru_cache(maxsize=16)
def _shape(names: tuple[str, ...]) -> re.Pattern[str]:
    """Return what matches an asset of a listing with these elements."""
    elements = "".join(f"<{name}>([^<]*)</{name}>" for name in names)
    return re.compile(f"<Contents>{elements}</Contents>")


def _read(data: bytes) -> Document | None:
    characters: list[str] = []
    inside: dict[str, str] = {}
    groups: dict[str, list[dict[str, str]]] = {name: [] for name in GROUPS}
    last = ""

    def end(name: str) -> None:
        nonlocal inside, last
        last = name
        if name in GROUPS:
            groups[name].append(inside)
            inside = {}
        else:
            inside[name] = characters[-1] if characters else ""
            characters.clear()

    parser = expat.ParserCreate()
    parser.buffer_text, parser.buffer_size = True, 1 << 16
    parser.EndElementHandler, parser.CharacterDataHandler = end, characters.append
    if _LAID_OUT.search(data, data.find(b"<", data.find(b"?>") + 2)):
        parser.StartElementHandler = lambda *_: characters.clear()  # the blanks before an element are not its text
    parser.EntityDeclHandler = _refuse
    try:
        parser.Parse(data.lstrip(), True)  # some services send blanks until they have an answer
    except (expat.ExpatError, _EntityError, ValueError, LookupError):
        return None
    if last in GROUPS:
        return Document(last, groups[last].pop(), NOTHING.groups)
    for found in groups.values():
        if found:
            inside = {**found[0], **inside}
    return Document(last, inside, groups)


class _EntityError(Exception):
    """Raised at the first declaration of an entity: S3 has none, and they can grow without bound."""


def _refuse(*_: object) -> None:
    raise _EntityError


def write(root: str, group: str, items: Iterable[Mapping[str, object]], **texts: str) -> bytes:
    """Return a document of texts and groups."""
    groups = "".join(f"<{group}>{_elements(item)}</{group}>" for item in items)
    return f'<{root} xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{_elements(texts)}{groups}</{root}>'.encode()


def _elements(texts: Mapping[str, object]) -> str:
    return "".join(f"<{name}>{_escaped(str(text))}</{name}>" for name, text in texts.items())


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
