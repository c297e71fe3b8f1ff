"""Decides about one key that both sides have: nothing to do, other bytes, or other headers alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from assetstore.content.digests import Verifier, hasher
from assetstore.errors import SourceError
from assetstore.keys import glob_covers
from assetstore.options import HEADERS, TEXT_HEADERS
from assetstore.results import AssetInfo
from assetstore.sync.compare import difference, kind_of, may_be_newer
from assetstore.sync.contents import MTIME, PIECE, Contents, NotComparable
from assetstore.sync.options import CHANGED, HEADERS_FIXED, Fact, Kind, SyncOptions
from assetstore.sync.sides import FileInfo, FolderSide, Side, StoreSide, stamp_of

METADATA = HEADERS[-1]


@attrs.frozen(kw_only=True)
class Decision:
    """What is to be done with a key that both sides have.

    Attributes:
        kind: ``changed``, ``headers``, or ``None`` for nothing.
        fact: why it is ``changed``.
        headers: what to set for ``headers``.
        digest: that of the folder's file, if it was read.
    """

    kind: Kind | None = None
    fact: Fact | None = None
    headers: dict[str, Any] | None = None
    digest: str | None = None


NOTHING = Decision()


@attrs.frozen
class Decider:
    """Decides for one sync.

    Attributes:
        source: the source.
        destination: the destination.
        options: what was asked for.
    """

    source: Side
    destination: Side
    options: SyncOptions

    def listed(self, one: AssetInfo, other: AssetInfo) -> Decision | None:
        """Return what the listings tell; ``None`` where they do not suffice."""
        if one.size != other.size:
            return Decision(kind=CHANGED, fact="size")
        if not self.options.size_only and not self._has_etag(one, other):
            fact = difference(one, other)
            # What was read of a file at an earlier run does not count where all is to be compared.
            is_file = isinstance(one, FileInfo) or isinstance(other, FileInfo)
            is_known = _alike(one, other) and not (self.options.checksum and is_file)
            if is_known and fact == "digest":
                return Decision(kind=CHANGED, fact=fact)
            if not is_known and (self.options.checksum or fact is not None or self._must_read(one, other)):
                return None
        return None if self._needs_heads(one, other) else NOTHING

    def _has_etag(self, one: AssetInfo, other: AssetInfo) -> bool:
        """Return whether the asset is the version that was found to have the file's bytes."""
        if self.options.checksum:
            return False
        near, far = (one, other) if isinstance(one, FileInfo) else (other, one)
        return isinstance(near, FileInfo) and near.far_etag is not None and near.far_etag == far.etag

    def _must_read(self, one: AssetInfo, other: AssetInfo) -> bool:
        """Return whether a file may have other bytes although its time tells nothing of it."""
        for file, far in ((one, other), (other, one)):
            if isinstance(file, FileInfo) and (file.stale or (far.digest and Verifier(far.digest).knows)):
                return True
        return isinstance(one, FileInfo) and (other.last_modified is None or one.touched > other.last_modified)

    def _needs_heads(self, one: AssetInfo, other: AssetInfo) -> bool:
        """Return whether headers may differ, which no listing tells."""
        if not isinstance(self.destination, StoreSide):
            return False
        if self.options.headers and self.rule(one.key):
            return True
        return isinstance(self.source, StoreSide) and may_be_newer(one, other)

    def look(self, one: AssetInfo, other: AssetInfo) -> Decision:
        """Return what heads, stored digests and the bytes of files tell.

        Raises:
            AssetStoreError: an asset or a file could not be looked at.
        """
        fact, digest = (None, None) if self.options.size_only else self._compare(one, other)
        if fact is not None:
            return Decision(kind=CHANGED, fact=fact, digest=digest)
        if not isinstance(self.destination, StoreSide) or not self._needs_heads(one, other):
            return Decision(digest=digest)
        wanted = self.wanted(self._head(one), one.key)
        headers = differing(wanted, self.destination.store.stat(other.key))
        return Decision(kind=HEADERS_FIXED if headers else None, headers=headers or None, digest=digest)

    def _compare(self, one: AssetInfo, other: AssetInfo) -> tuple[Fact | None, str | None]:
        if isinstance(one, FileInfo):
            return self._compare_file(self.source, one, self.destination, other)
        if isinstance(other, FileInfo):
            return self._compare_file(self.destination, other, self.source, one)
        try:
            found = Contents(self.source, self.destination).difference(one, other)
        except NotComparable:
            return difference(one, other), None
        return (None if found is None else found[0]), None

    def _compare_file(self, near: Side, file: FileInfo, side: Side, far: AssetInfo) -> tuple[Fact | None, str | None]:
        """Compare a file with an asset of a store, by the digest that the store knows, and return that of the file."""
        assert isinstance(near, FolderSide)
        assert isinstance(side, StoreSide)
        if not far.digest or not Verifier(far.digest).knows:
            far = side.store.stat(far.key)
            if far.size != file.size:
                return "size", None
        if not far.digest or not Verifier(far.digest).knows:
            if near is self.source:
                is_newer = far.last_modified is None or file.touched > far.last_modified
                return ("time" if is_newer else None), None
            return difference(far, file), None
        if file.digest and not self.options.checksum and _alike(file, far):
            return (None if file.digest == far.digest else "digest"), file.digest
        digest = file_digest(near, file, kind_of(far.digest))
        return (None if digest == far.digest else "digest"), digest

    def _head(self, info: AssetInfo) -> AssetInfo | None:
        return self.source.store.stat(info.key) if isinstance(self.source, StoreSide) else None

    def rule(self, key: str) -> dict[str, Any]:
        """Return the headers that the caller's rules give a key."""
        given: dict[str, Any] = {}
        for glob, headers in self.options.headers.items():
            if glob_covers(glob, key, ignore_case=self.options.ignore_case):
                given.update(headers)
        return given

    def wanted(self, head: AssetInfo | None, key: str) -> dict[str, Any]:
        """Return the headers that an asset is to have at a store; ``head`` is what the source store has."""
        assert isinstance(self.destination, StoreSide)
        wanted: dict[str, Any] = {}
        if head is not None:
            wanted = {name: getattr(head, name) or "" for name in TEXT_HEADERS} | {METADATA: dict(head.metadata or {})}
            if not head.content_type:
                del wanted["content_type"]  # the store does not know it, and the destination has guessed
        wanted.update(self.rule(key))
        return {name: value for name, value in wanted.items() if self.destination.store.can(f"upload.{name}")}


