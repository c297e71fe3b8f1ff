"""The bodies of reads: a range of a cached file, or the bytes from below, cached while they are read."""

from __future__ import annotations

from collections.abc import Callable

from assetstore.plugin import Body
from assetstore_wrappers.cache.folder import BLOCK_BYTES, Draft, Kept


class KeptRange:
    """A range of a cached file. Each block is verified before a byte of it is given; damaged ones come from below."""

    def __init__(self, kept: Kept, offset: int, length: int, *, again: Callable[[int, int], Body]) -> None:
        """Begin at ``offset``; ``again`` opens the bytes from below, from an offset and so many."""
        self._kept = kept
        self._position = offset
        self._left = length
        self._again = again
        self._block = b""
        self._below: Body | None = None

    def read(self, size: int = -1, /) -> bytes:
        """Return at most ``size`` bytes, all that are left for -1."""
        if size < 0:
            return b"".join(iter(lambda: self.read(BLOCK_BYTES), b""))
        if size and self._left and not self._block and self._below is None:
            self._next_block()
        if self._below is not None:
            return self._below.read(size)
        piece, self._block = self._block[:size], self._block[size:]
        self._position += len(piece)
        self._left -= len(piece)
        return piece

    def _next_block(self) -> None:
        number, skip = divmod(self._position, BLOCK_BYTES)
        block = self._kept.block(number)
        if block is None:
            self._kept.remove()
            self._below = self._again(self._position, self._left)
        else:
            self._block = block[skip:][: self._left]

    def close(self) -> None:
        """Close the file, and what was opened instead."""
        self._kept.close()
        if self._below is not None:
            self._below.close()


class CachingBody:
    """Passes on the bytes of a whole asset and caches them if they are read to the end."""

    def __init__(self, body: Body, draft: Draft) -> None:
        self._body = body
        self._draft = draft

    def read(self, size: int = -1, /) -> bytes:
        """Return the next bytes from below and write them to the draft."""
        data = self._body.read(size)
        self._draft.write(data)
        return data

    def close(self) -> None:
        """Release the stream below, and discard the draft if it is incomplete."""
        try:
            self._body.close()
        finally:
            self._draft.discard()
