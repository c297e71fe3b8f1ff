"""Writes assets: replaces the file of a key by a complete new one, under the key's lock."""

from __future__ import annotations

import contextlib
import functools
import os
import stat
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import attrs

from assetstore.plugin import AlreadyExistsError, AssetInfo, AssetStoreError, Source, UnavailableError, UploadOptions
from assetstore_local.disk import records
from assetstore_local.disk.file_version import etag_of
from assetstore_local.disk.paths import Names, candidates, key_of
from assetstore_local.disk.root import Root
from assetstore_local.disk.staged_file import StagedFile
from assetstore_local.disk.tree import InTheWayError, Tree
from assetstore_local.errors import explained, in_doubt
from assetstore_local.r2_rules import R2Rules
from assetstore_local.read import Found, found_last, look_for, require_match

_ATTEMPTS = 100

Versions: TypeAlias = Mapping[str, records.Facts]


def upload(root: Root, key: str, source: Source, options: UploadOptions) -> AssetInfo:
    """Write the bytes to a new file, then rename it into place under the key's lock."""
    if root.rules:
        root.rules.require_size(source.size)
        root.rules.require_metadata(options.metadata)
    with root.new_file() as staged:
        fill(staged, source)
        return commit(root, staged, key, options)


def fill(staged: StagedFile, source: Source) -> None:
    """Write all bytes of a source."""
    if source.descriptor is not None and staged.copy_from(source.descriptor, source.size or 0, source.copied):
        source.require_copied(staged.size)
        return
    for chunk in source.chunks():
        staged.write(chunk)


def commit(root: Root, staged: StagedFile, key: str, options: UploadOptions) -> AssetInfo:
    """Make a new file the asset of ``key``, if the conditions of ``options`` hold."""
    if root.rules:
        root.rules.require_metadata(options.metadata)
    facts = facts_of(staged, options)
    conditions = Conditions(overwrite=options.overwrite, if_match=options.if_match, rules=root.rules)
    with explained():
        return root.patiently(lambda: put(staged, key, facts, conditions))


def facts_of(staged: StagedFile, options: UploadOptions) -> records.Facts:
    """Return the headers, metadata and digest of a new file."""
    return records.changed({"digest": staged.digest}, options)


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
    staged.settle()
    write = Write(staged, key, facts, conditions)
    put_all(staged.tree, [write])
    if isinstance(write.result, AssetStoreError):
        raise write.result
    return write.result


