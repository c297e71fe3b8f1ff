"""What a thread does for many items: each alone, or several together where the backend can; errors become results."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from typing import Any, Generic, TypeAlias, TypeVar

import attrs

from assetstore.bulk.concurrency import Concurrency
from assetstore.bulk.running import Running, Stopped
from assetstore.errors import UnavailableError
from assetstore.results import BulkResult

T = TypeVar("T")

Together: TypeAlias = Callable[[Sequence["Task[T]"], int], list[T | Exception | None] | None]


@attrs.define(eq=False, slots=True)
class Task(Generic[T]):
    """What is to be done for one item.

    Attributes:
        key: the key for the result.
        call: does it.
        held: the bytes that the item keeps in memory.
        joins: whether it may be done together with others.
        item: the item as given; the pool sets it.
        index: its place among the items; the pool sets it.
    """

    key: Any
    call: Callable[[], T]
    held: int = 0
    joins: bool = False
    item: Any = None
    index: int = 0

    def ended(self, value: T | None, error: Exception | None) -> BulkResult[T]:
        """Return the result."""
        return BulkResult(self.item, self.index, getattr(value, "key", self.key), value, error)


@attrs.frozen(eq=False)
class Done(Generic[T]):
    """What a thread did.

    Attributes:
        results: what became of its tasks.
        seconds: how long that took.
        rest: tasks that are to be done alone.
        is_batch: whether the backend did them together.
    """

    results: Sequence[BulkResult[T]]
    seconds: float
    rest: Sequence[Task[T]] = ()
    is_batch: bool = False


@attrs.define(eq=False)
class Work(Generic[T]):
    """What the threads share. They do not know the iterator, which may be forgotten while they run.

    Attributes:
        running: ties the operations to the call.
        concurrency: how many threads there are.
        together: does several tasks at once, ``None`` of each to be done alone; is ``None`` when the backend cannot.
        todo: tasks for a thread; ``None`` ends one.
        done: what a thread did, or what it cannot go on after; ``None`` when the call was closed.
    """

    running: Running
    concurrency: Concurrency
    together: Together[T] | None
    todo: SimpleQueue[Sequence[Task[T]] | None] = attrs.field(factory=SimpleQueue)
    done: SimpleQueue[Done[T] | BaseException | None] = attrs.field(factory=SimpleQueue)

    def run(self) -> None:
        """Do what there is to do, until told to end."""
        self.running.enter()
        while (tasks := self.todo.get()) is not None:
            try:
                self.done.put(self._joined(tasks) if tasks[0].joins else self._single(tasks))
            except Stopped:
                continue  # nobody waits for the result
            except BaseException as error:  # for the thread that iterates
                self.done.put(error)
        if self.running.stopped:
            self.todo.put(None)  # for the next thread: Ctrl-C may have come before one was counted

    def _single(self, tasks: Sequence[Task[T]]) -> Done[T]:
        began = time.perf_counter()
        return Done([self._alone(task) for task in tasks], time.perf_counter() - began)

    def _alone(self, task: Task[T]) -> BulkResult[T]:
        self.running.pause()
        try:
            return task.ended(task.call(), None)
        except Exception as error:
            if isinstance(error, UnavailableError):
                self.running.slow_down(error.retry_after, asked=error.retry_after is not None)
            # No variable of this frame may hold the result: the error's traceback holds the frame.
            return task.ended(None, error)

    def _joined(self, tasks: Sequence[Task[T]]) -> Done[T]:
        self.running.pause()
        began = time.perf_counter()
        values = None if self.together is None else self.together(tasks, self.concurrency.share)
        if values is None:
            self.together = None  # the backend cannot after all
            values = [None] * len(tasks)
        pairs = [(task, end) for task, end in zip(tasks, values, strict=True) if end is not None]
        results = [task.ended(None, end) if isinstance(end, Exception) else task.ended(end, None) for task, end in pairs]
        rest = [attrs.evolve(task, joins=False) for task, end in zip(tasks, values, strict=True) if end is None]
        return Done(results, time.perf_counter() - began, rest, is_batch=True)
