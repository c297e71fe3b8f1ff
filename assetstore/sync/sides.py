"""A side: a store, or the part of it below a folder of keys; or a folder of files. Both are walked in the order of keys."""

from __future__ import annotations

import contextlib
import os
import stat
import unicodedata
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol, TypeAlias

import attrs

from assetstore.content.atomic_file import PART_NAME
from assetstore.errors import (
    AssetStoreError,
    ConfigError,
    InvalidKeyError,
    InvalidOptionError,
    SourceError,
    StoreNotFoundError,
)
from assetstore.keys import is_valid_key
from assetstore.limits import OWN_FOLDER
from assetstore.results import AssetInfo
from assetstore.store import AssetStore
from assetstore.sync.address import Address

Problem: TypeAlias = Callable[[str, AssetStoreError], None]
"""Is called with the key and the error of what is there but cannot be read; who walks then must delete nothing."""


class Side(Protocol):
    """A source or a destination."""

    @property
    def name(self) -> str:
        """How messages name it, for example ``prod:maps/`` or ``./art``; it holds no secret."""

    def walk(self, problem: Problem) -> Iterator[AssetInfo]:
        """Yield every asset, its key relative to the side, in the order of the keys' UTF-8 bytes.

        Raises:
            AssetStoreError: the listing could not be read to its end.
        """


@attrs.frozen(eq=False)
class StoreSide:
    """A store, or a part of it.

    Attributes:
        store: the store, scoped to the part.
        name: how messages name it.
        sorts: whether to put the listing in the order of keys first, for a service that lists folder by folder.
    """

    store: AssetStore
    name: str
    sorts: bool = False

    def walk(self, problem: Problem) -> Iterator[AssetInfo]:
        """Yield what the store lists."""
        del problem  # a listing is whole or fails
        if not self.sorts:
            yield from self.store.list()
            return
        from assetstore.sync.sorting import sorted_on_disk  # by a database, which few services need

        yield from sorted_on_disk(self.store.list())


Stamp: TypeAlias = tuple[int, int, int, int]
"""Size, mtime and ctime in nanoseconds, and inode: as long as they stay, so do the bytes of a file."""


@attrs.frozen(kw_only=True, slots=False)
class FileInfo(AssetInfo):
    """A file of a folder.

    Attributes:
        stamp: changes whenever the bytes do.
        path: its path below the folder, as it is spelled there; the key is this in NFC.
        far_etag: the ETag of the asset of the other side that was found to have these bytes.
        stale: whether its digest was known, and the file was touched since.
    """

    stamp: Stamp
    path: str
    far_etag: str | None = None
    stale: bool = False

    @property
    def touched(self) -> datetime:
        """When the file or its inode changed last; who unpacks or restores files sets older times of change."""
        return datetime.fromtimestamp(max(self.stamp[1], self.stamp[2]) / 1e9, UTC)


@attrs.frozen(eq=False)
class FolderSide:
    """A folder of plain files, which have sizes and times but no headers.

    Attributes:
        folder: the folder.
        name: how messages name it.
    """

    folder: Path
    name: str

    def walk(self, problem: Problem) -> Iterator[FileInfo]:
        """Yield the files, but for what belongs to a store of files and for downloads that did not end.

        Links are not followed: they may lead anywhere, and in circles. Two names that are one key in NFC are a problem.

        Raises:
            StoreNotFoundError: the folder is missing.
            InvalidOptionError: it is a file.
        """
        if self.folder.is_file():
            raise InvalidOptionError(f"{self.name!r} must be a folder, and is a file", hint="name the folder of the file")
        if not self.folder.is_dir():
            raise StoreNotFoundError(f"the folder {self.name!r} is missing", hint="correct the path, or make the folder")
        yield from self._walk("", "", problem)

    def spelled(self, key: str) -> str:
        """Return the path for a new file. Folders that are there keep their spelling: in NFC they would be others."""
        *folders, name = key.split("/")
        path = ""
        for folder in folders:
            path += f"{_spelled(self.folder / path, folder)}/"
        return path + name

    def _walk(self, path: str, above: str, problem: Problem) -> Iterator[FileInfo]:
        """Yield the files below a folder: ``path`` is spelled as on the disk, and ``above`` in NFC."""
        try:
            with os.scandir(self.folder / path) as found:
                # A folder sorts as the keys below it do, which go on with "/".
                entries = sorted((_composed(e.name) + "/" * e.is_dir(follow_symlinks=False), e.name, e) for e in found)
        except OSError as error:
            problem(above, SourceError(f"the folder cannot be read: {error.strerror}", key=above))
            return
        previous = None
        for name, spelled, entry in entries:
            key = above + name
            if spelled == OWN_FOLDER or PART_NAME.fullmatch(spelled):
                continue
            if name == previous:
                message = "two names in the folder are this one key in NFC"
                problem(key, InvalidKeyError(message, hint="rename one of them, or leave them out by exclude", key=key))
            elif name.endswith("/"):
                yield from self._walk(f"{path}{spelled}/", key, problem)
            elif (file := _file(key, path + spelled, entry, problem)) is not None:
                yield file
            previous = name


