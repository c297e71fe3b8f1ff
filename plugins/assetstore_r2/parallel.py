"""Runs the parts of one operation several at a time, in threads that end together."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from typing import TypeVar

from assetstore_r2.deadline import Deadline, current

T = TypeVar("T")
R = TypeVar("R")

_GRACE = 0.5


def in_parallel(work: Callable[[T], R], pieces: Iterable[T], workers: int) -> Iterator[R]:
    """Yield ``work(piece)`` for each piece, in order.

    The pieces are taken by the calling thread, one more than are worked on. Each call has a deadline of its own. When one
    fails, or Ctrl-C ends the wait for it, the requests of the others are cancelled.
    """
    limit = current().child()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="assetstore-part")
    pending: deque[Future[R]] = deque()
    try:
        for piece in pieces:
            if len(pending) == workers:
                yield pending.popleft().result()
            # Its requests count for the operation, which is known by the context.
            pending.append(pool.submit(copy_context().run, _within, limit.child(), work, piece))
        while pending:
            yield pending.popleft().result()
    except BaseException as error:
        limit.cancel()
        # A part that is stored after an abort would stay, so their end is waited for; not long at Ctrl-C, since botocore's
        # requests cannot be cancelled.
        wait(pending, None if isinstance(error, Exception) else _GRACE)
        raise
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _within(limit: Deadline, work: Callable[[T], R], piece: T) -> R:
    with limit:
        return work(piece)
