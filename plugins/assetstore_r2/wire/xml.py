"""Reads and writes the XML of S3: flat documents whose elements hold texts, or repeated groups of texts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
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
    """

    root: str
    texts: dict[str, str]
    groups: Mapping[str, list[dict[str, str]]]


NOTHING = Document("", {}, {name: [] for name in GROUPS})
"""Stands for what is not a document."""
_LAID_OUT = re.compile(rb">\s")


def read(data: bytes) -> Document | None:
    """Return the document, or ``None`` if it is not XML, is cut, or declares entities.

    Listings are long, so there is no handler for the begin of an element: the text before its end is its own, and what comes
    before the end of a group belongs to the group, the first time together with what stands outside of all groups.
    """
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