@attrs.define(eq=False)
class Write:
    """A complete new file and the key whose asset it shall be.

    Attributes:
        staged: the file.
        key: the key.
        facts: its headers, metadata and digest.
        conditions: what must hold for the asset that is there.
        result: the new asset, or why there is none.
        again: whether another writer was in the way.
    """

    staged: StagedFile
    key: str
    facts: records.Facts
    conditions: Conditions
    result: AssetInfo | AssetStoreError = attrs.field(init=False)
    again: bool = attrs.field(init=False, default=True)
    _obstacle: InTheWayError | None = attrs.field(init=False, default=None)
    _names: Names = attrs.field(init=False, default=())
    _record: str | None = attrs.field(init=False, default=None)

    def prepare(self) -> None:
        """Write the record, which is flushed later; the caller holds the key's lock."""
        tree, staged = self.staged.tree, self.staged
        seen = look_for(tree, self.key)
        found = found_last(seen)
        self.conditions.require(found)
        self._names = found.names if found else _free_names(dict(seen))
        tree.folder(self._names[:-1], make=True)
        if found and staged.status.st_mtime_ns <= (last := self.conditions.last_time_for(found)):
            staged.settle(after=last)
        new = {etag_of(staged.status): self.facts}
        # Without an asset nobody needs the record yet, so it need not appear whole.
        if found or not records.create(tree, self.key, new):
            self._record = records.stage(tree, self.key, with_current(tree, self.key, found, self._old(found), new))

    def _old(self, found: Found | None) -> Versions:
        # To replace the asset is a way out of a damaged record.
        with contextlib.suppress(records.DamagedRecordError):
            return records.load(self.staged.tree, self.key) if found else {}
        return {}

    def show_record(self) -> None:
        """Replace the record; the new one was flushed."""
        if self._record is not None:
            staged, self._record = self._record, None
            records.move(self.staged.tree, staged, self.key)

    def show(self) -> None:
        """Replace the asset; file and record were flushed."""
        self.staged.move(self._names)
        self.result, self.again = records.info_of(self.key, self.staged.status, self.facts), False

    def drop_record(self) -> None:
        """Remove a new record that was not used."""
        if self._record is not None:
            records.drop(self.staged.tree, self._record)
            self._record = None

    def attempt(self, step: Callable[[Write], None]) -> bool:
        """Take a step and return whether it succeeded; the write ends with an error, unless another writer is to blame."""
        try:
            with explained():
                return self._attempt(step)
        except AssetStoreError as error:
            self.fail(error)
            return False

    def _attempt(self, step: Callable[[Write], None]) -> bool:
        try:
            step(self)
        except InTheWayError as obstacle:
            self._obstacle = obstacle
        except AssetStoreError:
            raise
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            # Another process removed an empty folder that we had just opened, or made a folder or file of our name.
            self.staged.tree.forget()
        else:
            return True
        return False

    def fail(self, error: AssetStoreError) -> None:
        """End the write with an error."""
        self.result, self.again = error, False

    def make_way(self) -> None:
        """Move the file away that another step met in place of a folder."""
        obstacle, self._obstacle = self._obstacle, None
        try:
            if obstacle is not None:
                _make_way(self.staged.tree, obstacle)
        except InTheWayError as error:
            self.fail(error)


def put_all(tree: Tree, writes: Sequence[Write]) -> None:
    """Make settled files the assets of their keys, each if its conditions hold; they share the flushes."""
    for _ in range(_ATTEMPTS):
        left = [write for write in writes if write.again]
        if not left:
            return
        try:
            _put_once(tree, left)
        except FileNotFoundError:
            # The folder of the locks itself is gone.
            tree.forget()
    for write in writes:
        if write.again:
            write.fail(UnavailableError("other writers kept changing the key", hint="try again"))


def _put_once(tree: Tree, writes: Sequence[Write]) -> None:
    """Write all records, then replace the records, then the assets: each must be on the disk before the next begins."""
    with records.locked(tree, *(write.key for write in writes)):
        try:
            ready = _flushed(tree, _each(writes, Write.prepare), explained)
            ready = _flushed(tree, _each(ready, Write.show_record), explained)
            _flushed(tree, _each(ready, Write.show), functools.partial(in_doubt, "written"))
        finally:
            for write in writes:
                write.drop_record()
    _each([write for write in writes if write.again], Write.make_way)


def _each(writes: Sequence[Write], step: Callable[[Write], None]) -> list[Write]:
    """Take a step with each write; return those that may take the next one."""
    return [write for write in writes if write.attempt(step)]


def _flushed(
    tree: Tree, writes: list[Write], explaining: Callable[[], contextlib.AbstractContextManager[None]]
) -> list[Write]:
    """Flush what the writes did; return them, or nothing when that failed."""
    try:
        if writes:
            tree.flush()
    except OSError as cause:
        for write in writes:
            try:
                with explaining():
                    raise cause
            except AssetStoreError as error:
                write.fail(error)
        return []
    return writes


def with_current(tree: Tree, key: str, found: Found | None, old: Versions, new: Versions) -> Versions:
    """Return what shall be on record: the new version beside the current one."""
    standing = records.facts_at(tree, key, found.names, found.status, old) if found else None
    return new if found is None or standing is None else {**new, found.etag: standing}


def _free_names(seen: Mapping[Names, os.stat_result | None]) -> Names:
    plain, *_, marked = seen
    for names in (plain, marked):
        status = seen[names]
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
