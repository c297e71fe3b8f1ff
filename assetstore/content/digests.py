"""Compares bytes with ``AssetInfo.digest``, piece by piece as they arrive."""

from __future__ import annotations

import hashlib
from typing import Any, ClassVar, Protocol

from assetstore.errors import IntegrityError


class _Hash(Protocol):
    def update(self, data: Any, /) -> object: ...

    def hexdigest(self) -> str: ...


class Verifier:
    """Hashes the bytes of a whole asset and compares them with its digest; nothing is compared where none is known.

    Attributes:
        PARTS: before the size of a part in a digest of the MD5s of equal parts, for example ``md5-parts/5242880:HEX-3``.
        knows: whether there is a digest of a kind that can be computed.
    """

    PARTS: ClassVar[str] = "md5-parts/"

    def __init__(self, digest: str | None) -> None:
        self._algorithm, _, self._expected = (digest or "").partition(":")
        self._hash = hasher(self._algorithm) if self._expected else None
        self.knows: bool = self._hash is not None

    def update(self, data: bytes | memoryview) -> None:
        """Take the next bytes of the asset."""
        if self._hash is not None:
            self._hash.update(data)

    def verify(self) -> None:
        """Raise IntegrityError if all bytes, which were taken, do not match the digest."""
        if self._hash is not None and self._hash.hexdigest() != self._expected:
            copied = ", or another program copied it in parts" if self._algorithm.startswith(self.PARTS) else ""
            raise IntegrityError(
                f"the bytes do not match the stored {self._algorithm} digest",
                hint=f"read again; if it fails again the stored asset is damaged{copied}: upload it again",
            )


def hasher(algorithm: str) -> _Hash | None:
    """Return what hashes by the algorithm in front of a digest's colon; ``None`` if that cannot be computed."""
    if algorithm.startswith(Verifier.PARTS):
        size = algorithm.removeprefix(Verifier.PARTS)
        return _PartsHash(int(size)) if size.isdecimal() and int(size) else None
    return hashlib.new(algorithm, usedforsecurity=False) if algorithm in hashlib.algorithms_available else None


class _PartsHash:
    """The MD5 of the MD5s of parts of ``size`` bytes; the last may be smaller, and is empty only if it is the only one."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._left = size
        self._count = 1
        self._part = hashlib.md5(usedforsecurity=False)
        self._whole = hashlib.md5(usedforsecurity=False)

    def update(self, data: bytes | memoryview, /) -> None:
        view = memoryview(data)
        while view:
            if not self._left:
                self._whole.update(self._part.digest())
                self._part, self._left = hashlib.md5(usedforsecurity=False), self._size
                self._count += 1
            piece, view = view[: self._left], view[self._left :]
            self._part.update(piece)
            self._left -= len(piece)

    def hexdigest(self) -> str:
        whole = self._whole.copy()
        whole.update(self._part.digest())
        return f"{whole.hexdigest()}-{self._count}"
