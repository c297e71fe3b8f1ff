"""Folders, which a store does not have: a folder is there as long as a key begins with its path and ``/``.

An empty asset whose key ends with ``/`` marks a folder, as the consoles of S3 services make them. Foreign keys that break
our rules cannot be named, so they are not listed; to remove a folder removes them too.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias

from assetstore import AssetInfo, AssetStore
from assetstore.plugin import is_valid_key
from assetstore_fsspec.paths import folder_prefix

Entry: TypeAlias = dict[str, Any]


def file_entry(info: AssetInfo) -> Entry:
    """Return what fsspec tells of a file: name, size and type, and what the store knows beside them."""
    known = {
        "mtime": info.last_modified.timestamp() if info.last_modified else None,
        "etag": info.etag,
        "digest": info.digest,
        "content_type": info.content_type,
        "metadata": None if info.metadata is None else dict(info.metadata),
    }
    given = {name: value for name, value in known.items() if value is not None}
    return {"name": info.key, "size": info.size, "type": "file", **given}


def folder_entry(path: str) -> Entry:
    """Return what fsspec tells of a folder."""
    return {"name": path, "size": 0, "type": "directory"}


def is_marker(info: AssetInfo) -> bool:
    """Return whether an asset only marks a folder."""
    return info.key.endswith("/") and not info.size


def children(store: AssetStore, path: str) -> tuple[list[Entry], list[Entry]] | None:
    """Return the files and the folders in a folder, or ``None`` where there is no such folder."""
    prefix = folder_prefix(path)
    files: list[Entry] = []
    folders: list[Entry] = []
    found = not path
    for item in store.list(prefix, recursive=False):
        found = True
        if isinstance(item, AssetInfo):
            files += _entries([item])
        elif item.key.endswith("//") or item.key == "/":
            # A folder without a name cannot be entered by a path. What is in it has names, for example ``a//b``.
            files += _entries(store.list(item.key))
        elif is_valid_key(item.key[:-1]):
            folders.append(folder_entry(item.key[:-1]))
    return (files, folders) if found else None


def _entries(infos: Iterable[AssetInfo]) -> Iterator[Entry]:
    return (file_entry(info) for info in infos if info.valid and not is_marker(info))


def descendants(store: AssetStore, path: str, maxdepth: int | None) -> tuple[list[Entry], list[Entry]]:
    """Return all files and all folders below a folder, from one flat listing."""
    prefix = folder_prefix(path)
    files: list[Entry] = []
    folders: dict[str, Entry] = {}
    for info in store.list(prefix):
        # What is in a folder without a name counts as in the one above, as for ``children``.
        head, empty, _ = f"/{info.key[len(prefix) :]}".partition("//")
        names = head.split("/")[1:] if empty else head.split("/")[1:-1]
        if maxdepth is None or len(names) < maxdepth:
            files += _entries([info])
        for folder in itertools.accumulate(names[:maxdepth], "{}/{}".format):
            if is_valid_key(prefix + folder):
                folders.setdefault(prefix + folder, folder_entry(prefix + folder))
    return files, list(folders.values())
