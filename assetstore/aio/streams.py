"""What is opened for a while: readers, writers, and how ``await`` and ``async with`` open them."""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from functools import partial
from types import TracebackType
from typing import Any, Generic, Protocol, Self, TypeVar

import anyio

from assetstore.aio.threads import Threads
from assetstore.bulk.running import Stopped
from assetstore.content.reader import AssetReader, require_piece
from assetstore.content.writer import AssetWriter
from assetstore.results import AssetInfo

T = TypeVar("T")


class Closeable(Protocol):
    """What ``close`` is awaited for."""

    async def close(self) -> None:
        """Release what it holds."""


C = TypeVar("C", bound=Closeable)


class Opening(Generic[C]):
    """Opens something: ``await`` returns it, to be closed by ``close``; ``async with`` also closes it."""

    def __init__(self, begin: Callable[[], Awaitable[C]]) -> None:
        self._begin = begin
        self._exits = contextlib.AsyncExitStack()

    def __await__(self) -> Generator[Any, None, C]:
        return self._begin().__await__()

    async def __aenter__(self) -> C:
        opened = await self._begin()
        self._exits.push_async_callback(opened.close)
        return opened

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._exits.aclose()


class AsyncAssetReader:
    """The bytes of an asset or of a range of it, as ``AssetReader`` gives them. One task may use it at a time.

    A read that is cancelled closes it: nobody knows how many bytes came.

    Attributes:
        info: the asset.
        wrapped: the ``AssetReader``.
    """

    def __init__(self, reader: AssetReader, threads: Threads) -> None:
        self.wrapped = reader
        self.info: AssetInfo = reader.info
        self._threads = threads

    @property
    def closed(self) -> bool:
        """Whether it is closed."""
        return self.wrapped.closed

    async def read(self, size: int | None = -1, /) -> bytes:
        """Return ``size`` bytes, all that are left for -1, fewer only at the end."""
        return await self._run(partial(self.wrapped.read, size))

    async def read1(self, size: int | None = -1, /) -> bytes:
        """Return at most ``size`` bytes, as the store delivers them; ``b""`` only at the end."""
        return await self._run(partial(self.wrapped.read1, size))

    async def readinto(self, buffer: bytearray | memoryview, /) -> int:
        """Fill ``buffer`` and return the number of bytes."""
        return await self._run(partial(self.wrapped.readinto, buffer))

    async def readline(self, size: int | None = -1, /) -> bytes:
        """Return the bytes up to and with the next newline, at most ``size``."""
        return await self._run(partial(self.wrapped.readline, size))

    def readable(self) -> bool:
        """Return ``True``."""
        return True

    def seekable(self) -> bool:
        """Return whether the store honours ranges, so that ``seek`` works."""
        return self.wrapped.seekable()

    async def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Move to a position, also behind the end, and return it. Nothing is sent before the next read."""
        return self.wrapped.seek(offset, whence)

    def tell(self) -> int:
        """Return the position of the next byte."""
        return self.wrapped.tell()

    def chunks(self, size: int = 1 << 20) -> AsyncIterator[bytes]:
        """Yield the remaining bytes in pieces of at most ``size`` bytes, as they arrive."""
        require_piece(size)
        return _Chunks(self, size)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        line = await self.readline()
        if not line:
            raise StopAsyncIteration
        return line

    async def close(self) -> None:
        """Release the connection or file; may be called twice."""
        await self._threads.finish(self.wrapped.close)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"<Async{repr(self.wrapped)[1:]}"

    async def _run(self, function: Callable[[], T]) -> T:
        try:
            return await self._threads.run(function, undo=self.wrapped.close)
        except Stopped:
            raise ValueError("the reader is closed: what was made of it was cancelled") from None


class _Chunks(AsyncIterator[bytes]):
    """The pieces of a reader. It is not a generator, which would have to be closed."""

    def __init__(self, reader: AsyncAssetReader, size: int) -> None:
        self._reader = reader
        self._size = size

    async def __anext__(self) -> bytes:
        piece = await self._reader.read1(self._size)
        if not piece:
            raise StopAsyncIteration
        return piece


class AsyncAssetWriter:
    """Collects bytes as ``AssetWriter`` does; they are stored when the ``async with`` block ends without an exception.

    A write that is cancelled closes it, and nothing is stored: nobody knows how many bytes were added.

    Attributes:
        wrapped: the ``AssetWriter``.
    """

    def __init__(self, writer: AssetWriter, threads: Threads) -> None:
        self.wrapped = writer
        self._threads = threads

    async def write(self, data: bytes | bytearray | memoryview, /) -> int:
        """Add bytes and return their number."""
        try:
            return await self._threads.run(partial(self.wrapped.write, data))
        except anyio.get_cancelled_exc_class():
            await self._threads.finish(self.wrapped.discard)
            raise
