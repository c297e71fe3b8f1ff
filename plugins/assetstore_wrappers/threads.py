"""Does one thing to many keys at once, in a hook that has many keys."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

T = TypeVar("T")

CONCURRENCY = 16


def for_each(keys: Sequence[str], work: Callable[[str], T]) -> dict[str, T]:
    """Return what ``work`` returns for each key; what it raises ends the call."""
    with ThreadPoolExecutor(min(CONCURRENCY, len(keys)) or 1) as pool:
        # In a copy of the context their requests count for the operation.
        tasks = [pool.submit(copy_context().run, work, key) for key in keys]
        return dict(zip(keys, [task.result() for task in tasks], strict=True))
