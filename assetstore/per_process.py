"""A thing made lazily, once in each process: for clients and connections that threads share and a fork must not."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

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

    def get(self) -> T:
        """Return the thing, making it first if this process has none."""
        slot = self._slot
        if slot.pid != os.getpid():
            # The parent's lock may have been held by a thread that the child does not have.
            slot = self._slot = _Slot()
        if not slot.things:
            with slot.lock:
                if not slot.things:
                    slot.things.append(self._make())
        return slot.things[0]

    def pop(self) -> T | None:
        """Return the thing of this process, or ``None``, and forget it."""
        slot, self._slot = self._slot, _Slot()
        return slot.things[0] if slot.things and slot.pid == os.getpid() else None


class _Slot(Generic[T]):
    def __init__(self) -> None:
        self.pid = os.getpid()
        self.lock = threading.Lock()
        self.things: list[T] = []
