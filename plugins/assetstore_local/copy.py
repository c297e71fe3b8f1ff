"""Copies assets inside the folder, or from that of another store, and changes their headers and metadata."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

import attrs

from assetstore.plugin import AssetInfo, CopyOptions, IntegrityError
from assetstore_local.disk import records
from assetstore_local.disk.file_version import digest_of
from assetstore_local.disk.root import Root
from assetstore_local.disk.staged_file import StagedFile
from assetstore_local.disk.tree import FILE, Tree, close_quietly
from assetstore_local.errors import explained, in_doubt
from assetstore_local.read import find_existing, look, open_in, require_match
from assetstore_local.upload import Conditions, put, require_absent, with_current

_CHUNK_BYTES = 1 << 20


def copy(root: Root, source: str, destination: str, options: CopyOptions) -> AssetInfo:
    """Copy the bytes of one version; when both keys are the same, change only the facts."""
    if root.rules:
        root.rules.require_metadata(options.metadata)
    if options.container is not None:
        other = attrs.evolve(root, path=options.container.name, create=True)  # a missing folder has no assets
        with explained(), other.open() as there, _opened(there, source, options) as original, root.writing() as tree:
            return _copy(root, tree, *original, destination, options)
    with explained(), root.open() as tree:
        if source != destination:
            with _opened(tree, source, options) as original:
                return _copy(root, tree, *original, destination, options)
        if not options.overwrite:
            require_absent(options.overwrite, look(tree, source))
        conditions = Conditions(if_match=options.if_match, rules=root.rules)
        return root.patiently(lambda: _update(tree, source, options, conditions))


@contextlib.contextmanager
def _opened(tree: Tree, key: str, options: CopyOptions) -> Iterator[tuple[AssetInfo, int]]:
    """Yield the facts and the open file of the asset to copy."""
    info, descriptor = open_in(tree, key)
    try:
        require_match(options.if_match, info.etag)
        yield info, descriptor
    finally:
        close_quietly(descriptor)


def _copy(
    root: Root, tree: Tree, info: AssetInfo, descriptor: int, destination: str, options: CopyOptions
) -> AssetInfo:
    with StagedFile(tree, root.rules) as staged:
        if not staged.copy_from(descriptor, info.size):
            while chunk := os.read(descriptor, _CHUNK_BYTES):
                staged.write(chunk)
        if staged.size != info.size or staged.digest != (info.digest or staged.digest):
            raise IntegrityError("the source is damaged, or changed while it was copied", hint="read it again")
        facts = records.changed({**info.given(), "digest": staged.digest}, options)
        conditions = Conditions(overwrite=options.overwrite, rules=root.rules)
        return root.patiently(lambda: put(staged, destination, facts, conditions))


def _update(tree: Tree, key: str, options: CopyOptions, conditions: Conditions) -> AssetInfo:
    """Replace the facts of an asset and keep its bytes; setting the modification time commits the change."""
    with records.locked(tree, key):
        found = find_existing(tree, key)
        conditions.require(found)
        # The file system may round the new time, so a scratch file tries it first.
        with StagedFile(tree) as trial:
            changed = trial.stamp(found.status.st_mtime_ns).st_mtime_ns
        old = records.load(tree, key)
        facts = records.facts_at(tree, key, found.names, found.status, old) or {
            **records.facts_by_hand(tree, key, found.names),
            "digest": digest_of(tree, key, found.names, found.etag),
        }
        facts = records.changed(facts, options)
        new = {f"{changed:x}-{found.status.st_size:x}": facts}
        records.replace(tree, key, with_current(tree, key, found, old, new))
        descriptor = os.open(found.names[-1], FILE, dir_fd=tree.folder(found.names[:-1]))
        try:
            os.utime(descriptor, ns=(changed, changed))
            with in_doubt("written"):
                tree.sync(descriptor)
                return records.info_of(key, os.fstat(descriptor), facts)
        finally:
            close_quietly(descriptor)
