"""Writes assets: replaces the file of a key by a complete new one, under the key's lock."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Mapping
from typing import TypeAlias

import attrs

from assetstore.plugin import AlreadyExistsError, AssetInfo, AssetStoreError, Source, UnavailableError, UploadOptions
from assetstore_local.disk import records
from assetstore_local.disk.file_version import etag_of
from assetstore_local.disk.paths import Names, candidates, key_of
from assetstore_local.disk.root import Root
from assetstore_local.disk.staged_file import StagedFile
from assetstore_local.disk.tree import InTheWayError, Tree
from assetstore_local.errors import explained
from assetstore_local.r2_rules import R2Rules
from assetstore_local.read import Found, find, require_match

_ATTEMPTS = 100

Versions: TypeAlias = Mapping[str, records.Facts]


def upload(root: Root, key: str, source: Source, options: UploadOptions) -> AssetInfo:
    """Write the bytes to a new file, then rename it into place under the key's lock."""
    if root.rules:
        root.rules.require_size(source.size)
        root.rules.require_metadata(options.metadata)
    with root.new_file() as staged:
        for chunk in source.chunks():
            staged.write(chunk)
        return commit(root, staged, key, options)


def commit(root: Root, staged: StagedFile, key: str, options: UploadOptions) -> AssetInfo:
    """Make a new file the asset of ``key``, if the conditions of ``options`` hold."""
    if root.rules:
        root.rules.require_metadata(options.metadata)
    facts = records.changed({"digest": staged.digest}, options)
    conditions = Conditions(overwrite=options.overwrite, if_match=options.if_match, rules=root.rules)
    with explained():
        return root.patiently(lambda: put(staged, key, facts, conditions))


def require_absent(overwrite: bool, found: Found | AssetInfo | None) -> None:
    """Raise AlreadyExistsError when an asset was found and must not be overwritten."""
    if found is not None and not overwrite:
        raise AlreadyExistsError("the key is taken", hint="choose another key or allow overwriting")


@attrs.frozen(kw_only=True)
class Conditions:
    """The conditions of a write, decided under the key's lock.

    Attributes:
        overwrite: whether an asset may be replaced.
        if_match: the ETag that the asset must have, or ``None`` for any.
        rules: R2's rules, if they apply.
    """

    overwrite: bool = True
    if_match: str | None = None
    rules: R2Rules | None = None

    def require(self, found: Found | None) -> None:
        """Raise unless the conditions hold for the asset found, or for its absence."""
        require_absent(self.overwrite, found)
        require_match(self.if_match, found.etag if found else None)
        if self.rules and found:
            self.rules.require_pause(found.status.st_mtime_ns, time.time_ns())

    def last_time_for(self, found: Found) -> int:
        """Return the modification time, in ns, that the next version must exceed."""
        pause = self.rules.pause if self.rules else 0.0
        return found.status.st_mtime_ns + max(int(pause * 1e9) - 1, 0)


def put(staged: StagedFile, key: str, facts: records.Facts, conditions: Conditions) -> AssetInfo:
    """Make a new file the asset of ``key``, if the conditions hold."""
    tree, status = staged.tree, staged.settle()
    for _ in range(_ATTEMPTS):
        try:
            with records.locked(tree, key):
                found = find(tree, key)
                conditions.require(found)
                names = found.names if found else _free_names(tree, key)
                tree.folder(names[:-1], make=True)
                if found and status.st_mtime_ns <= (last := conditions.last_time_for(found)):
                    status = staged.settle(after=last)
                record(tree, key, found, records.load(tree, key) if found else {}, {etag_of(status): facts})
                staged.move(names)
                return records.info_of(key, status, facts)
        except InTheWayError as obstacle:
            _make_way(tree, obstacle)
        except AssetStoreError:
            raise
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            # Another process removed an empty folder that we had just opened, or made a folder or file of our name.
            tree.forget()
    raise UnavailableError("other writers kept changing the key", hint="try again")


def record(tree: Tree, key: str, found: Found | None, old: Versions, new: Versions) -> None:
    """Record the new version beside the current one."""
    standing = records.facts_at(tree, key, found.names, found.status, old) if found else None
    records.save(tree, key, new if found is None or standing is None else {**new, found.etag: standing})


def _free_names(tree: Tree, key: str) -> Names:
    plain, *_, marked = candidates(key)
    for names in (plain, marked):
        status = tree.status(names)
        if status is None:
            return names
        if not stat.S_ISDIR(status.st_mode):
            raise InTheWayError(names)
    raise InTheWayError(marked)


def _make_way(tree: Tree, obstacle: InTheWayError) -> None:
    """Give the file of an asset its marked name, so that a folder can have its plain name."""
    tree.forget()
    names, key = obstacle.names, key_of(obstacle.names)
    if key is None:
        raise obstacle
    with records.locked(tree, key):
        status = tree.status(names)
        plain, *_, marked = candidates(key)
        if status is None or (names == plain and stat.S_ISDIR(status.st_mode)):
            return
        if names != plain or not stat.S_ISREG(status.st_mode):
            raise obstacle
        folder, above = tree.folder(marked[:-1], make=True), tree.folder(plain[:-1])
        os.rename(plain[-1], marked[-1], src_dir_fd=above, dst_dir_fd=folder)
        tree.sync(folder)
