"""Replacing and removing the file of a key, exactly once among any number of writers."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Mapping
from typing import TypeAlias

import attrs

from assetstore import AlreadyExistsError, AssetInfo, AssetStoreError, PreconditionError, UnavailableError
from assetstore_local import records
from assetstore_local.failures import in_doubt
from assetstore_local.names import Names, key_of, places
from assetstore_local.r2_rules import R2Rules
from assetstore_local.reading import Found, find, find_existing
from assetstore_local.staging import StagedFile
from assetstore_local.tree import FILE, InTheWayError, Tree

_ATTEMPTS = 100

ChangeFacts: TypeAlias = Callable[[records.Facts], records.Facts]
Versions: TypeAlias = Mapping[str, records.Facts]


def require_match(if_match: str | None, etag: str | None) -> None:
    """Raise PreconditionError unless ``etag`` is the version that was asked for, if one was."""
    if if_match is not None and if_match != etag:
        state = "has another ETag" if etag else "does not exist"
        raise PreconditionError(f"the asset {state}", hint="stat it again and decide anew")


def require_absent(overwrite: bool, found: Found | AssetInfo | None) -> None:
    """Raise AlreadyExistsError when nothing may be overwritten and there is something."""
    if found is not None and not overwrite:
        raise AlreadyExistsError("the key is taken", hint="choose another key, or allow to overwrite")


@attrs.frozen(kw_only=True)
class Conditions:
    """What has to hold for a write, decided under the key's lock.

    Attributes:
        overwrite: whether there may be an asset.
        if_match: the ETag that the asset must have, if one was asked for.
        rules: those of R2, if they are to hold.
    """

    overwrite: bool = True
    if_match: str | None = None
    rules: R2Rules | None = None

    def require(self, found: Found | None) -> None:
        """Raise when the asset that was found, or its absence, does not fit."""
        require_absent(self.overwrite, found)
        require_match(self.if_match, found.etag if found else None)
        if self.rules and found:
            self.rules.require_pause(found.status.st_mtime_ns, time.time_ns())

    def last_time_for(self, found: Found) -> int:
        """Return the time, in ns, behind which that of the next version has to be."""
        pause = self.rules.pause if self.rules else 0.0
        return found.status.st_mtime_ns + max(int(pause * 1e9) - 1, 0)


def put(tree: Tree, key: str, staged: StagedFile, facts: records.Facts, conditions: Conditions) -> AssetInfo:
    """Make a staged file the asset of ``key``, if the conditions hold."""
    status = staged.settle()
    for _ in range(_ATTEMPTS):
        try:
            with records.locked(tree, key):
                found = find(tree, key)
                conditions.require(found)
                names = found.names if found else _free_names(tree, key)
                tree.folder(names[:-1], make=True)
                if found and status.st_mtime_ns <= (last := conditions.last_time_for(found)):
                    status = staged.settle(after=last)
                _record(tree, key, found, records.load(tree, key) if found else {}, {records.etag_of(status): facts})
                staged.move(names)
                return records.info_of(key, status, facts)
        except InTheWayError as obstacle:
            _make_way(tree, obstacle)
        except AssetStoreError:
            raise
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            # Somebody removed an empty folder that we had just opened, or made one, or a file, at our name.
            tree.forget()
    raise UnavailableError("other writers kept coming in between", hint="try again")


def update(tree: Tree, key: str, change: ChangeFacts, conditions: Conditions) -> AssetInfo:
    """Replace the facts of an asset and keep its bytes: setting the time of change is what commits it."""
    with records.locked(tree, key):
        found = find_existing(tree, key)
        conditions.require(found)
        # The new time is tried on a file of no importance first, for the file system may round it.
        with StagedFile(tree) as trial:
            changed = trial.stamp(found.status.st_mtime_ns).st_mtime_ns
        old = records.load(tree, key)
        facts = change(old.get(found.etag) or records.facts_by_hand(key))
        _record(tree, key, found, old, {f"{changed:x}-{found.status.st_size:x}": facts})
        descriptor = os.open(found.names[-1], FILE, dir_fd=tree.folder(found.names[:-1]))
        try:
            os.utime(descriptor, ns=(changed, changed))
            with in_doubt():
                tree.sync(descriptor)
            return records.info_of(key, os.fstat(descriptor), facts)
        finally:
            os.close(descriptor)


def remove(tree: Tree, key: str) -> Names | None:
    """Remove the file of an asset; return the folder that it stood in, or ``None`` when there was none."""
    if find(tree, key) is None:
        return None
    with records.locked(tree, key):
        found = None
        # From the last place to the first: otherwise one that was hidden would come to light.
        for names in reversed(places(key)):
            status = tree.status(names)
            if status is not None and stat.S_ISREG(status.st_mode):
                os.unlink(names[-1], dir_fd=tree.folder(names[:-1]))
                found = names[:-1]
    return found


def forget(tree: Tree, key: str) -> None:
    """Remove the record of a key whose file is gone for good: a file that came back would miss it."""
    with records.locked(tree, key):
        if find(tree, key) is None:
            records.remove(tree, key)


def _record(tree: Tree, key: str, found: Found | None, old: Versions, new: Versions) -> None:
    """Put the new version on record beside the one that still stands."""
    standing = {etag: facts for etag, facts in old.items() if found and etag == found.etag}
    records.save(tree, key, {**new, **standing})


def _free_names(tree: Tree, key: str) -> Names:
    plain, *_, marked = places(key)
    for names in (plain, marked):
        status = tree.status(names)
        if status is None:
            return names
        if not stat.S_ISDIR(status.st_mode):
            raise InTheWayError(names)
    raise InTheWayError(marked)


def _make_way(tree: Tree, obstacle: InTheWayError) -> None:
    """Give the file of an asset its marked name, so that there can be a folder of its plain name."""
    tree.forget()
    names, key = obstacle.names, key_of(obstacle.names)
    if key is None:
        raise obstacle
    with records.locked(tree, key):
        status = tree.status(names)
        plain, *_, marked = places(key)
        if status is None or (names == plain and stat.S_ISDIR(status.st_mode)):
            return
        if names != plain or not stat.S_ISREG(status.st_mode):
            raise obstacle
        folder, above = tree.folder(marked[:-1], make=True), tree.folder(plain[:-1])
        os.rename(plain[-1], marked[-1], src_dir_fd=above, dst_dir_fd=folder)
        tree.sync(folder)
