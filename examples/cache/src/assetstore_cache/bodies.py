"""What a read hands over: a run of a kept file, or bytes that are kept while they are read."""

from __future__ import annotations

from typing import BinaryIO

from assetstore.plugin import Body
from assetstore_cache.folder import Draft


class Run:
    """A run of the bytes of an open file."""

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


class KeepingBody:
    """Hands on the bytes of a whole asset, and keeps them if they are read to their end."""

    def __init__(self, body: Body, draft: Draft) -> None:
        self._body = body
        self._draft = draft

    def read(self, size: int = -1, /) -> bytes:
        """Return what the backend gives."""
        data = self._body.read(size)
        self._draft.write(data)
        return data

    def close(self) -> None:
        """Release the backend's stream, and forget what was read if it was not all."""
        try:
            self._body.close()
        finally:
            self._draft.discard()
