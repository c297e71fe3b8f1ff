"""A file object whose bytes become an asset when its ``with`` block ends without an exception."""

from __future__ import annotations

import io
import tempfile
from typing import IO

from assetstore.content.source import SPOOL_BYTES


class AssetWriter(io.BufferedIOBase):
    """Gathers what is written, past 8 MiB in a temporary file.

    Closing it writes nothing to the store, so it may be wrapped in ``gzip`` or ``io.TextIOWrapper``: what counts is how the
    ``with`` block of ``AssetStore.writer`` ends.
    """

    def __init__(self) -> None:
        self._spool = tempfile.SpooledTemporaryFile(max_size=SPOOL_BYTES)  # noqa: SIM115 - released by discard()

    def writable(self) -> bool:
        """Return that it can be written to."""
        return True

    def write(self, data: bytes | bytearray | memoryview, /) -> int:  # type: ignore[override]  # narrower than ReadableBuffer
        """Add bytes and return how many."""
        if self.closed:
            raise ValueError("the writer is closed")
        return self._spool.write(data)

    def written(self) -> IO[bytes]:
        """Return all that was written, as a file at its beginning."""
        self._spool.seek(0)
        return self._spool

    def discard(self) -> None:
        """Forget all that was written."""
        self.close()
        self._spool.close()
