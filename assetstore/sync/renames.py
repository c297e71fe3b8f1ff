"""Finds by their digests the new assets that the destination has under another key already."""

from __future__ import annotations

import contextlib
from typing import Any

import attrs

from assetstore.content.content_types import guess_headers
from assetstore.content.digests import Verifier
from assetstore.errors import AssetStoreError
from assetstore.sync.compare import kind_of
from assetstore.sync.decisions import Decider, file_digest
from assetstore.sync.options import DELETED, NEW, RENAMED
from assetstore.sync.sides import FileInfo, FolderSide, Side, StoreSide
from assetstore.sync.spool import Spool, Step


@attrs.frozen
class Renames:
    """The renames of one sync. Only assets of one size with another key are looked at, so most syncs read nothing for it.

    Attributes:
        source: the source.
        destination: the destination.
        spool: has the plan.
        decider: says which headers an asset gets.
    """

    source: Side
    destination: Side
    spool: Spool
    decider: Decider

    def find(self) -> None:
        """Make copies at the destination of the new assets whose bytes it has."""
        self.spool.share_sizes()
        kinds: set[str] = set()
        for step in self.spool.same_sizes(DELETED):
            found = self._with_digest(self.destination, step)
            if found.digest and Verifier(found.digest).knows:
                kinds.add(kind_of(found.digest))
        if not kinds:
            return
        for step in self.spool.same_sizes(NEW):
            found = self._with_digest(self.source, step, kinds)
            origin = self.spool.with_digest(found.digest, step.action.size) if found.digest else None
            if origin is not None and self._is_copied(step, origin):
                action = attrs.evolve(step.action, kind=RENAMED, origin=origin.action.key)
                facts: dict[str, Any] = {"etag": origin.etag, "written": origin.written}
                if isinstance(self.destination, FolderSide):
                    facts |= {"path": origin.path, "stamp": origin.stamp}
                self.spool.replace(attrs.evolve(found, action=action, **facts))
                self.spool.note_moved(origin.action.key)

    def _is_copied(self, step: Step, origin: Step) -> bool:
        """Return whether a copy has all that an upload would have: a file gets its content type by its name."""
        is_file = isinstance(self.source, FolderSide)
        return origin.valid and (not is_file or guess_headers(step.action.key) == guess_headers(origin.action.key))

    def _with_digest(self, side: Side, step: Step, kinds: set[str] | None = None) -> Step:
        """Return a step with the digest of its bytes, which is asked for or read where it is not known."""
        if (step.digest and (kinds is None or kind_of(step.digest) in kinds)) or not step.valid:
            return step
        digest = None
        with contextlib.suppress(AssetStoreError):  # without a digest the asset is sent
            if isinstance(side, StoreSide):
                digest = side.store.stat(step.action.key).digest
            elif isinstance(side, FolderSide) and step.stamp is not None:
                file = FileInfo(key=step.action.key, size=step.action.size, stamp=step.stamp, path=step.path)
                digest = file_digest(side, file, min(kinds) if kinds else "md5")
        found = attrs.evolve(step, digest=digest)
        if digest is not None:
            self.spool.replace(found)
        return found
