"""Gives a path, bytes, a binary file object and an iterator of bytes one interface: ``Source``."""

from __future__ import annotations

import contextlib
import hashlib
import inspect
import io
import os
import stat
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self, TypeAlias, cast

from assetstore.bulk.running import require
from assetstore.content.atomic_file import writing_errors
from assetstore.content.reader import AssetReader
from assetstore.errors import AssetStoreError, SourceError
from assetstore.options import Progress, require_progress

if TYPE_CHECKING:
    from assetstore.content.checkpoint import Checkpoint

CHUNK_BYTES = 1 << 20
SPOOL_BYTES = 8 << 20


class Readable(Protocol):
    """A binary file object; only ``read`` is needed."""

    def read(self, size: int = -1, /) -> bytes | None:
        """Return at most ``size`` bytes, and ``b""`` at the end."""


SourceLike: TypeAlias = str | os.PathLike[str] | bytes | bytearray | memoryview | Readable | Iterable[bytes]


class Source:
    """The bytes of one upload, which can be measured, peeked at and read, usually more than once.

    Attributes:
        size: bytes, or ``None`` when unknown before reading.
        path: the file that the bytes come from, or ``None``.
        filename: the last part of the file's name, or ``None``.
        sha256: the SHA-256 in hex, if it is known and whoever reads the bytes to their end has them compared with it.
        taken: how many bytes were read so far, each counted once.
        checkpoint: where a backend that sends the bytes in parts notes them, and finds those that an earlier process sent;
            ``None`` if the upload is not to be resumed. A wrapper that makes a source of its own leaves it out.
    """

    def __init__(self, raw: SourceLike, *, progress: Progress | None = None) -> None:
        """Wrap ``raw``.

        Raises:
            SourceError: ``raw`` is a text file, of another type, or a path that is missing, unreadable or not a file.
            InvalidOptionError: ``progress`` is not an ordinary function.
        """
        require_progress(progress)
        self.path: Path | None = None
        self.filename: str | None = None
        self.size: int | None = None
        self.sha256: str | None = None
        self._progress = progress
        self.taken: int = 0
        self.checkpoint: Checkpoint | None = None
        self._owned: io.IOBase | None = None
        self._seekable: io.IOBase | None = None
        self._start = 0
        self._is_at_start = False
        self._mark: tuple[int, int] | None = None
        self._head = b""
        self._pull: Callable[[int], bytes | None] | None = None
        self._accept(raw)

    def _accept(self, raw: SourceLike) -> None:
        if isinstance(raw, bytes | bytearray | memoryview):
            self._keep(io.BytesIO(bytes(raw)), owned=True)
            return
        _refuse_asynchronous(raw)
        if isinstance(raw, str | os.PathLike):
            self.path = Path(raw)
            self.filename = self.path.name
            file, status = _open_regular(self.path)
            if status.st_size:
                # Of thousands of small files each system call counts: who opened it knows all of it.
                self._seekable = self._owned = file
                self.size, self._is_at_start = status.st_size, True
                self._mark = status.st_size, status.st_mtime_ns
                return
            try:
                self._keep(file, owned=True)
            except BaseException as error:
                self.close()
                if isinstance(error, OSError):
                    self._explain(error)
                raise
        elif isinstance(raw, io.TextIOBase):
            raise SourceError("the file object is opened as text", hint="open it with mode 'rb'")
        elif callable(getattr(raw, "read", None)):
            name = getattr(raw, "name", None)
            self.filename = os.path.basename(name) if isinstance(name, str) else None
            # A store's reader seeks too, but would fetch its bytes once more.
            if _seekable(raw) and not isinstance(raw, AssetReader):
                self._keep(cast(io.IOBase, raw), owned=False)
            else:
                self._pull = cast(Readable, raw).read
            if isinstance(raw, AssetReader):
                self.size, self.sha256 = raw.left, raw.expected_sha256
        elif isinstance(raw, Iterable):
            self._pull = _IteratorReader(iter(raw)).read
        else:
            raise SourceError(f"cannot upload {type(raw).__name__}", hint="pass a path, bytes, a binary file or an iterator")

    def _keep(self, file: io.IOBase, *, owned: bool) -> None:
        self._seekable = file
        if owned:
            self._owned = file
        self._start = file.tell()
        end = file.seek(0, os.SEEK_END)
        if self._start and self._start >= end:
            raise SourceError(f"the file object stands at its end, behind {end} bytes", hint="call its seek(0) first")
        self.size = end - self._start
        self._mark = self._fingerprint()

    def _fingerprint(self) -> tuple[int, int] | None:
        # fileno() would write a spooled file out to disk.
        if self._seekable is None or isinstance(self._seekable, io.BytesIO) or _is_spooled(self._seekable):
            return None
        with contextlib.suppress(OSError, AttributeError):
            status = os.fstat(self._seekable.fileno())
            return status.st_size, status.st_mtime_ns
        return None

    @property
    def rewindable(self) -> bool:
        """Whether ``open`` may be called again; always after ``digest`` or ``spool``."""
        return self._seekable is not None

    def peek(self, count: int) -> bytes:
        """Return the first ``count`` bytes, or all if there are fewer, and leave them unread. Not for use during a read."""
        if self._seekable is None:
            if len(self._head) < count:
                self._head += _read_full(self._pull_checked, count - len(self._head))
            return self._head[:count]
        return _read_full(self._rewound(), count)

    def digest(self, algorithm: str = "sha256") -> str:
        """Return the digest of all bytes in hex. Spools a one-shot stream first."""
        self.spool()
        digest = hashlib.new(algorithm, usedforsecurity=False)
        reader = SourceReader(self._rewound(), self.size, self._check_unchanged, None)
        while chunk := reader.read(CHUNK_BYTES):
            digest.update(chunk)
        return digest.hexdigest()

    def spool(self) -> None:
        """Make a one-shot stream rewindable: read it into memory or, past 8 MiB, into a temporary file."""
        if self._seekable is not None:
            return
        import tempfile  # slow to load, and needed for streams alone

        reader = SourceReader(self._pull_once(), None, _accept_anything, None)
        spool = tempfile.SpooledTemporaryFile(max_size=SPOOL_BYTES)  # noqa: SIM115 - lives until close()
        self._owned = cast(io.IOBase, spool)
        while chunk := reader.read(CHUNK_BYTES):
            with writing_errors("a temporary file"):
                spool.write(chunk)
        spool.seek(0)
        self._keep(cast(io.IOBase, spool), owned=True)

    def open(self) -> SourceReader:
        """Return a reader that begins at the first byte.

        Raises:
            SourceError: a one-shot stream is opened twice.
        """
        if self._seekable is None:
            return SourceReader(self._pull_once(), self.size, _accept_anything, self._report)
        # How long a file is, its status tells again at the end; those below /proc have no size until they are read.
        is_file = self.path is not None and bool(self.size)
        return SourceReader(self._rewound(), self.size, self._check_unchanged, self._report, is_file=is_file)

    def chunks(self, size: int = CHUNK_BYTES) -> Iterator[bytes]:
        """Yield all bytes in pieces of ``size``, the last one shorter; verify at the end that the source did not change."""
        reader = self.open()
        while chunk := reader.read(size):
            yield chunk

    @property
    def descriptor(self) -> int | None:
        """The open file of ``path``, for a backend that lets the system copy all of it; ``None`` without a path."""
        return self._seekable.fileno() if self.path is not None and self._seekable is not None else None

    def copied(self, total: int) -> None:
        """Take note that the first ``total`` bytes were copied from ``descriptor``."""
        require()
        self._report(total)

    def require_copied(self, total: int) -> None:
        """Verify after the last byte that the source did not change while it was copied.

        Raises:
            SourceError: the source changed, or its length did.
        """
        _require_length(self.size, total)
        self._check_unchanged()

    def close(self) -> None:
        """Close the files that the source opened itself. The caller's file object stays open."""
        # They were only read, or are temporary: an error says nothing about the upload.
        try:  # contextlib.suppress takes longer than the call
            if self._owned is not None:
                self._owned.close()
        except OSError:
            pass

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _report(self, total: int) -> None:
        """Report each byte once, however often the source is read."""
        if total > self.taken:
            fresh, self.taken = total - self.taken, total
            if self._progress is not None:
                self._progress(fresh)

    def _rewound(self) -> Callable[[int], bytes]:
        assert self._seekable is not None
        try:
            if not self._is_at_start or self._seekable.closed:
                self._seekable.seek(self._start)
            self._is_at_start = False
        except OSError as error:
            self._explain(error)
            raise
        return self._read_seekable

    def _read_seekable(self, size: int) -> bytes:
        try:
            return _checked(cast(Readable, self._seekable).read(size))
        except OSError as error:
            self._explain(error)
            raise

    def _explain(self, error: OSError) -> None:
        """Raise an OSError of ``path`` as SourceError; what the caller's own file object raises is for the caller."""
        if self.path is not None and not isinstance(error, AssetStoreError):
            raise _unreadable(self.path, error) from error

    def _pull_checked(self, size: int) -> bytes:
        if self._pull is None:
            raise SourceError("a one-shot stream can be read only once")
        return _checked(self._pull(size))

    def _pull_once(self) -> Callable[[int], bytes]:
        if self._pull is None:
            raise SourceError("a one-shot stream can be read only once")
        head, pull = self._head, self._pull
        self._head, self._pull = b"", None

        def read(size: int) -> bytes:
            nonlocal head
            if head:
                piece, head = (head, b"") if size < 0 else (head[:size], head[size:])
                return piece
            return _checked(pull(size))

        return read

    def _check_unchanged(self) -> None:
        found = self._fingerprint()
        if found != self._mark:
            if self.path is not None and found is not None:
                _require_length(self.size, found[0])
            raise SourceError("the file changed while it was read", hint="upload it again once it is no longer written to")