def differing(wanted: Mapping[str, Any], there: AssetInfo) -> dict[str, Any]:
    """Return what ``update`` must set, so that an asset has these headers. The time of a file is kept, and is not one."""
    found = {}
    has = there.metadata or {}
    for name, value in wanted.items():
        if name == METADATA:
            kept = {MTIME: has[MTIME]} if MTIME in has else {}
            if {**value, MTIME: ""} != {**has, MTIME: ""}:
                found[name] = {**value, **kept}
        elif value != (getattr(there, name) or ""):
            found[name] = value
    return found


def _alike(one: AssetInfo, other: AssetInfo) -> bool:
    return bool(one.digest and other.digest) and kind_of(str(one.digest)) == kind_of(str(other.digest))


def file_digest(side: FolderSide, file: FileInfo, kind: str) -> str:
    """Return the digest of a file.

    Raises:
        SourceError: it cannot be read, or changed meanwhile.
    """
    digest = hasher(kind)
    assert digest is not None
    path = side.folder / file.path
    try:
        with path.open("rb") as opened:
            while piece := opened.read(PIECE):
                digest.update(piece)
            is_same = stamp_of(path.stat()) == file.stamp
    except OSError as error:
        raise SourceError(f"the file cannot be read: {error.strerror}", key=file.key) from error
    if not is_same:
        raise SourceError("the file changed while it was read", hint="run the sync again", key=file.key)
    return f"{kind}:{digest.hexdigest()}"
