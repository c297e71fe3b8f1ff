"""Runs blocking calls in threads while a task waits, and ends them when the task is cancelled."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import sys
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any, Generic, NoReturn, TypeVar

import anyio

from assetstore.bulk.running import Running, Stopped
from assetstore.errors import InvalidOptionError
from assetstore.per_process import PerProcess

T = TypeVar("T")

LOOK_SECONDS = 1.0
"""How often a thread that waits for a source looks whether there is still a loop that could answer."""


def from_any_thread() -> Callable[[Callable[[], object]], object]:
    """Return what lets this event loop call a function soon, from any thread and without waiting."""
    trio = sys.modules.get("trio")
    if trio is not None:
        # Another loop runs, and another thread may still be importing trio.
        with contextlib.suppress(RuntimeError, AttributeError):
            return trio.lowlevel.current_trio_token().run_sync_soon  # type: ignore[no-any-return]  # need not be installed
    return asyncio.get_running_loop().call_soon_threadsafe


class Bridge(Iterator[T]):
    """Lets a thread iterate over what only a task can iterate over.

    Nothing is read ahead: the task takes an item when the thread asks for one, so what comes faster than the thread takes it
    fills no memory.
    """

    def __init__(self, items: AsyncIterable[T], source: object = None) -> None:
        """Iterate over ``items``, which come from ``source`` if that is something else."""
        self._items: AsyncIterator[T] = aiter(items)
        self._source = self._items if source is None else source
        self._answers: SimpleQueue[Callable[[], T]] = SimpleQueue()
        self._asked = anyio.Event()
        self._soon = from_any_thread()

    def __next__(self) -> T:
        self._soon(lambda: self._asked.set())  # serve() has set up another event since
        answer = self._answer()
        if answer is _stopped:
            self._answers.put(answer)
        return answer()

    def _answer(self) -> Callable[[], T]:
        while True:
            try:
                return self._answers.get(timeout=LOOK_SECONDS)
            except Empty:
                self._soon(_nothing)  # raises RuntimeError once the loop is closed, with the task still in it

    async def serve(self) -> None:
        """Answer the thread, in the task that owns the items, until cancelled."""
        while True:
            await self._asked.wait()
            self._asked = anyio.Event()
            try:
                item = await anext(self._items)
            except StopAsyncIteration:
                self._answers.put(partial(_throw, StopIteration()))
            except Exception as error:  # for the operation, which ends with it
                self._answers.put(partial(_throw, error))
            else:
                self._answers.put(partial(_same, item))

    async def close(self) -> None:
        """Close a source that is a generator, which may not have come to its end."""
        if isinstance(self._source, AsyncGenerator):
            await self._source.aclose()

    def stop(self) -> None:
        """End the iteration, for a thread that waits now or will ask later."""
        self._answers.put(_stopped)


def _nothing() -> None:
    """Do nothing."""


def _same(item: T) -> T:
    return item


def _throw(error: BaseException) -> NoReturn:
    raise error


def _stopped() -> NoReturn:
    raise Stopped


class Job(Generic[T]):
    """A function that runs in a thread, as the task sees it that waits for it."""

    def __init__(self, executor: Executor, function: Callable[[], T]) -> None:
        self._running = Running()
        self._ended = anyio.Event()
        self._serving: anyio.CancelScope | None = None
        soon = from_any_thread()

        def end(_: object) -> None:
            # A loop that is gone has forgotten the task.
            with contextlib.suppress(RuntimeError):
                soon(self._end)

        self._future = executor.submit(contextvars.copy_context().run, self._running.run, function)
        self._future.add_done_callback(end)

    def _end(self) -> None:
        self._ended.set()
        if self._serving is not None:
            self._serving.cancel()

    async def result(self, bridge: Bridge[Any] | None, stop: Callable[[], object]) -> T:
        """Return the result. If the task is cancelled, or Ctrl-C interrupts it, end the function and wait for its thread."""
        try:
            if bridge is not None:
                with anyio.CancelScope() as self._serving:
                    await bridge.serve()
            await self._ended.wait()
        except BaseException as error:
            self._stop(bridge, stop)
            if not isinstance(error, GeneratorExit):  # the loop has given up, and nothing can be awaited
                await self.settled()
            raise
        return self._future.result()

    def _stop(self, bridge: Bridge[Any] | None, stop: Callable[[], object]) -> None:
        if self._future.cancel():
            return  # it has not begun
        if bridge is not None:
            bridge.stop()
        self._running.stop()
        stop()

    async def settled(self) -> Future[T]:
        """Wait until the thread has ended, whoever cancels the task in the meantime."""
        with anyio.CancelScope(shield=True):
            while not self._ended.is_set():
                # asyncio's own cancellation goes through a shield; that of the caller is raised afterwards.
                with contextlib.suppress(anyio.get_cancelled_exc_class()):
                    await self._ended.wait()
        return self._future

    @property
    def stopped(self) -> bool:
        """Whether the task gave up while the function ran."""
        return self._running.stopped


class Threads:
    """The threads of a store, in three sets of equal size that start when they are needed.

    What waits for an asynchronous source has a set of its own: slow senders do not hold up the other calls, and a source may
    itself read from the store. So has what cleans up, which no cancellation ends: calls that hang must not hold it up.

    Attributes:
        most: how many there may be in each set.
    """

    def __init__(self, most: int) -> None:
        """Allow as many threads in each set, for all event loops of the process together.

        Raises:
            InvalidOptionError: it is not a number of threads.
        """
        if type(most) is not int or most < 1:
            raise InvalidOptionError(f"max_threads must be 1 or more, got {most!r}", hint="leave it out for the default")
        self.most = most
        self._own = PerProcess(lambda: ThreadPoolExecutor(most, "assetstore"))
        self._bridged = PerProcess(lambda: ThreadPoolExecutor(most, "assetstore-source"))
        self._cleaning = PerProcess(lambda: ThreadPoolExecutor(most, "assetstore-cleanup"))

    async def run(
        self,
        function: Callable[[], T],
        *,
        bridge: Bridge[Any] | None = None,
        stop: Callable[[], object] = _nothing,
        undo: Callable[[], object] = _nothing,
    ) -> T:
        """Call a function in a thread.

        Args:
            function: what to call.
            bridge: what the function iterates over.
            stop: called, without waiting, when the task is cancelled, to end the function.
            undo: called in a thread once the function of a cancelled task has ended, even with a result.
        """
        pool = self._own if bridge is None else self._bridged
        job = Job(pool.get(), function)
        try:
            return await job.result(bridge, stop)
        except GeneratorExit:
            raise
        except BaseException:
            if undo is not _nothing and job.stopped:
                await self.finish(undo)
            raise

    async def finish(self, function: Callable[[], T]) -> T:
        """Call a function in a thread and wait for it even if the task is cancelled: for what cleans up."""
        job = Job(self._cleaning.get(), function)
        return (await job.settled()).result()

    def close(self) -> None:
        """Let idle threads end, and those that work when they have ended it."""
        self._own.pop()
        self._bridged.pop()
        self._cleaning.pop()
