"""Gives many items to threads and takes their results: pulls items lazily, holds a bounded number, stops when closed."""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextvars import copy_context
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

import attrs

from assetstore.bulk.concurrency import Concurrency, as_many_as_files_allow
from assetstore.bulk.running import Running
from assetstore.bulk.work import Task, Together, Work
from assetstore.errors import AssetStoreError
from assetstore.limits import MAX_UPLOADS
from assetstore.results import BulkResult

T = TypeVar("T")

CHUNK, CHUNK_SECONDS = 32, 0.001
"""Short operations are handed to a thread several at a time, which together take about so long."""
PATIENCE, JOINT_PATIENCE = 0.002, 0.02
"""Seconds for which the first of several items waits for the others, and for those that the backend does together."""
HELD_BYTES = 16 << 20
"""Bytes of the items of one batch, where the items themselves are bytes."""
GRACE = 1.0
"""Seconds for which closing waits for the operations that it ended."""


class BulkResults(Generic[T]):
    """The results of a call about many items, as an iterator and a context manager.

    Nothing happens before the first result is asked for. Items are pulled by the thread that iterates, a few more than are
    being worked on, and no further while results wait to be taken. Closing it, the end of a ``with`` block and an exception
    such as Ctrl-C end what still runs; items whose result was not yet taken may or may not have been done. Several threads
    may share the results, each of which comes to one of them, and any thread may close them: then the loops end.
    """

    def __init__(
        self,
        name: str,
        items: Iterable[Any],
        plan: Callable[[Any], Task[T]],
        *,
        running: Running,
        ordered: bool,
        concurrency: Concurrency,
        size: Callable[[T], int],
        together: Together[T] | None = None,
    ) -> None:
        """Prepare the call.

        Args:
            name: the name of the call, for the repr.
            items: any number of items.
            plan: says what is to be done for an item.
            running: what the operations ask whether they should go on.
            ordered: whether results come in the order of the items.
            concurrency: how many threads there are.
            size: returns how many bytes of assets were moved.
            together: does several tasks at once.
        """
        self._name = name
        self._items: Iterator[Any] = iter(items)
        self._plan = plan
        self._ordered = ordered
        self._size = size
        self._work: Work[T] = Work(running, concurrency, together)
        self._threads: list[threading.Thread] = []
        self._live = 0
        self._handed = 0
        self._chunk = 1
        self._joining: list[Task[T]] = []
        self._batches_out = 0
        self._batch = as_many_as_files_allow(MAX_UPLOADS)
        self._pulled = 0
        self._out = 0
        self._slowed = 0
        self._ready: deque[BulkResult[T]] = deque()
        self._early: dict[int, BulkResult[T]] = {}
        self._next_index = 0
        self._ended = False
        self._broken: Exception | None = None
        self._closed = False
        self._turn = threading.RLock()
        self._busy = False
        self._process = os.getpid()

    def __iter__(self) -> Iterator[BulkResult[T]]:
        return self

    def __next__(self) -> BulkResult[T]:
        if self._process != os.getpid():
            raise AssetStoreError(f"{self._name} must be used in the process that called it", hint="call it again here")
        try:
            with self._turn:
                return self._next()
        except BaseException:
            self.close()
            raise

    def _next(self) -> BulkResult[T]:
        if self._busy:
            raise AssetStoreError(f"the items of {self._name} must not depend on its results", hint="use two calls")
        self._busy = True
        try:
            return self._found()
        finally:
            self._busy = False

    def _found(self) -> BulkResult[T]:
        while not self._closed:
            self._take()
            while self._has_room():
                self._submit(self._pull())
                self._take()
                if self._ready:
                    break
            # The items, a callback or another thread may have closed it since, which made what ran fail.
            if self._closed:
                break
            if self._ready:
                self._out -= 1
                return self._ready.popleft()
            if not self._out:
                break
            self._receive()
        broken, self._broken = self._broken, None
        raise broken or StopIteration

    def _has_room(self) -> bool:
        most = 2 * self._work.concurrency.limit * self._chunk
        return not self._ended and self._out < (most if self._work.together is None else max(most, 2 * self._batch))

    def _pull(self) -> list[Task[T]]:
        """Take as many items as one thread gets at once, fewer where they do not come quickly."""
        alone = self._work.together is None
        wanted, patience = (self._chunk, PATIENCE) if alone else (self._batch, JOINT_PATIENCE)
        tasks: list[Task[T]] = []
        held, until = 0, time.perf_counter() + patience
        while len(tasks) < wanted and held < HELD_BYTES:
            try:
                item = next(self._items)
            except StopIteration:
                self._ended = True
                break
            except Exception as error:
                self._ended, self._broken = True, error
                break
            self._out += 1
            task = self._plan(item)
            task.item, task.index = item, self._pulled
            tasks.append(task)
            self._pulled += 1
            held += task.held
            if time.perf_counter() > until:
                break
        return tasks

    def _submit(self, tasks: list[Task[T]]) -> None:
        if self._work.together is None:
            self._put([attrs.evolve(task, joins=False) for task in tasks] if any(task.joins for task in tasks) else tasks)
            return
        self._joining += [task for task in tasks if task.joins]
        for task in tasks:
            if not task.joins:
                self._put([task])
        self._put_batches()

    def _put_batches(self) -> None:
        while self._joining and self._batches_out < self._work.concurrency.batches:
            batch, self._joining = self._joining[: self._batch], self._joining[self._batch :]
            self._batches_out += 1
            self._put(batch)

    def _put(self, tasks: Sequence[Task[T]]) -> None:
        if tasks:
            self._work.todo.put(tasks)
            self._handed += 1
            # Each thread keeps memory of its own for what batches hold, so none begins while another one is idle.
            if self._live < min(self._work.concurrency.limit, self._handed):
                self._start()

    def _start(self) -> None:
        # In the context of the call, so that traces know by whom the operations were asked for.
        run = copy_context().run
        thread = threading.Thread(target=run, args=(self._work.run,), name=f"assetstore {self._name}", daemon=True)
        self._threads = [*(old for old in self._threads if old.is_alive()), thread]
        try:
            thread.start()
        except RuntimeError:  # the system allows no more threads
            if not self._live:
                raise
            self._work.concurrency.most = self._work.concurrency.limit = self._live
        else:
            self._live += 1

    def _take(self) -> None:
        """Receive the results that are there."""
        while not self._work.done.empty():
            self._receive()

    def _receive(self) -> None:
        """Wait for results, and learn from them how many threads are best."""
        done = self._work.done.get()
        if done is None:
            return
        if isinstance(done, BaseException):
            raise done
        self._handed -= 1
        results, seconds = done.results, done.seconds
        concurrency, running = self._work.concurrency, self._work.running
        if running.slowed > self._slowed:
            self._slowed = running.slowed
            concurrency.slow_down(gently=not running.asked)
        if done.is_batch:
            self._batches_out -= 1
            self._put_batches()
        else:
            size = sum(self._size(result.value) for result in results if result.value is not None)
            concurrency.note(len(results), size)
            self._chunk = max(1, min(CHUNK, int(CHUNK_SECONDS * len(results) / seconds), 2 * self._chunk))
        for task in done.rest:
            self._put([task])
        while self._live > concurrency.limit:
            self._work.todo.put(None)
            self._live -= 1
        self._deliver(results)

    def _deliver(self, results: Sequence[BulkResult[T]]) -> None:
        if not self._ordered:
            self._ready.extend(results)
            return
        self._early.update((result.index, result) for result in results)
        while (result := self._early.pop(self._next_index, None)) is not None:
            self._ready.append(result)
            self._next_index += 1

    def close(self) -> None:
        """End what still runs and wait for it, a second at most. May be called twice."""
        if self._closed:
            return
        self._end()
        until = time.monotonic() + GRACE
        for thread in self._threads:
            # A callback for progress closes it on such a thread.
            if thread.is_alive() and thread is not threading.current_thread():
                thread.join(max(0.0, until - time.monotonic()))

    def _end(self) -> None:
        self._closed = True
        if self._process != os.getpid():
            return  # a forked child has the sockets, but must not shut them: they are its parent's
        self._work.running.stop()
        self._work.todo.put(None)
        self._work.done.put(None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        # Any thread may collect garbage, so nothing is waited for.
        if not getattr(self, "_closed", True):
            self._end()

    def __repr__(self) -> str:
        return f"<results of {self._name}: loop over them>"
