"""Makes an object on first use, once in each process: for clients that threads may share but forked processes must not."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class PerProcess(Generic[T]):
    """Makes an object on first use, under a lock, and another one in a forked child.

    Example::

        client = PerProcess(lambda: object())
        assert client.get() is client.get()
    """

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._slot: _Slot[T] = _Slot()
        _holders.add(self)

    def get(self) -> T:
        """Return the object; make it first if this process has none."""
        slot = self._slot
        if not slot.things:
            with slot.lock:
                if not slot.things:
                    slot.things.append(self._make())
        return slot.things[0]

    def pop(self) -> T | None:
        """Return the object of this process, or ``None``, and forget it."""
        slot, self._slot = self._slot, _Slot()
        return slot.things[0] if slot.things else None


class _Slot(Generic[T]):
    def __init__(self) -> None:
        # Reentrant: making the object may run the garbage collector, and a finalizer may ask for the object.
        self.lock = threading.RLock()
        self.things: list[T] = []


_holders: weakref.WeakSet[PerProcess[Any]] = weakref.WeakSet()


def _forget_all() -> None:
    # Threads that the child does not have may hold the parent's locks for ever, so the child gets new slots.
    for holder in _holders:
        holder.pop()


# Windows has no fork.
getattr(os, "register_at_fork", lambda **_: None)(after_in_child=_forget_all)
