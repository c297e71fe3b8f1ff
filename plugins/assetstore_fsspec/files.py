"""The file objects that ``open`` returns. What is written is stored when the file is closed, whole or not at all."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable
from types import TracebackType
from typing import IO, Any

from fsspec.spec import AbstractBufferedFile

from assetstore import AssetReader, AssetWriter
from assetstore_fsspec.errors import as_os_errors

BUFFER_BYTES = 64 * 1024


class WriteFile(io.BufferedIOBase):
    """Collects bytes and stores them when it is closed.

    An exception in its ``with`` block, or to forget to close it, stores nothing. In a transaction ``commit`` stores them.

    Attributes:
        path: the path of the file.
        mode: ``"wb"``, ``"xb"`` or ``"ab"``.
    """

    def __init__(self, path: str, mode: str, upload: Callable[[IO[bytes]], object], *, autocommit: bool) -> None:
        self.path = path
        self.mode = mode
        self._upload = upload
        self._autocommit = autocommit
        self._writer = AssetWriter()
        self._count = 0
        self._discarded = False

    def writable(self) -> bool:
        """Return ``True``."""
        return True

    def tell(self) -> int:
        """Return the number of bytes so far."""
        return self._count

    def write(self, data: Any, /) -> int:
        """Add bytes and return their number."""
        if self.closed:
            raise ValueError("the file is closed")
        with as_os_errors():
            count = self._writer.write(data)
        self._count += count
        return count

    def close(self) -> None:
        """Store the bytes, unless a transaction will."""
        if self.closed:
            return
        super().close()
        if self._autocommit:
            self.commit()

    def commit(self) -> None:
        """Store the bytes; in a transaction fsspec calls it at the end.

        Raises:
            ValueError: the file is open still, so some of its bytes may be held by what wraps it; nothing is stored.
        """
        if not self.closed:
            self.discard()
            raise ValueError(f"{self.path!r} must be closed before it is stored; use a 'with' block")
        if self._discarded:
            return
        try:
            with as_os_errors():
                self._upload(self._writer.written())
        finally:
            self.discard()

    def hold(self) -> None:
        """Let ``close`` store nothing."""
        self._autocommit = False

    def discard(self) -> None:
        """Drop the bytes."""
        self._discarded = True
        super().close()
        self._writer.discard()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self.discard()
        self.close()

    def __del__(self) -> None:
        # The base would close the file, and so store what an exception cut short.
        if not self.closed and "_writer" in vars(self):
            self.discard()
            _warn(self.path)


def _warn(path: str) -> None:
    warnings.warn(f"{path!r} was written to and not closed, so it is not stored", ResourceWarning, stacklevel=3)


class CompressedFile(io.BufferedIOBase):
    """Compresses what is written to a file, which it closes too."""

    def __init__(self, file: WriteFile, compress: Callable[..., Any]) -> None:
        self._file = file
        self._packer = compress(file, mode="w")

    def writable(self) -> bool:
        """Return ``True``."""
        return True

    def write(self, data: Any, /) -> int:
        """Add bytes and return their number."""
        self._packer.write(data)
        return memoryview(data).nbytes

    def close(self) -> None:
        """Pack the rest and store the file."""
        if not self.closed:
            super().close()
            self._packer.close()
            self._file.close()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self._discard()

    def __del__(self) -> None:
        if not self.closed and "_packer" in vars(self):
            is_open = not self._file.closed
            self._discard()
            if is_open:
                _warn(self._file.path)

    def _discard(self) -> None:
        if not self.closed:
            super().close()
            self._file.hold()
            # It writes its last bytes, so the file must be open still. Some packers close it too.
            with contextlib.suppress(Exception):
                self._packer.close()
            self._file.discard()


class TextFile(io.TextIOWrapper):
    """Text for a file; an exception in its ``with`` block, or to forget to close it, stores nothing."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            file: Any = self.buffer
            file.__exit__(kind, error, trace)
        self.close()

    def __del__(self) -> None:
        # The base would close the file below. One that was detached has none.
        with contextlib.suppress(ValueError):
            if not self.closed:
                file: Any = self.buffer
                file.__del__()


class _Raw(io.RawIOBase):
    """The unbuffered reader below ``ReadFile``: maps errors."""

    def __init__(self, reader: AssetReader) -> None:
        self.reader = reader

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return self.reader.seekable()

    def readinto(self, buffer: Any, /) -> int:
        with as_os_errors():
            return self.reader.readinto(buffer)

    def readall(self) -> bytes:
        with as_os_errors():
            return self.reader.read()

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        return self.reader.seek(offset, whence)

    def tell(self) -> int:
        return self.reader.tell()

    def close(self) -> None:
        if not self.closed:
            super().close()
            self.reader.close()


class ReadFile(io.BufferedReader):
    """One version of an asset as a file that seeks.

    Attributes:
        path: the path of the file.
        size: the number of bytes.
        details: what ``info`` of the file system tells.
    """

    def __init__(self, fs: Any, path: str, reader: AssetReader, details: dict[str, Any]) -> None:
        super().__init__(_Raw(reader), BUFFER_BYTES)
        self.fs = fs
        self.path = path
        self.details = details
        self.size: int = details["size"]

    def info(self) -> dict[str, Any]:
        """Return what is known of the file."""
        return self.details

    def __reduce__(self) -> tuple[object, ...]:
        return _reopened, (self.fs, self.path, self.tell())


def _reopened(fs: Any, path: str, position: int) -> Any:
    file = fs.open(path)
    file.seek(position)
    return file


class CachedFile(AbstractBufferedFile):  # type: ignore[misc]  # fsspec has no types
    """A file that reads by one of fsspec's caches, for those who ask for one by ``cache_type``."""

    def _fetch_range(self, start: int, end: int) -> bytes:
        return self.fs.cat_file(self.path, start, end, if_match=self.details.get("etag"))  # type: ignore[no-any-return]  # as above
