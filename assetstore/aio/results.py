"""The asynchronous iterators that listings and calls about many assets return."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from itertools import islice
from types import TracebackType
from typing import Any, Self, TypeVar

from assetstore.aio.threads import Bridge, Threads
from assetstore.bulk.pool import BulkResults
from assetstore.errors import AssetStoreError
from assetstore.limits import PAGE
from assetstore.results import BulkResult

T = TypeVar("T")


class AsyncListing(AsyncIterator[T]):
    """The iterator that ``list`` returns. It fetches a page at a time; one that was cancelled cannot go on."""

    def __init__(self, listing: Iterator[T], threads: Threads) -> None:
        self._listing = listing
        self._threads = threads
        self._page: deque[T] = deque()
        self._error: Exception | None = None

    async def __anext__(self) -> T:
        if not self._page and self._error is None:
            await self._threads.run(self._fetch, undo=self._break)
        if self._page:
            return self._page.popleft()
        if self._error is not None:
            raise self._error
        raise StopAsyncIteration

    def _fetch(self) -> None:
        try:
            self._page.extend(islice(self._listing, PAGE))
        except Exception as error:  # for when the entries before it are used up
            self._error = error

    def _break(self) -> None:
        self._error = AssetStoreError("the listing was cancelled and cannot go on", hint="list again", op="list")

    def rest(self) -> Iterator[T]:
        """Return the entries that are left as an ordinary iterator, for a thread."""
        yield from self._page
        if self._error is not None:
            raise self._error
        yield from self._listing

    def __repr__(self) -> str:
        return f"<async {repr(self._listing)[1:]}"


class AsyncBulkResults(AsyncIterator[BulkResult[T]]):
    """The results of a call about many items, as ``BulkResults`` has them. One task may use it at a time.

    Nothing happens before the first result is asked for. ``close``, the end of an ``async with`` block and a cancellation
    end what still runs.

    Attributes:
        wrapped: the ``BulkResults``.
    """

    def __init__(self, results: BulkResults[T], bridge: Bridge[Any] | None, threads: Threads) -> None:
        self.wrapped = results
        self._bridge = bridge
        self._threads = threads
        # Closing may wait a second for what runs, and the event loop must not.
        self._closing = threading.Thread(target=results.close, daemon=True)

    async def __anext__(self) -> BulkResult[T]:
        step: Callable[[], BulkResult[T] | None] = partial(next, self.wrapped, None)
        stop, undo = self._begin_closing, self._closing.join
        result = await self._threads.run(step, bridge=self._bridge, stop=stop, undo=undo)
        if result is None:
            raise StopAsyncIteration
        return result

    def _begin_closing(self) -> None:
        if self._closing.ident is None:  # another result was asked for, and cancelled, since
            self._closing.start()

    async def close(self) -> None:
        """End what still runs and wait for it, a second at most. May be called twice."""
        await self._threads.finish(self.wrapped.close)
        if self._bridge is not None:
            await self._bridge.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"<async {repr(self.wrapped)[1:]}"
