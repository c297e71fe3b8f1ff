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
    segments = relative.split("/")
    if any(segment in ("", ".", "..") for segment in segments):
        raise InvalidKeyError("the key has an empty segment, '.' or '..' and cannot be a path", hint="name a file for it")
    if any(not character.isprintable() and ord(character) < 160 for character in relative):
        raise InvalidKeyError("the key has a control character and cannot be a path", hint="name a file for it")
    if os.name == "nt" and ("\\" in relative or ":" in relative):
        raise InvalidKeyError("the key has '\\' or ':' and cannot be a path on Windows", hint="name a file for it")
    path = folder.joinpath(*segments)
    if not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder)):
        raise InvalidKeyError(f"a link in {str(folder)!r} leads out of it", hint="remove the link, or use another folder")
    return path
