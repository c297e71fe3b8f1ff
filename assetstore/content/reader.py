"""The reader that a store returns: bounds, counts and verifies the bytes, and always closes the stream."""

from __future__ import annotations

import io
import operator
import os
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO, TypeAlias

from assetstore.bulk.running import require
from assetstore.content.digests import Verifier
from assetstore.content.read_ahead import NEAR, OpenRun, ReadAhead
from assetstore.errors import AssetStoreError, IntegrityError, InvalidOptionError
from assetstore.results import AssetInfo, AssetStream

OnClose: TypeAlias = Callable[[int, bool, BaseException | None], None]

if TYPE_CHECKING:

    class _File(io.BufferedIOBase, BinaryIO):
        """For type checkers: what takes an ``IO[bytes]``, as most of the standard library does, takes a reader."""
else:
    _File = io.BufferedIOBase


def require_piece(size: int) -> None:
    """Raise InvalidOptionError if pieces of this size would be none: the bytes would seem to end."""
    if size == 0:
        raise InvalidOptionError("the size of the pieces must not be 0", hint="leave it out")


class AssetReader(_File):
    """The bytes of an asset or of a range of it, as a binary file object, which seeks where the store honours ranges.

    It is opened by one request, whose bytes serve as long as they are read in order. Bytes elsewhere come by requests of
    their own, of the version that was opened; those read last are kept, so going back a little costs nothing. Positions
    count from the first byte of the range.

    A whole asset that is read in order is verified: its size, and its digest when one is known, *before* the last bytes are
    returned. Bytes that come by requests of their own are not compared with the digest, which is of the whole.

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
        open_run: OpenRun | None = None,
    ) -> None:
        self.info: AssetInfo = stream.info
        self._body = stream.body
        self._length = stream.length
        self._position = 0
        self._count = 0  # of the bytes that were read in order; the next byte of the body has this position
        self._on_close = on_close
        self._explain = explain
        self._blame = blame
        self._error: BaseException | None = None
        self._verifier = Verifier(stream.info.digest if stream.length == stream.info.size else None)
        self._ahead = None if open_run is None else ReadAhead(open_run, stream.info, stream.length)

    @property
    def left(self) -> int:
        """How many bytes are left to read."""
        return max(0, self._length - self._position)

    def readable(self) -> bool:
        """Return ``True``."""
        return True

    @property
    def expected_sha256(self) -> str | None:
        """The SHA-256 in hex that all bytes are compared with when they are read in order; ``None`` once some were read."""
        algorithm, _, expected = (self.info.digest or "").partition(":")
        return expected if self._verifier.knows and algorithm == "sha256" and not self._position else None

    def seekable(self) -> bool:
        """Return whether the store honours ranges, so that ``seek`` works."""
        self._require_open()
        return self._ahead is not None

    def tell(self) -> int:
        """Return the position of the next byte."""
        self._require_open()
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Move to a position, also behind the end, and return it. Nothing is sent before the next read.

        Args:
            offset: bytes from where ``whence`` says.
            whence: 0 from the first byte, 1 from the position, 2 from the end. What would lie before the first byte is the
                first byte.

        Raises:
            ValueError: ``whence`` is another number, or ``offset`` is negative and ``whence`` is 0.
            io.UnsupportedOperation: the store does not honour ranges.
        """
        if not self.seekable():
            raise io.UnsupportedOperation("the store does not honour ranges, so its readers do not seek")
        offset = operator.index(offset)
        if whence not in (os.SEEK_SET, os.SEEK_CUR, os.SEEK_END):
            raise ValueError(f"whence must be 0, 1 or 2, got {whence}")
        if whence == os.SEEK_SET and offset < 0:
            raise ValueError(f"a position must be 0 or more, got {offset}")
        start = (0, self._position, self._length)[whence]
        self._position = max(0, start + offset)
        return self._position

    def read(self, size: int | None = -1, /) -> bytes:
        """Return ``size`` bytes, all that are left for -1, fewer only at the end.

        Raises:
            IntegrityError: the bytes do not match the size or the digest; every further read raises it again.
            PreconditionError: after a seek, the asset has another version now.
            AssetStoreError: the store failed.
        """
        wanted = self._wanted(size)
        piece = self._next(wanted, True)
        if len(piece) == wanted:
            return piece
        pieces = [piece]
        while wanted := wanted - len(piece):
            piece = self._next(wanted, True)
            pieces.append(piece)
        return b"".join(pieces)

    def read1(self, size: int | None = -1, /) -> bytes:
        """Return at most ``size`` bytes, as the store delivers them; ``b""`` only at the end."""
        return self._next(self._wanted(size), False)

    def _wanted(self, size: int | None) -> int:
        """Return how many bytes to read; TypeError for what is no number of bytes, as files raise."""
        left = self._length - self._position if self._position < self._length else 0
        return left if size is None or operator.index(size) < 0 else min(operator.index(size), left)

    def _require_open(self) -> None:
        if self.closed:
            raise ValueError("the reader is closed")

    def _next(self, wanted: int, whole: bool) -> bytes:
        if self.closed:
            raise ValueError("the reader is closed")
        if self._error is not None:
            raise self._error
        try:
            require()
            piece = self._read_on(wanted) if self._position == self._count else self._read_there(wanted, whole)
        except BaseException as error:
            self._error = self._blame("read", error)
            if isinstance(self._error, AssetStoreError):
                self._explain(self._error)
            if self._error is error:
                raise
            raise self._error from error
        self._position += len(piece)
        return piece

    def _read_there(self, wanted: int, whole: bool) -> bytes:
        """Read at a position that is not the body's next one."""
        ahead, position = self._ahead, self._position
        assert ahead is not None
        if not wanted:
            return b""
        if piece := ahead.kept(position, wanted):
            return piece
        if 0 < position - self._count <= NEAR:
            while self._count < position:
                self._read_on(position - self._count)
            return self._read_on(wanted)
        end = self._count if position < self._count else self._length
        return ahead.read(position, wanted, end, whole=whole)

    def _read_on(self, wanted: int) -> bytes:
        """Read the next bytes of the body."""
        piece = self._body.read(wanted) if wanted else b""
        if len(piece) > wanted or (wanted and not piece):
            given = "more" if piece else "fewer"
            raise IntegrityError(f"the store sent {given} than the announced {self._length} bytes", hint="read again")
        if self._ahead is not None:
            self._ahead.keep(self._count, piece)
        self._count += len(piece)
        if self._verifier.knows:
            self._verifier.update(piece)
            if self._count == self._length:
                self._verifier.verify()
        return piece

    def chunks(self, size: int = 1 << 20) -> Iterator[bytes]:
        """Yield the remaining bytes in pieces of at most ``size`` bytes, as they arrive."""
        require_piece(size)
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
            count, whole = self._count, self._count == self._length
            if self._ahead is not None:
                count, whole = count + self._ahead.count, whole or self._ahead.runs > 0
                self._ahead = None  # it holds bytes
            self._on_close(count, whole, self._error)

    def __enter__(self) -> AssetReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __reduce__(self) -> tuple[object, ...]:
        # Two readers of one stream would take each other's bytes.
        raise TypeError("a reader cannot be pickled or copied; pass on the store and the key, and open the asset there")

    def __repr__(self) -> str:
        return f"<AssetReader {self.info.key!r} {self._position} of {self._length} bytes{' closed' if self.closed else ''}>"
