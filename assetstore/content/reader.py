"""The reader that a store returns: bounds, counts and verifies the bytes, and always closes the stream."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import TypeAlias

from assetstore.content.digests import Verifier
from assetstore.errors import AssetStoreError, IntegrityError
from assetstore.results import AssetInfo, AssetStream

OnClose: TypeAlias = Callable[[int, bool, BaseException | None], None]


class AssetReader(io.BufferedIOBase):
    """The bytes of an asset or of a range of it, as a binary file object that can be read once, forwards.

    For a whole asset it verifies the size, and the digest when one is known, *before* it returns the last bytes.

    Attributes:
        info: the asset.
    """

    def __init__(
        self,
        stream: AssetStream,
        *,
        on_close: OnClose,
        explain: Callable[[AssetStoreError], None],
        blame: Callable[[str, BaseException], BaseException] = lambda _, error: error,
    ) -> None:
        self.info: AssetInfo = stream.info
        self._body = stream.body
        self._length = stream.length
        self._count = 0
        self._on_close = on_close
        self._explain = explain
        self._blame = blame
        self._error: BaseException | None = None
        self._verifier = Verifier(stream.info.digest if stream.length == stream.info.size else None)

    def readable(self) -> bool:
        """Return ``True``."""
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        """Return ``size`` bytes, all that are left for -1, fewer only at the end.

        Raises:
            IntegrityError: the bytes do not match the size or the digest; every further read raises it again.
            AssetStoreError: the store failed.
        """
        left = self._length - self._count
        wanted = left if size is None or size < 0 else min(size, left)
        piece = self.read1(wanted)
        if len(piece) == wanted:
            return piece
        pieces = [piece]
        while wanted := wanted - len(piece):
            piece = self.read1(wanted)
            pieces.append(piece)
        return b"".join(pieces)

    def read1(self, size: int = -1, /) -> bytes:
        """Return at most ``size`` bytes, as the store delivers them; ``b""`` only at the end."""
        if self.closed:
            raise ValueError("the reader is closed")
        if self._error is not None:
            raise self._error
        try:
            return self._take(size)
        except BaseException as error:
            self._error = self._blame("read", error)
            if isinstance(self._error, AssetStoreError):
                self._explain(self._error)
            if self._error is error:
                raise
            raise self._error from error

    def _take(self, size: int) -> bytes:
        left = self._length - self._count
        wanted = left if size < 0 else min(size, left)
        piece = self._body.read(wanted) if wanted else b""
        if len(piece) > wanted or (wanted and not piece):
            given = "more" if piece else "fewer"
            raise IntegrityError(f"the store sent {given} than the announced {self._length} bytes", hint="read again")
        self._count += len(piece)
        if self._verifier.knows:
            self._verifier.update(piece)
            if self._count == self._length:
                self._verifier.verify()
        return piece

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]  # narrower than WriteableBuffer
        """Fill ``buffer`` and return the number of bytes."""
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def chunks(self, size: int = 1 << 20) -> Iterator[bytes]:
        """Yield the remaining bytes in pieces of at most ``size`` bytes, as they arrive."""
        while piece := self.read1(size):
            yield piece

    def close(self) -> None:
        """Release the connection or file; may be called twice."""
        if self.closed:
            return
        super().close()
        try:
            self._body.close()
        finally:
            self._on_close(self._count, self._count == self._length, self._error)

    def __enter__(self) -> AssetReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<AssetReader {self.info.key!r} {self._count} of {self._length} bytes{' closed' if self.closed else ''}>"
