"""Tells the versions of a file apart: by modification time and size, and where the time is on no record, by digest.

A digest is computed once for a version and kept in ``.assetstore/digests``. It is apart from the record of the key: records
travel with the assets, for example through git, and the times of files do not.
"""

from __future__ import annotations

import contextlib
import hashlib
import os

from assetstore_local.disk import json_file, own_folder
from assetstore_local.disk.paths import RESERVED, Names
from assetstore_local.disk.tree import FILE, InTheWayError, Tree, close_quietly

DIGESTS: Names = (RESERVED, "digests")
_READ_BYTES = 1 << 20
_MOST_IN_MEMORY = 10_000


def etag_of(status: os.stat_result) -> str:
    """Return the ETag of a file's version."""
    return f"{status.st_mtime_ns:x}-{status.st_size:x}"


def digest_of(tree: Tree, key: str, names: Names, etag: str) -> str | None:
    """Return the digest of the file of ``key``, or ``None`` when the file has another ETag by now."""
    digest = tree.digests.get((key, etag)) or _kept(tree, key, etag) or _computed(tree, key, names, etag)
    if digest is not None:
        if len(tree.digests) >= _MOST_IN_MEMORY:
            tree.digests.clear()
        tree.digests[key, etag] = digest
    return digest


def forget_digest(tree: Tree, key: str) -> None:
    """Remove the digest of a deleted asset."""
    json_file.remove(tree, _names_of(key))


def _kept(tree: Tree, key: str, etag: str) -> str | None:
    try:
        digest = json_file.decoded(json_file.read(tree, _names_of(key)) or b"").get(etag)
    except (ValueError, OSError, InTheWayError):
        # The bytes tell the digest again.
        return None
    return digest if isinstance(digest, str) else None


def _computed(tree: Tree, key: str, names: Names, etag: str) -> str | None:
    try:
        descriptor = os.open(names[-1], FILE, dir_fd=tree.folder(names[:-1]))
    except FileNotFoundError:
        return None
    try:
        before, sha256 = os.fstat(descriptor), hashlib.sha256()
        while chunk := os.read(descriptor, _READ_BYTES):
            sha256.update(chunk)
        after = os.fstat(descriptor)
    finally:
        close_quietly(descriptor)
    if etag != etag_of(before) or before.st_ctime_ns != after.st_ctime_ns:
        return None
    digest = f"sha256:{sha256.hexdigest()}"
    # A reader may lack the right to write; it computes the digest once in each process.
    with contextlib.suppress(OSError, InTheWayError):
        own_folder.guard(tree)
        json_file.move(tree, json_file.stage(tree, json_file.encoded({etag: digest}), flush=False), _names_of(key))
    return digest


def _names_of(key: str) -> Names:
    digest = hashlib.sha256(key.encode()).hexdigest()
    return *DIGESTS, digest[:2], f"{digest[2:]}.json"