class SourceReader:
    """Reads a source in full pieces: ``read(n)`` returns fewer than ``n`` bytes only at the end."""

    def __init__(
        self,
        read: Callable[[int], bytes],
        size: int | None,
        check: Callable[[], None],
        report: Callable[[int], None] | None,
        *,
        is_file: bool = False,
    ) -> None:
        self._beyond = 0 if is_file else 1
        self._read = read
        self._size = size
        self._check = check
        self._report = report
        self._count = 0
        self._ended = False

    def read(self, size: int = -1) -> bytes:
        """Return ``size`` bytes, all that are left for -1; fewer only at the end, after verifying the source.

        Raises:
            SourceError: the source changed, or its length did.
        """
        require()
        if self._ended or size == 0:
            return b""
        wanted = size
        if self._size is not None and not 0 <= size <= self._size - self._count:
            # One byte more shows whether the source grew; room for a whole piece would cost small files time.
            wanted = self._size - self._count + self._beyond
        data = _read_full(self._read, wanted)
        self._count += len(data)
        if self._report is not None and data:
            self._report(self._count)
        if len(data) < wanted or wanted < 0:
            self._end()
        elif self._size is not None and self._count >= self._size:
            if self._beyond:
                self._count += len(self._read(1))
            self._end()
        return data

    def _end(self) -> None:
        self._ended = True
        _require_length(self._size, self._count)
        self._check()


