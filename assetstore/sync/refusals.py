"""Finds the keys that a destination cannot hold, before anything is sent."""

from __future__ import annotations

import os
from pathlib import Path

import attrs

from assetstore.bulk.folder import require_relative
from assetstore.content.atomic_file import PART_NAME
from assetstore.errors import InvalidKeyError
from assetstore.keys import Scope
from assetstore.limits import OWN_FOLDER
from assetstore.store import AssetStore
from assetstore.sync.options import Refusal
from assetstore.sync.sides import FolderSide, Side, StoreSide
from assetstore.sync.spool import Spool

MAX_NAME = 255
"""Bytes of a name on a disk."""
MOST = 10_000
"""So many refusals are listed."""


@attrs.define(eq=False)
class Refusals:
    """The keys of one sync that the destination cannot hold.

    Attributes:
        destination: the destination.
        spool: remembers what a disk makes of each key.
        found: what was refused.
        folds: whether the disk takes upper for lower case; it is looked at unless that is known.
    """

    destination: Side
    spool: Spool
    found: list[Refusal] = attrs.field(factory=list)
    folds: bool = False
    _fitting: int = 0
    _above: list[tuple[str, bool]] = attrs.field(factory=list)

    def __attrs_post_init__(self) -> None:
        if isinstance(self.destination, FolderSide):
            self.folds = self.folds or folds_case(self.destination.folder)

    def add(self, key: str | None, message: str) -> None:
        """Add one."""
        if len(self.found) < MOST:
            self.found.append(Refusal(key=key, message=message))

    def look(self, key: str, *, valid: bool, written: bool) -> None:
        """Look at the next key, in their order.

        Args:
            key: the key.
            valid: whether it is valid.
            written: whether the source has it; what the destination alone has is only compared with it.
        """
        if written and (message := self._unfit(key, valid=valid)):
            self.add(key, message)
        elif isinstance(self.destination, FolderSide):
            self._compare_above(key, written=written)
            if self.folds:
                self._compare_folded(key, written=written)

    def _unfit(self, key: str, *, valid: bool) -> str | None:
        if not valid:
            return Scope().problem_of(key) or "the source lists the key as foreign"
        return self._unfit_for(self.destination.store, key) if isinstance(self.destination, StoreSide) else _unfit_path(key)

    def _unfit_for(self, store: AssetStore, key: str) -> str | None:
        size = len(key.encode())
        # No character of ASCII combines with the end of a prefix, so only its length can be too much.
        if size <= self._fitting and key[0].isascii():
            return None
        problem = store._problem_of(key)  # noqa: SLF001 - only stores know their scopes
        if problem is None:
            self._fitting = max(self._fitting, size)
        return problem

    def _compare_above(self, key: str, *, written: bool) -> None:
        """Compare a key with those that it begins with, all of which came before it."""
        while self._above and not key.startswith(self._above[-1][0]):
            self._above.pop()
        for above, above_written in self._above:
            if key[len(above)] == "/" and (written or above_written):
                self.add(key, f"a disk cannot have a file {above!r} and a folder of the same name")
        self._above.append((key, written))

    def _compare_folded(self, key: str, *, written: bool) -> None:
        other = self.spool.fold(key.casefold(), key, written=written)
        if other is not None and (written or other[1]):
            self.add(key, f"the disk takes it for {other[0]!r}")


def _unfit_path(key: str) -> str | None:
    try:
        require_relative(key)
    except InvalidKeyError as error:
        return error.message
    names = key.split("/")
    if OWN_FOLDER in names or PART_NAME.fullmatch(names[-1]):
        return "the name is kept for what belongs to a store of files"
    if len(key) > MAX_NAME // 4 and any(len(name.encode()) > MAX_NAME for name in names):
        return f"each name of the path must have at most {MAX_NAME} bytes of UTF-8"
    return None


def folds_case(folder: Path) -> bool:
    """Return whether a disk takes upper for lower case. Nothing is written: the folder's own path is looked at."""
    existing = next((path for path in (folder.absolute(), *folder.absolute().parents) if path.is_dir()), folder)
    for path in (existing, *existing.parents):
        other = path.with_name(path.name.swapcase()) if path.name else path
        if other != path:
            try:
                return os.path.samefile(path, other)
            except OSError:
                return False
    return False
