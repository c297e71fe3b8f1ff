"""Begins, lists, ends and drops uploads whose parts clients send by signed requests."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Sequence

from assetstore.plugin import AssetInfo, BeginPartsOptions, IntegrityError, UploadedPart
from assetstore_local.disk import parts_folder
from assetstore_local.disk.parts_folder import NoUploadError, held, names_of, parts_in
from assetstore_local.disk.root import Root
from assetstore_local.disk.staged_file import StagedFile
from assetstore_local.disk.tree import FILE, close_quietly
from assetstore_local.errors import explained, in_doubt
from assetstore_local.upload import commit

_CHUNK_BYTES = 1 << 20


def begin(root: Root, key: str, options: BeginPartsOptions) -> str:
    """Begin an upload in parts and return its id."""
    if root.rules:
        root.rules.require_metadata(options.metadata)
    with root.writing() as tree, explained():
        return parts_folder.make(tree, key, options)


def require(staged: StagedFile, key: str, parts_id: str) -> None:
    """Check that the upload of a part exists.

    Raises:
        NoUploadError: there is no such upload of this key.
    """
    parts_folder.options_of(staged.tree, key, parts_id)


def save_part(staged: StagedFile, key: str, parts_id: str, part: UploadedPart) -> None:
    """Store a new file as a part, replacing any part of the same number.

    Raises:
        NoUploadError: there is no such upload of this key.
    """
    tree = staged.tree
    with explained(), held(tree, key, parts_id):
        staged.settle()
        tree.flush()
        staged.move(names_of(parts_id, part))
        with in_doubt("written"):
            tree.flush()
        for other in parts_in(tree, parts_id):
            if other.number == part.number and other.etag != part.etag:
                *folder, name = names_of(parts_id, other)
                os.unlink(name, dir_fd=tree.folder(tuple(folder)))


def listed(root: Root, key: str, parts_id: str) -> tuple[UploadedPart, ...]:
    """Return the stored parts, ordered by number.

    Raises:
        NoUploadError: there is no such upload of this key.
    """
    with explained(), root.open() as tree, held(tree, key, parts_id):
        return parts_in(tree, parts_id)


def end(root: Root, key: str, parts_id: str, parts: Sequence[UploadedPart]) -> AssetInfo:
    """Join the parts in a new file and make it the asset.

    Raises:
        NoUploadError: there is no such upload of this key.
        IntegrityError: ``parts`` is empty, or one of them is missing, differs from the stored one, or is damaged.
    """
    with root.new_file() as staged, explained(), held(staged.tree, key, parts_id) as options:
        _join(staged, parts_id, parts)
        info = commit(root, staged, key, options)
        # The asset is stored; a folder that cannot be removed now is swept later.
        with contextlib.suppress(OSError):
            parts_folder.remove(staged.tree, parts_id)
        return info


def drop(root: Root, key: str, parts_id: str) -> None:
    """Drop an upload and its parts, if it exists."""
    with root.writing() as tree, explained(), contextlib.suppress(NoUploadError), held(tree, key, parts_id):
        parts_folder.remove(tree, parts_id)


def _join(staged: StagedFile, parts_id: str, parts: Sequence[UploadedPart]) -> None:
    there = {part.number: part for part in parts_in(staged.tree, parts_id)}
    if not parts:
        raise IntegrityError("an upload in parts must have at least one part", hint="send the parts first")
    for part in parts:
        stored = there.get(part.number)
        if stored is None or stored.etag != part.etag.strip('"') or part.size not in (None, stored.size):
            raise IntegrityError(f"part {part.number} is missing or differs", hint="send it again")
    for part in parts:
        stored, md5 = there[part.number], hashlib.md5(usedforsecurity=False)
        *folder, name = names_of(parts_id, stored)
        descriptor = os.open(name, FILE, dir_fd=staged.tree.folder(tuple(folder)))
        try:
            while chunk := os.read(descriptor, _CHUNK_BYTES):
                md5.update(chunk)
                staged.write(chunk)
        finally:
            close_quietly(descriptor)
        if md5.hexdigest() != stored.etag:
            raise IntegrityError(f"part {part.number} was damaged on the disk", hint="send it again")
