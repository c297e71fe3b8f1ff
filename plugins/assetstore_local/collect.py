"""Finds what killed writers and changes by hand left in the folder, and removes it on request."""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import stat
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import attrs

from assetstore.plugin import AssetStoreError, CollectOptions, CollectReport, Leftover
from assetstore_local import listing
from assetstore_local.disk import file_version, parts_folder, records, staged_file
from assetstore_local.disk.json_file import TEMPORARY
from assetstore_local.disk.paths import RESERVED, Names, key_of
from assetstore_local.disk.root import Root
from assetstore_local.disk.tree import Tree
from assetstore_local.errors import explained
from assetstore_local.read import find

_NOT_EMPTY = (errno.ENOTEMPTY, errno.EEXIST)


def collect(root: Root, options: CollectOptions) -> CollectReport:
    """Return the leftovers that are old enough, and remove them if wanted."""
    if root.is_missing():
        return CollectReport()
    with explained(), root.open() as tree:
        return CollectReport(items=tuple(_Collection(tree, options)))


@attrs.define(eq=False)
class _Collection:
    """One look through a folder.

    Each ``remove`` looks again under the lock that writers hold, and says whether the leftover was still one.
    """

    _tree: Tree
    _options: CollectOptions

    def __iter__(self) -> Iterator[Leftover]:
        """Yield each leftover once what was wanted is done with it."""
        if not self._options.prefix:
            yield from self._unfinished_files()
        yield from self._uploads()
        # A digest is known to have no asset by the record beside it, so its turn comes before the records'.
        yield from self._digests()
        yield from self._records()
        yield from self._emptied_folders()

    def _unfinished_files(self) -> Iterator[Leftover]:
        for names, status in self._files(TEMPORARY):
            # In a mere listing too, what a process has locked is in use.
            remove = functools.partial(staged_file.remove_left, self._tree, names[-1], self._is_old)
            if staged_file.remove_left(self._tree, names[-1], self._is_old, look_only=True):
                yield from self._leftover("unfinished file", names, status.st_size, status, remove)

    def _uploads(self) -> Iterator[Leftover]:
        for parts_id in parts_folder.all_ids(self._tree):
            names = parts_folder.folder_of(parts_id)
            key, size, status = parts_folder.look(self._tree, parts_id)
            if status is not None and self._is_meant(key):
                remove = functools.partial(parts_folder.remove_left, self._tree, parts_id, self._is_old)
                yield from self._leftover("upload in parts", names, size, status, remove)

    def _digests(self) -> Iterator[Leftover]:
        for folder in self._folders(file_version.DIGESTS):
            for names, status in self._files(folder):
                key = self._key_of((RESERVED, *names[-2:]))
                if self._is_meant(key) and (key is None or find(self._tree, key) is None):
                    # A digest can be computed again, so nobody locks it.
                    remove = functools.partial(self._unlink, names)
                    yield from self._leftover("digest without an asset", names, status.st_size, status, remove)

    def _records(self) -> Iterator[Leftover]:
        for folder in self._folders((RESERVED,)):
            for names, status in self._files(folder):
                key = self._key_of(names)
                if not self._is_meant(key):
                    continue
                if key is None or find(self._tree, key) is None:
                    remove = functools.partial(self._remove_record, key, names)
                    yield from self._leftover("record without an asset", names, status.st_size, status, remove)
                else:
                    yield from self._damaged_record(key, names, status)

    def _damaged_record(self, key: str, names: Names, status: os.stat_result) -> Iterator[Leftover]:
        """Yield the record of an asset if it is damaged, however young; rebuild it if that is wanted."""
        item = _item("damaged record", names, status.st_size, status)
        try:
            records.load(self._tree, key)
        except records.DamagedRecordError:
            # Its writer may have been half done.
            with records.locked(self._tree, key):
                try:
                    restored = self._repair(key)
                except AssetStoreError as error:
                    yield attrs.evolve(item, error=error)
                else:
                    if restored is not None:
                        detail = "all is as it was" if restored else "what the bytes do not tell is lost"
                        yield attrs.evolve(item, repaired=True, detail=detail)

    def _repair(self, key: str) -> bool | None:
        """Return whether a damaged record got back all that was in it; ``None`` if it is not damaged."""
        try:
            records.load(self._tree, key)
        except records.DamagedRecordError:
            found = find(self._tree, key)
            if found is None or not self._options.repair:
                raise
            with explained():
                restored = records.rebuild(self._tree, key, found.names)
            records.load(self._tree, key)
            return restored
        return None

    def _emptied_folders(self) -> Iterator[Leftover]:
        found: list[tuple[Names, os.stat_result]] = []
        kept: set[Names] = set()
        waiting: list[Names] = [()]
        while waiting:
            names = waiting.pop()
            try:
                folder = self._tree.folder(names)
                status = os.fstat(folder)
                with os.scandir(folder) as scanned:
                    entries = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in scanned]
            except FileNotFoundError:
                continue
            except OSError as error:
                kept.add(names[:-1])
                yield _failed("unreadable folder", names, error)
                continue
            # Folders of other programs, such as .git, may need even their empty ones.
            below = [name for name, is_folder in entries if is_folder and not name.startswith(".")]
            waiting += [(*names, name) for name in below]
            if names:
                found.append((names, status))
            if len(below) < len(entries):
                kept.add(names)
        # A folder was found before those in it.
        for names, status in reversed(found):
            if names in kept or not self._is_old(status) or not self._is_meant(_key_within(names)):
                kept.add(names[:-1])
                continue
            yield from self._leftover("empty folder", names, 0, status, functools.partial(self._remove_folder, names))

    def _leftover(
        self, kind: str, names: Names, size: int | None, status: os.stat_result, remove: Callable[[], bool]
    ) -> Iterator[Leftover]:
        """Yield what is old enough, after removing it if that is wanted; nothing if it is a leftover no more."""
        if not self._is_old(status):
            return
        item = _item(kind, names, size, status)
        if not self._options.remove:
            yield item
            return
        try:
            with explained():
                if remove():
                    yield attrs.evolve(item, removed=True)
        except AssetStoreError as error:
            yield attrs.evolve(item, error=error)

    def _is_old(self, status: os.stat_result) -> bool:
        return self._options.are_met(_changed(status))

    def _is_meant(self, key: str | None) -> bool:
        """Return whether the leftovers of a key are meant; without a prefix also those of an unknown key."""
        return not self._options.prefix or (key is not None and key.startswith(self._options.prefix))

    def _key_of(self, record: Names) -> str | None:
        return records.key_in(self._tree, record) or self._keys.get(record[-2:])

    @functools.cached_property
    def _keys(self) -> dict[Names, str]:
        """The key of each asset by the last two names of its record, for what does not tell its key."""
        return {records.names_of(key)[-2:]: key for key in listing.all_keys(self._tree)}

    def _folders(self, above: Names) -> list[Names]:
        """Return the folders that the first byte of a key's hash names."""
        with contextlib.suppress(FileNotFoundError):
            there = set(os.listdir(self._tree.folder(above)))
            return [(*above, name) for number in range(256) if (name := f"{number:02x}") in there]
        return []

    def _files(self, folder: Names) -> Iterator[tuple[Names, os.stat_result]]:
        try:
            listed = sorted(os.listdir(self._tree.folder(folder)))
        except (FileNotFoundError, NotADirectoryError):
            return
        for name in listed:
            status = self._tree.status((*folder, name))
            if status is not None and stat.S_ISREG(status.st_mode):
                yield (*folder, name), status

    def _remove_record(self, key: str | None, names: Names) -> bool:
        with records.locked_folder(self._tree, names[:-1]):
            # A writer of an asset writes the record first.
            status = self._tree.status(names)
            if status is None or not self._is_old(status) or (key is not None and find(self._tree, key) is not None):
                return False
            return self._unlink(names)

    def _remove_folder(self, names: Names) -> bool:
        try:
            os.rmdir(names[-1], dir_fd=self._tree.folder(names[:-1]))
        except FileNotFoundError:
            return False
        except OSError as error:
            if error.errno in _NOT_EMPTY:
                return False
            raise
        return True

    def _unlink(self, names: Names) -> bool:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(names[-1], dir_fd=self._tree.folder(names[:-1]))
            return True
        return False


def _item(kind: str, names: Names, size: int | None, status: os.stat_result) -> Leftover:
    return Leftover(kind=kind, name="/".join(names), size=size, modified=_changed(status))


def _changed(status: os.stat_result) -> datetime:
    return records.info_of("", status).last_modified or datetime.now(UTC)


def _failed(kind: str, names: Names, cause: OSError) -> Leftover:
    try:
        with explained():
            raise cause
    except AssetStoreError as error:
        return Leftover(kind=kind, name="/".join(names), error=error)


def _key_within(names: Names) -> str | None:
    """Return the beginning of the keys in a folder, with the ``/``; ``None`` if it can have none."""
    key = key_of((*names, "a"))
    return None if key is None else key[:-1]
