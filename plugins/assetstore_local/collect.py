"""Finds what killed writers and changes by hand left in the folder, and removes it on request."""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import stat
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TypeAlias

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

_Look: TypeAlias = Callable[[Names, os.stat_result], Iterator[Leftover]]

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
            yield from self._each(TEMPORARY, self._unfinished_file)
        yield from _reported("unreadable folder", parts_folder.UPLOADS, self._uploads())
        # A digest is known to have no asset by the record beside it, so its turn comes before the records'.
        yield from _reported("unreadable folder", file_version.DIGESTS, self._each_below(file_version.DIGESTS, self._digest))
        yield from _reported("unreadable folder", (RESERVED,), self._each_below((RESERVED,), self._record))
        yield from self._emptied_folders()

    def _unfinished_file(self, names: Names, status: os.stat_result) -> Iterator[Leftover]:
        remove = functools.partial(staged_file.remove_left, self._tree, names[-1], self._is_old)
        # In a mere listing too, what a process has locked is in use.
        if self._is_old(status) and staged_file.remove_left(self._tree, names[-1], self._is_old, look_only=True):
            yield from self._leftover("unfinished file", names, status.st_size, status, remove)

    def _uploads(self) -> Iterator[Leftover]:
        for parts_id in parts_folder.all_ids(self._tree):
            yield from _reported("upload in parts", parts_folder.folder_of(parts_id), self._upload(parts_id))

    def _upload(self, parts_id: str) -> Iterator[Leftover]:
        key, size, status = parts_folder.look(self._tree, parts_id)
        if status is not None and self._is_meant(key):
            remove = functools.partial(parts_folder.remove_left, self._tree, parts_id, self._is_old)
            yield from self._leftover("upload in parts", parts_folder.folder_of(parts_id), size, status, remove)

    def _digest(self, names: Names, status: os.stat_result) -> Iterator[Leftover]:
        key = self._key_of((RESERVED, *names[-2:]))
        if self._is_meant(key) and (key is None or find(self._tree, key) is None):
            # A digest can be computed again, so nobody locks it.
            remove = functools.partial(self._unlink, names)
            yield from self._leftover("digest without an asset", names, status.st_size, status, remove)

    def _record(self, names: Names, status: os.stat_result) -> Iterator[Leftover]:
        key = self._key_of(names)
        if not self._is_meant(key):
            return
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
            waiting += [(*names, name) for name in below if self._may_be_above((*names, name))]
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

    def _each_below(self, above: Names, look: _Look) -> Iterator[Leftover]:
        """Yield the leftovers in the folders that the first byte of a key's hash names."""
        there = set(os.listdir(self._tree.folder(above)))
        for name in (f"{number:02x}" for number in range(256)):
            if name in there:
                yield from self._each((*above, name), look)

    def _each(self, folder: Names, look: _Look) -> Iterator[Leftover]:
        """Yield the leftovers that ``look`` finds among the files of a folder."""
        yield from _reported("unreadable folder", folder, self._among(folder, look))

    def _among(self, folder: Names, look: _Look) -> Iterator[Leftover]:
        for name in sorted(os.listdir(self._tree.folder(folder))):
            status = self._tree.status((*folder, name))
            if status is not None and stat.S_ISREG(status.st_mode):
                yield from _reported("unreadable file", (*folder, name), look((*folder, name), status))

    def _may_be_above(self, names: Names) -> bool:
        """Return whether the keys that are meant may lie in a folder, or are those in it."""
        prefix, within = self._options.prefix, _key_within(names)
        return not prefix or (within is not None and (within.startswith(prefix) or prefix.startswith(within)))

    def _remove_record(self, key: str | None, names: Names) -> bool:
        with records.locked_folder(self._tree, names[:-1]):
            # A writer of an asset writes the record first, and may have been half done.
            key = records.key_in(self._tree, names) or key
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


def _reported(kind: str, names: Names, found: Iterator[Leftover]) -> Iterator[Leftover]:
    """Yield what is found at a path, or why it cannot be looked at, which does not end the collection."""
    try:
        yield from found
    except FileNotFoundError:
        # It was removed meanwhile.
        return
    except (AssetStoreError, OSError) as error:
        yield _failed(kind, names, error)


def _failed(kind: str, names: Names, cause: AssetStoreError | OSError) -> Leftover:
    try:
        with explained():
            raise cause
    except AssetStoreError as error:
        return Leftover(kind=kind, name="/".join(names), error=error)


def _key_within(names: Names) -> str | None:
    """Return the beginning of the keys in a folder, with the ``/``; ``None`` if it can have none."""
    key = key_of((*names, "a"))
    return None if key is None else key[:-1]
