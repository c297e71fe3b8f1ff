"""An asynchronous store as an ordinary one, so that the contract runs through it: each call goes to an event loop."""

from __future__ import annotations

import contextlib
import inspect
import io
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, Self

import anyio
from anyio.from_thread import BlockingPortal, start_blocking_portal

from assetstore import AssetStore
from assetstore.aio import AsyncAssetReader, AsyncAssetStore, AsyncAssetWriter, AsyncBulkResults, AsyncListing, Opening
from assetstore.plugin import PerProcess


class Loop:
    """An event loop in a thread; a forked child has its own."""

    def __init__(self, name: str) -> None:
        self._exits = contextlib.ExitStack()
        self._portal = PerProcess(lambda: self._exits.enter_context(start_blocking_portal(name)))

    def call(self, function: Callable[..., Awaitable[Any]], *arguments: Any) -> Any:
        """Await in the loop. An exception such as Ctrl-C ends the call, and not the loop."""
        raised: list[BaseException] = []

        async def run() -> Any:
            try:
                return await function(*arguments)
            except BaseException as error:
                if isinstance(error, anyio.get_cancelled_exc_class()):
                    raise
                raised.append(error)

        value = self.portal.call(run)
        for error in raised:
            raise error
        return value

    @property
    def portal(self) -> BlockingPortal:
        """The portal of this process."""
        return self._portal.get()

    def close(self) -> None:
        """End the loop."""
        self._exits.close()


class DrivenStore:
    """Has the methods of ``AssetStore``, each of which awaits that of an ``AsyncAssetStore``.

    One-shot iterators of bytes are given to it as asynchronous ones.
    """

    def __init__(self, store: AsyncAssetStore, loop: Loop) -> None:
        self.driven = store
        self.loop = loop

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") and not name.startswith("__"):
            # What copies between stores, which is not asynchronous, asks the stores themselves about their places.
            return getattr(self.driven.wrapped, name)
        value = getattr(self.driven, name)
        if not inspect.ismethod(value):
            return value

        async def call(*arguments: Any, **keywords: Any) -> Any:
            result = value(*arguments, **keywords)
            return await result if inspect.iscoroutine(result) or isinstance(result, Opening) else result

        def method(*arguments: Any, **keywords: Any) -> Any:
            return self.ordinary(self.loop.call(lambda: call(*arguments, **keywords)))

        return method

    def upload(self, source: Any, *arguments: Any, **keywords: Any) -> Any:
        """Upload, what is read only once through the bridge for asynchronous sources."""
        source = in_task(source) if isinstance(source, Iterator) and not hasattr(source, "read") else source
        return self.__getattr__("upload")(source, *arguments, **keywords)

    def ordinary(self, value: Any) -> Any:
        """Return what a method returned in a form that needs no event loop."""
        match value:
            case AsyncAssetStore():
                return DrivenStore(value, self.loop)
            case AsyncAssetReader():
                return DrivenReader(value, self.loop)
            case AsyncListing() | AsyncBulkResults():
                return Each(value, self.loop)
            case contextlib.AbstractAsyncContextManager():
                return self.entered(value)
        return value

    @contextlib.contextmanager
    def entered(self, manager: contextlib.AbstractAsyncContextManager[Any]) -> Iterator[Any]:
        """Enter and exit in the event loop."""
        with self.loop.portal.wrap_async_context_manager(manager) as value:
            yield DrivenWriter(value, self.loop) if isinstance(value, AsyncAssetWriter) else value

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return repr(self.driven)


def through(name: str) -> Callable[..., Any]:
    """Return a method that awaits the one of this name."""
    return lambda self, *arguments: self.loop.call(getattr(self.driven, name), *arguments)


class DrivenReader(io.BufferedIOBase):
    """An ``AsyncAssetReader`` as a file."""

    read, read1, readinto, seek = map(through, ("read", "read1", "readinto", "seek"))
    _close = through("close")

    def __init__(self, reader: AsyncAssetReader, loop: Loop) -> None:
        self.driven = reader
        self.loop = loop
        self.info, self.readable, self.seekable, self.tell = reader.info, reader.readable, reader.seekable, reader.tell

    def chunks(self, size: int = 1 << 20) -> Iterator[bytes]:
        """Yield the pieces."""
        return Each(self.driven.chunks(size), self.loop)

    def close(self) -> None:
        """Close it once."""
        if not self.closed:
            super().close()
            self._close()


class DrivenWriter(io.BufferedIOBase):
    """An ``AsyncAssetWriter`` as a file."""

    write = through("write")

    def __init__(self, writer: AsyncAssetWriter, loop: Loop) -> None:
        self.driven = writer
        self.loop = loop
        self.writable = lambda: True


class Each(Iterator[Any]):
    """An asynchronous iterator as an ordinary one, which may be closed and is a context manager."""

    close = through("close")

    def __init__(self, items: AsyncIterator[Any], loop: Loop) -> None:
        self.driven = items
        self.loop = loop

    def __next__(self) -> Any:
        async def step() -> Any:
            return await anext(self.driven, self)

        item = self.loop.call(step)
        if item is self:
            raise StopIteration
        return item

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return repr(self.driven)


async def in_task(source: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Yield the pieces of an iterator asynchronously."""
    for piece in source:
        yield piece


def driven(store: AssetStore, loop: Loop) -> AssetStore:
    """Return a store whose calls go through ``AsyncAssetStore``."""
    return DrivenStore(AsyncAssetStore(store), loop)  # type: ignore[return-value]  # it has the same methods
