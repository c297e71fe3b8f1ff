"""What a path means: the key of an asset, or a folder, which is the beginning of some keys."""

from __future__ import annotations

import errno
import os
from typing import Any
from urllib.parse import quote, unquote

PROTOCOL = "assetstore"


def split_url(path: Any) -> tuple[str, str]:
    """Return the store's name and the key of ``assetstore://NAME/key``; the name is ``""`` where the path has none.

    Slashes at the beginning stand for the root, since no key begins with one. All others belong to the key.
    """
    text = os.fspath(path)
    name = ""
    if text.startswith(f"{PROTOCOL}://"):
        name, _, text = text.removeprefix(f"{PROTOCOL}://").partition("/")
    return unquote(name), text.lstrip("/")


def url(name: str, path: str) -> str:
    """Return the URL of a path in the store of this name."""
    return f"{PROTOCOL}://{quote(name, safe=':')}/{path}"


def folder_prefix(path: str) -> str:
    """Return the beginning of the keys in a folder."""
    return f"{path}/" if path else ""


def require_file(path: Any, key: str) -> str:
    """Return the key of a file; a path that can only be a folder is refused, so that it does not become another key."""
    if not key or key.endswith("/"):
        raise IsADirectoryError(errno.EISDIR, "a path that is empty or ends in '/' is a folder, not a file", os.fspath(path))
    return key
