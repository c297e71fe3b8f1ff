"""The bodies of reads: a range of a cached file, or the backend's bytes, cached while they are read."""

from __future__ import annotations

from typing import BinaryIO

from assetstore.plugin import Body
from assetstore_cache.folder import Draft


class FileRange:
    """A range of the bytes of an open file."""

    def __init__(self, file: BinaryIO, offset: int, length: int) -> None:
        file.seek(offset)
        self._file = file
        self._left = length

    def read(self, size: int = -1, /) -> bytes:
        """Return at most ``size`` bytes, all that are left for -1."""
        data = self._file.read(self._left if size < 0 else min(size, self._left))
        self._left -= len(data)
        return data

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class CachingBody:
    """Passes on the bytes of a whole asset and caches them if they are read to the end."""

    def __init__(self, body: Body, draft: Draft) -> None:
        self._body = body
        self._draft = draft

    def read(self, size: int = -1, /) -> bytes:
        """Return the next bytes of the backend and write them to the draft."""
        data = self._body.read(size)
        self._draft.write(data)
        return data

    def close(self) -> None:
        """Release the backend's stream, and discard the draft if it is incomplete."""
        try:
            self._body.close()
        finally:
            self._draft.discard()
