"""Says whether two assets of one size hold the same bytes, with as few requests and reads as that takes."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, Literal, TypeAlias

import attrs

from assetstore.content.digests import Verifier
from assetstore.errors import IntegrityError
from assetstore.options import HEADERS, TEXT_HEADERS
from assetstore.results import AssetInfo
from assetstore.sync.compare import kind_of
from assetstore.sync.sides import FileInfo, FolderSide, Side, StoreSide

Fact: TypeAlias = Literal["size", "digest", "bytes", "headers"]
PIECE = 1 << 18
DIGESTS = "the digests differ"
MTIME = "mtime"
"""The metadata that holds the time of a file, where a sync was asked to keep it. A time alone is not a difference."""


class NotComparable(Exception):  # noqa: N818 - not an error: the answer "nobody knows"
    """Nothing that both sides know tells whether the bytes are the same."""


@attrs.frozen
class Contents:
    """Compares pairs of assets that have one size in the listings of both sides.

    Attributes:
        source: the first side.
        destination: the second side.
        download: whether the bytes themselves are compared.
        headers: whether headers and metadata are compared too.
    """

    source: Side
    destination: Side
    download: bool = False
    headers: bool = False

    def listed(self, one: AssetInfo, other: AssetInfo) -> bool | None:
        """Return whether two assets are equal, where the listings suffice to tell; otherwise ``None``."""
        if self.download or self.headers:
            return None
        return (one.digest is not None and one.digest == other.digest) or by_digest([one], [other])

    def difference(self, one: AssetInfo, other: AssetInfo) -> tuple[Fact, str] | None:
        """Return the first fact by which two assets differ, and it in words; ``None`` when they are equal.

        Raises:
            NotComparable: nothing that both sides know tells it.
            AssetStoreError: an asset could not be read.
            OSError: a file could not be read.
        """
        found = self._bytes(one, other) if self.download else self._digests(one, other)
        if found is not None or not self.headers:
            return found
        return _headers(_stat(self.source, one), _stat(self.destination, other))

    def _digests(self, one: AssetInfo, other: AssetInfo) -> tuple[Fact, str] | None:
        """Compare the digests of the listings, then those that the stores keep; a file of a folder is read for them."""
        ours, theirs = [one], [other]
        agree = by_digest(ours, theirs)
        sides = [(self.source, ours), (self.destination, theirs)]
        # What knows nothing yet is asked first, and may be all that is asked.
        sides.sort(key=lambda side: bool(side[1][0].digest))
        for side, infos in sides:
            agree = self._by_file(ours, theirs) if agree is None else agree
            if agree is None and isinstance(side, StoreSide):
                infos.append(_stat(side, infos[0]))
                if ours[-1].size != theirs[-1].size:
                    return "size", sizes(ours[-1], theirs[-1])
                agree = by_digest(ours, theirs)
        agree = self._by_file(ours, theirs) if agree is None else agree
        if agree is None:
            raise NotComparable(f"no digest of one kind: {_kinds(ours)} here, {_kinds(theirs)} there")
        return None if agree else ("digest", DIGESTS)

    def _by_file(self, ours: Sequence[AssetInfo], theirs: Sequence[AssetInfo]) -> bool | None:
        """Return whether the file of a folder has a digest that the other side knows."""
        for side, infos, known in ((self.source, ours, theirs), (self.destination, theirs, ours)):
            if isinstance(side, FolderSide):
                for info in known:
                    if info.digest and Verifier(info.digest).knows:
                        return has_digest(_file(side, infos[0]), info.digest)
        return None

    def _bytes(self, one: AssetInfo, other: AssetInfo) -> tuple[Fact, str] | None:
        with contextlib.ExitStack() as exits:
            here = exits.enter_context(_open(self.source, one))
            there = exits.enter_context(_open(self.destination, other))
            position = 0
            while True:
                ours, theirs = here.read(PIECE), there.read(PIECE)
                if ours != theirs:
                    return "bytes", f"bytes differ after {position + _common(ours, theirs):,}"
                if not ours:
                    return None
                position += len(ours)


def _headers(one: AssetInfo, other: AssetInfo) -> tuple[Fact, str] | None:
    named = [name for name in TEXT_HEADERS if getattr(one, name) != getattr(other, name)]
    if _metadata(one) != _metadata(other):
        named.append(HEADERS[-1])
    return ("headers", ", ".join(name.replace("_", "-") for name in named)) if named else None


def by_digest(ours: Sequence[AssetInfo], theirs: Sequence[AssetInfo]) -> bool | None:
    """Return whether digests of one kind agree; ``None`` where there are none of one kind."""
    if ours[0].digest and ours[0].digest == theirs[0].digest:
        return True  # as almost all pairs of a check
    known = {kind_of(info.digest): info.digest for info in ours if info.digest}
    for info in theirs:
        if info.digest and (found := known.get(kind_of(info.digest))):
            return found == info.digest
    return None


def has_digest(path: Path, digest: str) -> bool:
    """Return whether a file has a digest, of a kind that can be computed."""
    verifier = Verifier(digest)
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            verifier.update(piece)
    try:
        verifier.verify()
    except IntegrityError:
        return False
    return True


def sizes(one: AssetInfo, other: AssetInfo) -> str:
    """Return two sizes in words."""
    return f"{one.size:,} bytes here, {other.size:,} there"


def _stat(side: Side, info: AssetInfo) -> AssetInfo:
    return side.store.stat(info.key) if isinstance(side, StoreSide) else info


def _open(side: Side, info: AssetInfo) -> BinaryIO:
    if isinstance(side, StoreSide):
        return side.store.open(info.key)
    assert isinstance(side, FolderSide)
    return _file(side, info).open("rb")


def _file(side: FolderSide, info: AssetInfo) -> Path:
    assert isinstance(info, FileInfo)
    return side.folder / info.path


def _metadata(info: AssetInfo) -> dict[str, str]:
    return {name: text for name, text in (info.metadata or {}).items() if name != MTIME}


def _kinds(infos: Sequence[AssetInfo]) -> str:
    return " and ".join(sorted({kind_of(info.digest) for info in infos if info.digest})) or "none"


def _common(ours: bytes, theirs: bytes) -> int:
    """Return how many bytes two pieces have in common at their beginning."""
    pairs = enumerate(zip(ours, theirs, strict=False))
    return next((at for at, (one, other) in pairs if one != other), min(len(ours), len(theirs)))
