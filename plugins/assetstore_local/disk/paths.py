r"""Maps keys to the names of their files, relative to the root, and back. Pure functions, no I/O.

A segment of a key is the name of a file or folder, letter for letter. A segment that cannot be a name is marked with U+0080,
a control character that no valid key contains and that NFC leaves alone:

======================  ==========================================================================
``\x80e``               an empty segment, as in ``a//b`` and ``a/``
``.assetstore\x80r``    the segment ``.assetstore`` at the top, where the folder of that name is ours
``NAME\x80f``           the file of a key ``NAME`` while a folder has that name, for keys ``NAME/…``
``PART\x80+``           a folder that holds the rest of a segment too long for a name
======================  ==========================================================================
"""

from __future__ import annotations

import re
import unicodedata
from typing import TypeAlias

from assetstore.plugin import is_valid_key, limits

Names: TypeAlias = tuple[str, ...]

RESERVED = limits.OWN_FOLDER
_MARK = "\x80"
_MAX_NAME_BYTES = 255
_PART_BYTES = 250
# Keys whose segments are the names as they are, told apart quickly.
_ORDINARY = re.compile(r"(?!\.assetstore)[^/]+(?:/[^/]+)*")
_ORDINARY_LENGTH = _MAX_NAME_BYTES - len(f"{_MARK}f".encode())


def folder_of(prefix: str) -> Names:
    """Return the folder of the keys that begin with ``prefix``, which is ``""`` or ends in ``/``."""
    segments = prefix.split("/")[:-1]
    return tuple(name for index, segment in enumerate(segments) for name in folder_names(segment, top=index == 0))


def folder_names(segment: str, *, top: bool) -> Names:
    """Return the name of a segment's folder, or several nested ones when the segment is too long for a name."""
    return _fit(_mark(segment, top))


def candidates(key: str) -> tuple[Names, ...]:
    """Return the possible paths of the file of ``key``, in the order in which readers try them."""
    if len(key) <= _ORDINARY_LENGTH and key.isascii() and _ORDINARY.fullmatch(key):
        plain = tuple(key.split("/"))
        return plain, (*plain[:-1], f"{plain[-1]}{_MARK}f")
    head, slash, last = key.rpartition("/")
    folder = folder_of(head + slash)
    return tuple((*folder, *names) for names in file_names(last, top=not slash))


def file_names(segment: str, *, top: bool) -> tuple[Names, ...]:
    """Return the possible names of a file for a key's last segment: plain, in the other spelling, marked."""
    name = _mark(segment, top)
    plain = _fit(name)
    other = [(*plain[:-1], spelling) for spelling in spellings(plain[-1])[1:]]
    return plain, *other, _fit(f"{name}{_MARK}f")


def spellings(name: str) -> Names:
    """Return the possible spellings of a name: ours, and decomposed, as macOS programs may write it."""
    decomposed = name if name.isascii() else unicodedata.normalize("NFD", name)
    # A name found on the disk may not be UTF-8.
    too_long = len(decomposed.encode(errors="surrogateescape")) > _MAX_NAME_BYTES
    return (name,) if decomposed == name or too_long else (name, decomposed)


def key_of(names: Names) -> str | None:
    """Return the key whose file may have the path ``names``, or ``None``."""
    key = segment = ""
    for name in names[:-1]:
        found = read_name(segment, name, folder=True)
        if found is None:
            return None
        segment, complete = found
        if complete:
            key, segment = f"{key}{segment}/", ""
    found = read_name(segment, names[-1], folder=False)
    key += found[0] if found else ""
    return key if found and is_valid_key(key) and names in candidates(key) else None


def read_name(before: str, name: str, *, folder: bool) -> tuple[str, bool] | None:
    """Return the segment that ``name`` stands for and whether it is complete, or ``None`` if it is not a name of ours.

    Args:
        before: the beginning of the segment, if ``name`` is in a folder for the rest of a long one.
        name: the name of a file or folder.
        folder: whether it is a folder.
    """
    if name.isascii():
        return before + name, True
    if any("\ud800" <= character <= "\udfff" for character in name):
        # Python decodes bytes that are not UTF-8 as lone surrogates.
        return None
    text, *marks = unicodedata.normalize("NFC", name).split(_MARK)
    if marks and marks[-1] == "f" and not folder:
        marks.pop()
    if not marks:
        return before + text, True
    if marks == ["+"] and folder:
        return before + text, False
    if (marks, text) in ((["e"], ""), (["r"], RESERVED)) and not before:
        return text, True
    return None


def _mark(segment: str, top: bool) -> str:
    if not segment:
        return f"{_MARK}e"
    return f"{RESERVED}{_MARK}r" if top and segment == RESERVED else segment


def _fit(name: str) -> Names:
    parts: list[str] = []
    while len(encoded := name.encode()) > _MAX_NAME_BYTES:
        part = encoded[:_PART_BYTES].decode(errors="ignore")
        parts.append(f"{part}{_MARK}+")
        name = name[len(part) :]
    return (*parts, name)
