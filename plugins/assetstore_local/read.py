"""Reads and looks up assets: finds the file of a key and the facts of exactly that version."""

from __future__ import annotations

import contextlib
import errno
import io
import os
from pathlib import Path
from stat import S_ISREG

import attrs

from assetstore.plugin import AssetInfo, AssetStream, NotFoundError, PreconditionError, ReadOptions, UnavailableError
from assetstore_local.disk import records
from assetstore_local.disk.file_version import etag_of
from assetstore_local.disk.paths import Names, candidates
from assetstore_local.disk.root import Root
from assetstore_local.disk.tree import FILE, Tree, close_quietly
from assetstore_local.errors import explained

_ATTEMPTS = 100


def read(root: Root, key: str, options: ReadOptions) -> AssetStream:
    """Open an asset or a range of it; the stream keeps its version whatever is written meanwhile."""
    with explained(), root.open() as tree:
        info, descriptor = open_in(tree, key)
        file = io.FileIO(descriptor, "rb")
        try:
            require_match(options.if_match, info.etag)
            left = max(info.size - options.offset, 0)
            length = left if options.length is None else min(left, options.length)
            if length and options.offset:
                file.seek(options.offset)
        except BaseException:
            RangeBody(file, 0).close()
            raise
        return AssetStream(info=info, body=RangeBody(file, length), length=length)


def stat(root: Root, key: str) -> AssetInfo:
    """Look up an asset by its file and its record."""
    with explained(), root.open() as tree:
        return look(tree, key)


def path(root: Root, key: str) -> Path:
    """Return the path of an asset's file. No part of it below the root is a link."""
    with explained(), root.open() as tree:
        return Path(root.path, *find_existing(tree, key).names)


def open_file(root: Root, key: str) -> tuple[AssetInfo, int]:
    """Return the AssetInfo of an asset and a descriptor of its file, which the caller must close."""
    with explained(), root.open() as tree:
        return open_in(tree, key)


def require_match(if_match: str | None, etag: str | None) -> None:
    """Raise PreconditionError when ``if_match`` is given and is not ``etag``."""
    if if_match is not None and if_match != etag:
        state = "has another ETag" if etag else "does not exist"
        raise PreconditionError(f"the asset {state}", hint="stat it again, then decide")


@attrs.frozen
class Found:
    """The file of an asset.

    Attributes:
        names: its path below the root.
        status: its ``os.stat`` result.
    """

    names: Names
    status: os.stat_result

    @property
    def etag(self) -> str:
        """The ETag of the version."""
        return etag_of(self.status)


def find(tree: Tree, key: str) -> Found | None:
    """Return the file of ``key``, or ``None``."""
    # Between the looks at its two names a writer may have put a new version at the first and removed the second.
    return found_last(look_for(tree, key)) or found_last(look_for(tree, key))


def found_last(seen: list[tuple[Names, os.stat_result | None]]) -> Found | None:
    """Return the file that ``look_for`` ended at, or ``None``."""
    names, status = seen[-1]
    return Found(names, status) if status is not None and S_ISREG(status.st_mode) else None


def look_for(tree: Tree, key: str) -> list[tuple[Names, os.stat_result | None]]:
    """Return the candidates for the file of ``key`` with their statuses, up to the first that is a file.

    The order of the candidates matters: writers rename a file from its plain to its marked name, and never back. So whoever
    looks in this order misses it only if meanwhile a new version takes the plain name and the marked one is removed.
    """
    seen = []
    for names in candidates(key):
        seen.append((names, status := tree.status(names)))
        if status is not None and S_ISREG(status.st_mode):
            break
    return seen


def find_existing(tree: Tree, key: str) -> Found:
    """Return the file of ``key``.

    Raises:
        NotFoundError: there is none.
    """
    found = find(tree, key)
    if found is None:
        raise NotFoundError("there is no asset under this key")
    return found


def facts_of(tree: Tree, key: str, found: Found) -> records.Facts | None:
    """Return the facts of a version, or ``None`` when it was replaced meanwhile.

    Raises:
        DamagedRecordError: the record of this version is damaged.
    """
    versions = recorded(tree, key, found)
    facts = None if versions is None else records.facts_at(tree, key, found.names, found.status, versions)
    if versions is None or facts is not None:
        return facts
    # Our versions stay on record until they are replaced: a current one without a record was made by hand.
    return records.facts_by_hand(tree, key, found.names) if find_existing(tree, key).etag == found.etag else None


def recorded(tree: Tree, key: str, found: Found) -> dict[str, records.Facts] | None:
    """Return what is on record of a version and others, or ``None`` when it was replaced meanwhile.

    Raises:
        DamagedRecordError: the record is damaged.
    """
    try:
        return records.load(tree, key)
    except records.DamagedRecordError:
        # The record of a new asset is written in place; whoever saw the asset that was there before may read half of it.
        if find_existing(tree, key).etag == found.etag:
            raise
        return None


def look(tree: Tree, key: str) -> AssetInfo:
    """Return the AssetInfo of an asset."""
    for _ in range(_ATTEMPTS):
        found = find_existing(tree, key)
        facts = facts_of(tree, key, found)
        if facts is not None:
            return records.info_of(key, found.status, facts)
    raise _too_fast()


def open_in(tree: Tree, key: str) -> tuple[AssetInfo, int]:
    """Return the AssetInfo of an asset and a descriptor of its file, which the caller must close."""
    for _ in range(_ATTEMPTS):
        found = find_existing(tree, key)
        try:
            descriptor = os.open(found.names[-1], FILE, dir_fd=tree.folder(found.names[:-1]))
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ELOOP):
                raise
            continue
        facts = None
        try:
            found = Found(found.names, os.fstat(descriptor))
            facts = facts_of(tree, key, found) if S_ISREG(found.status.st_mode) else None
            if facts is not None:
                return records.info_of(key, found.status, facts), descriptor
        finally:
            if facts is None:
                close_quietly(descriptor)
    raise _too_fast()


class RangeBody:
    """Reads a range of an open file."""

    def __init__(self, file: io.FileIO, length: int) -> None:
        self._file = file
        self._left = length

    def read(self, size: int = -1, /) -> bytes:
        """Return at most ``size`` of the remaining bytes."""
        with explained():
            data = self._file.read(self._left if size < 0 else min(size, self._left))
        self._left -= len(data)
        return data

    def close(self) -> None:
        """Close the file, which was only read."""
        with contextlib.suppress(OSError):
            self._file.close()


def _too_fast() -> UnavailableError:
    return UnavailableError("the asset is replaced faster than it can be read", hint="try again")