class _IteratorReader:
    """Gives an iterator of bytes the ``read`` of a file. Passes each item on in slices and copies none twice."""

    def __init__(self, items: Iterator[bytes]) -> None:
        self._items = items
        self._rest = memoryview(b"")

    def read(self, size: int = -1) -> bytes:
        while not self._rest:
            try:
                item = next(self._items)
            except StopIteration:
                return b""
            if not isinstance(item, bytes | bytearray | memoryview):
                raise SourceError(f"the iterator must yield bytes, got {type(item).__name__}")
            self._rest = memoryview(bytes(item))
        piece = self._rest if size < 0 else self._rest[:size]
        self._rest = self._rest[len(piece) :]
        return bytes(piece)


def _open_regular(path: Path) -> tuple[io.FileIO, os.stat_result]:
    # Without O_NONBLOCK, opening a FIFO that nobody writes to would hang.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
    try:
        descriptor = os.open(path, flags)
    except (OSError, ValueError) as error:
        if isinstance(error, OSError):
            raise _unreadable(path, error) from error
        # An impossible name, for example with a NUL; the text differs between versions of Python.
        raise SourceError(f"cannot read {str(path)!r}: no file can have such a name") from error
    try:
        status = os.fstat(descriptor)
        if stat.S_ISREG(status.st_mode):
            return io.FileIO(descriptor, "rb"), status
    except OSError as error:
        _close(descriptor)
        raise _unreadable(path, error) from error
    _close(descriptor)
    is_folder = stat.S_ISDIR(status.st_mode)
    kind = "a directory" if is_folder else "not a regular file"
    raise SourceError(f"{str(path)!r} is {kind}", hint="upload a file" if is_folder else None)


