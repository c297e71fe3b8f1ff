"""Opens an asset for a parser that may read only so many bytes, for so long."""

from __future__ import annotations

import contextlib
import io
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO

from assetstore import AssetInfo, AssetStore, AssetStoreError
from assetstore.plugin import AssetReader

MOST_BYTES = 8 << 20
"""Bytes that a parser may read, unless it says otherwise."""
MOST_SECONDS = 5.0
"""How long it may read, likewise, in seconds."""
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

    def __init__(self, reader: AssetReader, most: int, seconds: float) -> None:
        self.size: int = reader.info.size
        self.fault: AssetStoreError | None = None
        self._reader = reader
        self._left = most
        self._until = time.monotonic() + seconds

    def readable(self) -> bool:
        """Return ``True``."""
        return True

    def seekable(self) -> bool:
        """Return ``True``; where the store honours no ranges, ``seek`` fails."""
        return True

    def tell(self) -> int:
        """Return the position of the next byte."""
        return self._reader.tell()

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Move to a position and return it."""
        before = self._reader.tell()
        position = self._reader.seek(offset, whence)
        self._left -= min(abs(position - before), JUMP)
        return position

    def read(self, size: int | None = -1, /) -> bytes:
        """Return ``size`` bytes, all that are left for -1, fewer only at the end.

        Raises:
            TooMuchError: these bytes are more than may be read, or it takes too long.
        """
        wanted = self._reader.left if size is None or size < 0 else min(size, self._reader.left)
        self._left -= wanted
        if self._left < 0 or time.monotonic() > self._until:
            raise TooMuchError
        try:
            return self._reader.read(wanted)
        except AssetStoreError as error:
            self.fault = error
            raise


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
    with store.open(info.key, if_match=version_of(store, info)) as reader:
        file = Bounded(reader, most, seconds)
        try:
            yield file
        finally:
            if file.fault is not None:
                raise file.fault
