"""Finding the file of a key, together with the facts that belong to the very version that was found."""

from __future__ import annotations

import errno
import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager

import attrs

from assetstore import AssetInfo, NotFoundError, UnavailableError
from assetstore_local import records
from assetstore_local.failures import explained
from assetstore_local.names import Names, places
from assetstore_local.tree import FILE, Tree

_ATTEMPTS = 100


@attrs.frozen
class Found:
    """The file of an asset.

    Attributes:
        names: where it stands.
        status: what the system says of it.
    """

    names: Names
    status: os.stat_result

    @property
    def etag(self) -> str:
        """The name of the version."""
        return records.etag_of(self.status)


def find(tree: Tree, key: str) -> Found | None:
    """Return the file of ``key``, or ``None``.

    The order of places matters: writers move a file from its plain to its marked name and never back, so a reader that goes
    from one to the other cannot miss it.
    """
    for names in places(key):
        status = tree.status(names)
        if status is not None and stat.S_ISREG(status.st_mode):
            return Found(names, status)
    return None


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
    """Return the facts of a version that was found, or ``None`` when it was replaced meanwhile."""
    facts = records.load(tree, key).get(found.etag)
    if facts is not None:
        return facts
    # A version of ours is on record until it is replaced; if it still stands, it was made by hand.
    return records.facts_by_hand(key) if find_existing(tree, key).etag == found.etag else None


def look(tree: Tree, key: str) -> AssetInfo:
    """Return what is known of an asset."""
    for _ in range(_ATTEMPTS):
        found = find_existing(tree, key)
        facts = facts_of(tree, key, found)
        if facts is not None:
            return records.info_of(key, found.status, facts)
    raise _too_fast()


@contextmanager
def opened(tree: Tree, key: str) -> Iterator[tuple[AssetInfo, int]]:
    """Yield what is known of an asset and a descriptor of its file, closed at the end unless ``os.dup`` kept it."""
    for _ in range(_ATTEMPTS):
        found = find_existing(tree, key)
        try:
            descriptor = os.open(found.names[-1], FILE, dir_fd=tree.folder(found.names[:-1]))
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ELOOP):
                raise
            continue
        try:
            found = Found(found.names, os.fstat(descriptor))
            facts = facts_of(tree, key, found) if stat.S_ISREG(found.status.st_mode) else None
            if facts is not None:
                yield records.info_of(key, found.status, facts), descriptor
                return
        finally:
            os.close(descriptor)
    raise _too_fast()


class Run:
    """The bytes of a run of an open file."""

    def __init__(self, file: io.FileIO, length: int) -> None:
        self._file = file
        self._left = length

    def read(self, size: int = -1, /) -> bytes:
        """Return at most ``size`` bytes of what is left."""
        with explained():
            data = self._file.read(self._left if size < 0 else min(size, self._left))
        self._left -= len(data)
        return data

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _too_fast() -> UnavailableError:
    return UnavailableError("the asset is replaced faster than it can be read", hint="try again")
