"""Deletes assets, and the folders that this leaves empty."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Sequence

from assetstore.plugin import AssetStoreError, DeleteFailure, DeleteReport, is_valid_key
from assetstore_local.disk import records
from assetstore_local.disk.file_version import forget_digest
from assetstore_local.disk.paths import Names, candidates
from assetstore_local.disk.root import Root
from assetstore_local.disk.tree import Tree
from assetstore_local.errors import explained, in_doubt
from assetstore_local.read import find


def delete(root: Root, keys: Sequence[str]) -> DeleteReport:
    """Remove the files, flush each folder once, then remove the records and the empty folders."""
    if root.is_missing():
        return DeleteReport(deleted=tuple(keys))
    errors: dict[str, AssetStoreError] = {}
    removed: dict[str, Names] = {}
    with explained(), root.open() as tree:
        for key in keys:
            try:
                # An invalid key has no file here.
                with explained():
                    folder = _remove(tree, key) if is_valid_key(key) else None
                    removed |= {} if folder is None else {key: folder}
            except AssetStoreError as error:
                errors[key] = error
        for folder in set(removed.values()):
            errors |= _flush(tree, folder, [key for key in removed if removed[key] == folder])
        for key in removed:
            # Without its asset a record means nothing, whatever happens to it.
            with contextlib.suppress(OSError, AssetStoreError):
                _forget(tree, key)
        for folder in set(removed.values()):
            tree.prune(folder)
    return DeleteReport(
        deleted=tuple(key for key in keys if key not in errors),
        failed=tuple(DeleteFailure(key=key, error=error) for key, error in errors.items()),
    )


def _flush(tree: Tree, folder: Names, keys: Sequence[str]) -> dict[str, AssetStoreError]:
    """Make the removals from a folder durable; return the errors of the keys for which that failed."""
    errors: dict[str, AssetStoreError] = {}
    try:
        with contextlib.suppress(FileNotFoundError):
            tree.sync(tree.folder(folder))
    except OSError as cause:
        for key in keys:
            try:
                with in_doubt("deleted"):
                    raise cause
            except AssetStoreError as error:
                errors[key] = error
    return errors


def _remove(tree: Tree, key: str) -> Names | None:
    """Remove the file of an asset; return its folder, or ``None`` when there was no file."""
    if find(tree, key) is None:
        return None
    with records.locked(tree, key):
        found = None
        # The first candidate hides the others, so it goes last.
        for names in reversed(candidates(key)):
            status = tree.status(names)
            if status is not None and stat.S_ISREG(status.st_mode):
                os.unlink(names[-1], dir_fd=tree.folder(names[:-1]))
                found = names[:-1]
    return found


def _forget(tree: Tree, key: str) -> None:
    """Remove the record of a key, unless the key has a new file, which needs it."""
    with records.locked(tree, key):
        if find(tree, key) is None:
            records.remove(tree, key)
            forget_digest(tree, key)
