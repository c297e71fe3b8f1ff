"""Opens an asset for a parser that may read only so many bytes, for so long."""

from __future__ import annotations

import contextlib
import io
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, BinaryIO, TypeAlias

from assetstore import AssetInfo, AssetStore, AssetStoreError
from assetstore.plugin import AssetStream, ReadAhead

ReadAt: TypeAlias = Callable[[int, int], bytes]
"""Returns from a position on at most so many bytes, at least one where there are any."""

MOST_BYTES = 8 << 20
"""Bytes that a parser may read, unless it says otherwise."""
MOST_SECONDS = 5.0
"""How long it may read, likewise, in seconds from its first byte on."""
JUMP = 1 << 16
"""What a jump costs at most, in bytes: a store answers it with as many."""

if TYPE_CHECKING:

    class _File(io.BufferedIOBase, BinaryIO):
        """For type checkers: what parsers take."""
else:
    _File = io.BufferedIOBase


class TooMuchError(Exception):
    """A parser wants more than it may have."""


class Bounded(_File):
    """The bytes of an asset as a file that seeks.

    Attributes:
        size: of the asset in bytes.
        fault: why the store failed, ``None`` if it did not. Parsers hide it.
    """

    def __init__(self, size: int, read_at: ReadAt, most: int, seconds: float) -> None:
        self.size = size
        self.fault: AssetStoreError | None = None
        self._read_at = read_at
        self._position = 0
        self._left = most
        self._seconds = seconds
        self._until: float | None = None  # what parses may take a while to start

    def readable(self) -> bool:
        """Return ``True``."""
        return True

    def seekable(self) -> bool:
        """Return ``True``."""
        return True

    def tell(self) -> int:
        """Return the position of the next byte."""
        return self._position

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Move to a position, at least to the first byte, and return it."""
        before = self._position
        self._position = max(0, (0, before, self.size)[whence] + offset)
        self._left -= min(abs(self._position - before), JUMP)
        return self._position

    def read(self, size: int | None = -1, /) -> bytes:
        """Return ``size`` bytes, all that are left for -1, fewer only at the end.

        Raises:
            TooMuchError: these bytes are more than may be read, or it takes too long.
        """
        there = max(0, self.size - self._position)
        wanted = there if size is None or size < 0 else min(size, there)
        self._left -= wanted
        now = time.monotonic()
        if self._until is None:
            self._until = now + self._seconds
        if self._left < 0 or now > self._until:
            raise TooMuchError
        pieces = []
        try:
            while wanted and (piece := self._read_at(self._position, wanted)):
                pieces.append(piece)
                self._position += len(piece)
                wanted -= len(piece)
        except AssetStoreError as error:
            self.fault = error
            raise
        return b"".join(pieces)


def version_of(store: AssetStore, info: AssetInfo) -> str | None:
    """Return what binds a read to the version that was looked at; ``None`` where the store cannot tell versions apart."""
    return info.etag if store.can("read.if_match") else None


@contextlib.contextmanager
def opened(
    store: AssetStore, info: AssetInfo, most: int = MOST_BYTES, seconds: float = MOST_SECONDS
) -> Iterator[Bounded]:
    """Open one version of an asset.

    Args:
        store: where it is.
        info: the version.
        most: how many bytes may be read.
        seconds: for how long.

    Raises:
        AssetStoreError: the store failed, also where a parser hid it.
    """
    file = Bounded(info.size, _reading(store, info, most), most, seconds)
    try:
        yield file
    finally:
        if file.fault is not None:
            raise file.fault


def _reading(store: AssetStore, info: AssetInfo, most: int) -> ReadAt:
    """Return what reads bytes of one version: by ranges, or from all of it where the store honours none."""
    version = version_of(store, info)
    if not (store.can("read.offset") and store.can("read.length")):
        if info.size > most:
            raise TooMuchError
        data = store.read(info.key, if_match=version)
        return lambda position, size: data[position : position + size]

    def open_run(start: int, length: int) -> AssetStream:
        reader = store.open(info.key, offset=start, length=length, if_match=version)
        return AssetStream(info=reader.info, body=reader, length=reader.left)

    ahead = ReadAhead(open_run, info, info.size)
    return lambda position, size: ahead.kept(position, size) or ahead.read(position, size, info.size, whole=True)