def _close(descriptor: int) -> None:
    with contextlib.suppress(OSError):
        os.close(descriptor)


def _unreadable(path: Path, error: OSError) -> SourceError:
    return SourceError(f"cannot read {str(path)!r}: {error.strerror or error}")


def _refuse_asynchronous(raw: object) -> None:
    """Raise SourceError for what only ``await`` can read; close a coroutine, whose warning would hide the error."""
    kind = type(raw).__name__
    if inspect.isawaitable(raw):
        if inspect.iscoroutine(raw):
            raw.close()
        raise SourceError(f"cannot upload {kind}", hint="await it first, and pass its result")
    if inspect.iscoroutinefunction(getattr(raw, "read", None)):
        # The UploadFile of Starlette and FastAPI.
        if callable(getattr(getattr(raw, "file", None), "read", None)):
            hint = "write store.upload(upload.file, filename=upload.filename)"
        else:
            hint = "await its read() first, and pass the bytes"
        raise SourceError(f"cannot upload {kind}, whose read() is a coroutine", hint=hint)
    # What can also be read without await is a source like any other.
    if hasattr(raw, "__aiter__") and not isinstance(raw, Iterable) and not hasattr(raw, "read"):
        raise SourceError(
            f"cannot upload {kind}, an asynchronous iterator",
            hint="write store.upload(b''.join([piece async for piece in source]), ...), or fill a temporary file first",
        )


def _is_spooled(file: object) -> bool:
    # Nothing is of a class that was never loaded.
    tempfile = sys.modules.get("tempfile")
    return tempfile is not None and isinstance(file, tempfile.SpooledTemporaryFile)


def _seekable(raw: object) -> bool:
    try:
        return bool(raw.seekable())  # type: ignore[attr-defined]  # not every file object has it
    except AttributeError:
        return False


def _read_full(read: Callable[[int], bytes], size: int) -> bytes:
    """Read ``size`` bytes, or all for a negative one. A raw file, pipe or socket may return fewer at a time."""
    first = read(size)
    if len(first) == size or not first:
        return first
    pieces, count = [first], len(first)
    while size < 0 or count < size:
        piece = read(-1 if size < 0 else size - count)
        if not piece:
            break
        pieces.append(piece)
        count += len(piece)
    return b"".join(pieces)


def _checked(data: object) -> bytes:
    if isinstance(data, bytes):
        return data
    if data is None:
        raise SourceError("the file object is non-blocking and had no data", hint="pass a blocking one")
    if isinstance(data, str):
        raise SourceError("the file object is opened as text", hint="open it with mode 'rb'")
    # A read() that does not look like one may still return a coroutine.
    _refuse_asynchronous(data)
    try:
        return memoryview(cast(bytes, data)).tobytes()
    except TypeError:
        # bytes(5) would be five zeros.
        kind = type(data).__name__
        raise SourceError(f"the read() of the file object must return bytes, got {kind}", hint="pass another one") from None


def _require_length(size: int | None, count: int) -> None:
    if size == 0 != count:
        # As the files below /proc do, which the system makes up while they are read.
        raise SourceError("the source is not empty, as its size of 0 bytes says", hint="read it, and upload the bytes")
    if size is not None and count != size:
        length = "longer" if count > size else f"{count} bytes long"
        raise SourceError(
            f"the source was {size} bytes long and became {length} while it was read",
            hint="upload it again once it is no longer written to",
        )


def _accept_anything() -> None:
    """Accept: a one-shot stream has no size or state to compare with."""
