"""Says which file below a folder belongs to a key, and refuses what would lead out of it."""

from __future__ import annotations

import os
from pathlib import Path

from assetstore.errors import InvalidKeyError


def path_below(folder: Path, relative: str) -> Path:
    """Return the file for a key, or for its part below a folder.

    Raises:
        InvalidKeyError: the path would leave the folder, by its segments or by a link in the folder, or would not spell
            exactly this key.
    """
    require_relative(relative)
    path = os.path.join(folder, *relative.split("/"))
    top = os.path.realpath(folder)
    if os.path.commonpath([top, os.path.realpath(path)]) != top:
        raise InvalidKeyError(f"a link in {str(folder)!r} leads out of it", hint="remove the link, or use another folder")
    return Path(path)


def require_relative(relative: str) -> None:
    """Require a key that can be the path of a file below a folder, and spells exactly this key.

    Raises:
        InvalidKeyError: it cannot.
    """
    segments = relative.split("/")
    if "" in segments or "." in segments or ".." in segments:
        raise InvalidKeyError("the key has an empty segment, '.' or '..' and cannot be a path", hint="name a file for it")
    if not relative.isprintable() and any(not char.isprintable() and ord(char) < 160 for char in relative):
        raise InvalidKeyError("the key has a control character and cannot be a path", hint="name a file for it")
    if os.name == "nt" and ("\\" in relative or ":" in relative):
        raise InvalidKeyError("the key has '\\' or ':' and cannot be a path on Windows", hint="name a file for it")
