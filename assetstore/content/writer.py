"""A file object whose bytes become an asset when its ``with`` block ends without an exception."""

from __future__ import annotations

import contextlib
import io
from typing import IO

from assetstore.content.atomic_file import writing_errors
from assetstore.content.source import SPOOL_BYTES
from assetstore.errors import AssetStoreError


class AssetWriter(io.BufferedIOBase):
    """Collects the bytes in memory or, past 8 MiB, in a temporary file.

    Closing it stores nothing, so ``gzip`` or ``io.TextIOWrapper`` may wrap and close it. The asset is stored when the
    ``with`` block of ``AssetStore.writer`` ends.
    """

    def __init__(self) -> None:
        import tempfile  # slow to load, and seldom needed

        self._spool = tempfile.SpooledTemporaryFile(max_size=SPOOL_BYTES)  # noqa: SIM115 - released by discard()

    def writable(self) -> bool:
        """Return ``True``."""
        return True

    def write(self, data: bytes | bytearray | memoryview, /) -> int:  # type: ignore[override]  # narrower than ReadableBuffer
        """Add bytes and return their number."""
        if self.closed:
            raise ValueError("the writer is closed")
        try:
            with writing_errors("a temporary file"):
                return self._spool.write(data)
        except AssetStoreError:
            self.discard()  # a caller who goes on all the same must not store what lacks these bytes
            raise

    def written(self) -> IO[bytes]:
        """Return all bytes as a file at its beginning.

        Raises:
            ValueError: they were dropped.
        """
        if self._spool.closed:
            raise ValueError("the bytes were dropped, so nothing is stored")
        self._spool.seek(0)
        return self._spool

    def discard(self) -> None:
        """Drop all bytes."""
        self.close()
        with contextlib.suppress(OSError):
            self._spool.close()
