"""What an upload may be made of besides the sources of ``AssetStore``: asynchronous iterators, files and form fields."""

from __future__ import annotations

import inspect
import io
import os
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable
from itertools import chain
from typing import Any, Protocol, Self, TypeAlias, cast

import attrs

from assetstore.aio.threads import Bridge
from assetstore.content.content_types import DEFAULT_CONTENT_TYPE
from assetstore.content.source import CHUNK_BYTES, Readable, SourceLike

BATCH_BYTES, BATCH_PIECES = 1 << 18, 100
"""Pieces of a source are handed to the thread until they have so many bytes, or are so many."""


class AsyncReadable(Protocol):
    """A binary file object whose ``read`` is awaited."""

    async def read(self, size: int = -1, /) -> bytes:
        """Return at most ``size`` bytes, and ``b""`` at the end."""


class FormFile(Protocol):
    """An uploaded file of a form: the ``UploadFile`` of Starlette, FastAPI or Litestar."""

    file: Any
    filename: Any

    async def read(self, size: int = -1) -> bytes:
        """Return at most ``size`` bytes, and ``b""`` at the end."""


AsyncSourceLike: TypeAlias = SourceLike | AsyncIterable[bytes] | AsyncReadable | FormFile


@attrs.frozen
class Adapted:
    """A source as ``AssetStore`` takes it.

    Attributes:
        source: what its ``upload`` gets.
        bridge: what the task has to serve meanwhile, if anything.
        filename: the file name, if the source has one that ``upload`` cannot find itself.
        content_type: the media type, if the source has one that says something.
    """

    source: SourceLike
    bridge: Bridge[list[Any]] | None = None
    filename: str | None = None
    content_type: str | None = None


def adapted(source: AsyncSourceLike) -> Adapted:
    """Return a source as ``AssetStore`` takes it; what that does not know either is for it to refuse."""
    if _is_awaited(source) and _file_in(source) is None:
        name = getattr(source, "name", None)
        bridge = Bridge(_Batches(_reading(cast(AsyncReadable, source))))
        return Adapted(chain.from_iterable(bridge), bridge, os.path.basename(name) if isinstance(name, str) else None)
    if isinstance(source, AsyncIterable) and not isinstance(source, Iterable) and not hasattr(source, "read"):
        pieces = aiter(source)
        bridge = Bridge(_Batches(pieces.__anext__), pieces)
        return Adapted(chain.from_iterable(bridge), bridge)
    if isinstance(source, bytes | bytearray | memoryview):
        return Adapted(InMemory(source))
    return unwrapped(source)


def unwrapped(source: AsyncSourceLike) -> Adapted:
    """Return the ordinary file in the file of a form, of anyio or of trio, or the source itself."""
    file = _file_in(source) if _is_awaited(source) else None
    if file is None:
        return Adapted(cast(SourceLike, source))
    content_type = getattr(source, "content_type", None)
    # So senders call what they do not know; the file name says more.
    known = content_type if content_type != DEFAULT_CONTENT_TYPE else None
    return Adapted(file, None, getattr(source, "filename", None) or None, known or None)


def _is_awaited(file: object) -> bool:
    return inspect.iscoroutinefunction(getattr(file, "read", None))


def _file_in(source: object) -> Readable | None:
    for attribute in ("file", "wrapped"):
        file = getattr(source, attribute, None)
        if callable(getattr(file, "read", None)) and not _is_awaited(file):
            return cast(Readable, file)
    return None


def _reading(source: AsyncReadable) -> Callable[[], Awaitable[bytes]]:
    async def take() -> bytes:
        piece = await source.read(BATCH_BYTES)
        if piece == b"":
            raise StopAsyncIteration
        return piece

    return take


class InMemory(io.RawIOBase):
    """Bytes in memory as a file, which gives at most 1 MiB at a time.

    While a thread copies bytes, no other runs: a part of 16 MiB would hold up the event loop for several milliseconds.
    """

    def __init__(self, data: bytes | bytearray | memoryview) -> None:
        self._data = memoryview(data if memoryview(data).contiguous else bytes(data)).cast("B")
        self._position = 0

    def readable(self) -> bool:
        """Return ``True``."""
        return True

    def seekable(self) -> bool:
        """Return ``True``."""
        return True

    def tell(self) -> int:
        """Return the position."""
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Move to a position and return it."""
        self._position = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: len(self._data)}[whence]
        return self._position

    def read(self, size: int | None = -1, /) -> bytes:
        """Return at most ``size`` bytes and 1 MiB."""
        most = CHUNK_BYTES if size is None or size < 0 else min(size, CHUNK_BYTES)
        piece = bytes(self._data[self._position : self._position + most])
        self._position += len(piece)
        return piece


class _Batches(AsyncIterator[list[Any]]):
    """Takes several pieces at once. It is not a generator, which would have to be closed."""

    def __init__(self, take: Callable[[], Awaitable[Any]]) -> None:
        self._take = take
        self._ended = False

    async def __anext__(self) -> list[Any]:
        pieces: list[Any] = []
        count = 0
        while count < BATCH_BYTES and len(pieces) < BATCH_PIECES and not self._ended:
            try:
                piece = await self._take()
            except StopAsyncIteration:
                self._ended = True
                break
            # A source may fill the same buffer again. What is not bytes is for the upload to refuse.
            pieces.append(bytes(piece) if isinstance(piece, bytearray | memoryview) else piece)
            count += len(piece) if isinstance(piece, bytes | bytearray | memoryview) else BATCH_BYTES
        if not pieces:
            raise StopAsyncIteration
        return pieces

    def __aiter__(self) -> Self:
        return self
