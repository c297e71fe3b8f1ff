"""Makes an object lazily, once in each process: for clients that threads may share and a fork must not."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class PerProcess(Generic[T]):
    """Makes a thing on first use, once under a lock, and anew in a forked child.

    Example::

        client = PerProcess(lambda: object())
        assert client.get() is client.get()
    """

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._slot: _Slot[T] = _Slot()
        _holders.add(self)

    def get(self) -> T:
        """Return the thing, making it first if this process has none."""
        slot = self._slot
        if not slot.things:
            with slot.lock:
                if not slot.things:
                    slot.things.append(self._make())
        return slot.things[0]

    def pop(self) -> T | None:
        """Return the thing of this process, or ``None``, and forget it."""
        slot, self._slot = self._slot, _Slot()
        return slot.things[0] if slot.things else None


class _Slot(Generic[T]):
    def __init__(self) -> None:
        # Reentrant, for making may set off the garbage collector, and that what asks for the thing.
        self.lock = threading.RLock()
        self.things: list[T] = []


_holders: weakref.WeakSet[PerProcess[Any]] = weakref.WeakSet()


def _forget_all() -> None:
    # Runs while a forked child has one thread; the parent's locks may be held by threads that the child does not have.
    for holder in _holders:
        holder.pop()


# Windows has no fork.
getattr(os, "register_at_fork", lambda **_: None)(after_in_child=_forget_all)