def lies_below(key: str, unread: str) -> bool:
    """Return whether a key lies below what a walk could not read: a folder, or a link that may lead to one."""
    return not unread or key.startswith(f"{unread.removesuffix('/')}/")


def require_a_store(one: Side, other: Side, instead: str) -> None:
    """Refuse two folders of plain files; ``instead`` is the program for them.

    Raises:
        InvalidOptionError: both sides are folders.
    """
    if isinstance(one, FolderSide) and isinstance(other, FolderSide):
        hint = f"name one as a store, for example 'file:{other.name}'; or use {instead}"
        raise InvalidOptionError("both sides are folders of plain files, and one must be a store", hint=hint)


def stamp_of(found: os.stat_result) -> Stamp:
    """Return the stamp of a file."""
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino


def _composed(name: str) -> str:
    return name if name.isascii() else unicodedata.normalize("NFC", name)


def _spelled(above: Path, name: str) -> str:
    if name.isascii() or os.path.lexists(above / name):
        return name
    with contextlib.suppress(OSError):
        return next((found for found in os.listdir(above) if _composed(found) == name), name)
    return name


def _file(key: str, path: str, entry: os.DirEntry[str], problem: Problem) -> FileInfo | None:
    try:
        found = entry.stat(follow_symlinks=False)
        modified = datetime.fromtimestamp(found.st_mtime, UTC)
    except FileNotFoundError:
        return None  # it was removed meanwhile
    except (OSError, ValueError, OverflowError) as error:
        problem(key, SourceError(f"the file cannot be read: {error}", key=key))
        return None
    if not stat.S_ISREG(found.st_mode):
        kind = "a link is not followed" if stat.S_ISLNK(found.st_mode) else "must be a regular file"
        problem(key, SourceError(kind, hint="leave it out by exclude", key=key))
        return None
    return FileInfo(
        key=key,
        size=found.st_size,
        last_modified=modified,
        valid=is_valid_key(key),
        stamp=stamp_of(found),
        path=path,
    )


def open_side(
    given: str | Path | AssetStore | Side, exits: contextlib.ExitStack, *, default: str | None = None
) -> Side:
    """Return the side that is meant; a store that is opened for it is closed with ``exits``.

    A key names a folder of keys, and gets the ``/`` that it lacks: ``prod:site`` is not ``prod:site-old/`` too.

    Args:
        given: an address, the path of a folder, a store, which stays open, or a side.
        exits: closes what is opened.
        default: the name or URL of the store whose keys are addresses without a store; by default that of ``open_store``.

    Raises:
        ConfigError: the address names a store that is not configured or cannot be opened; the error says how to write it.
    """
    if isinstance(given, AssetStore):
        return StoreSide(given, given.name)
    if isinstance(given, Path):
        return FolderSide(given, str(given))
    if not isinstance(given, str):
        return given
    address = Address.parse(given)
    if address.path is not None:
        return FolderSide(address.path, str(address))
    store = exits.enter_context(_opened(address, default))
    named = attrs.evolve(address, store=address.store or store.name)
    return StoreSide(store.scoped(address.folder) if address.key else store, str(named))


def _opened(address: Address, default: str | None) -> AssetStore:
    from assetstore.config import open_store  # who has an open store needs no configuration

    try:
        return open_store(address.store or default)
    except ConfigError as error:
        if address.store is None and default is None:
            error.hint = f"write ./{address.key} for a folder, NAME:{address.key} for a store's, or choose the store by -s"
        raise
