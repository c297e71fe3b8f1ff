"""What ties an operation to the call that it is a part of: the call can end it, and it can slow the call down.

Such a call is one about many assets, or one that a task awaits.
"""

from __future__ import annotations

import contextlib
import functools
import threading
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

T = TypeVar("T")

MAX_PAUSE = 60.0
"""Seconds: a store that asks for more patience is asked again after these."""


class Stopped(BaseException):
    """The call was closed, or who awaited it was cancelled, while one of its operations ran."""


class Running:
    """A call about many assets, or one that a task awaits, as its threads see it.

    Attributes:
        stopped: whether the call was closed.
        slowed: how often the store asked for fewer requests, or could not be reached.
        asked: whether it asked, the last time.
    """

    __slots__ = ("_callbacks", "_lock", "_resume", "_wake", "asked", "slowed", "stopped")

    def __init__(self) -> None:
        self.stopped: bool = False
        self.slowed: int = 0
        self.asked: bool = False
        self._lock = threading.Lock()
        self._callbacks: dict[int, Callable[[], object]] = {}
        self._resume = 0.0
        self._wake = threading.Event()

    def enter(self) -> None:
        """Make this the call that the current thread works for."""
        _thread.running = self

    def run(self, function: Callable[[], T]) -> T:
        """Call a function in a thread that works for other calls before and afterwards."""
        before, _thread.running = _thread.running, self
        try:
            return function()
        finally:
            _thread.running = before

    def stop(self) -> None:
        """End what runs as soon as each operation allows it."""
        with self._lock:
            self.stopped = True
            callbacks = list(self._callbacks.values())
        self._wake.set()
        for callback in callbacks:
            with contextlib.suppress(Exception):  # the others must be called all the same
                callback()

    def require(self) -> None:
        """Raise Stopped if the call was closed."""
        if self.stopped:
            raise Stopped

    def slow_down(self, seconds: float | None, *, asked: bool) -> None:
        """Note that the store asked for fewer requests, and for none within ``seconds``, or could not be reached."""
        with self._lock:
            self.slowed += 1
            self.asked = asked
            if seconds is not None:
                self._resume = max(self._resume, time.monotonic() + min(seconds, MAX_PAUSE))

    def pause(self) -> None:
        """Wait until the store wants requests again, or raise Stopped when the call is closed before."""
        if self._resume:
            while not self.stopped and (left := self._resume - time.monotonic()) > 0:
                self._wake.wait(left)
        self.require()

    def reporting(self, progress: Callable[[int], object] | None) -> Callable[[int], None]:
        """Return what threads report bytes to: it calls ``progress`` one at a time, and ends what a closed call moves."""
        lock = threading.Lock()

        def report(count: int) -> None:
            self.require()
            if progress is not None:
                with lock:
                    progress(count)

        return report

    @contextlib.contextmanager
    def calling(self, callback: Callable[[], object]) -> Iterator[None]:
        """Call ``callback`` if the call is closed while the block runs."""
        with self._lock:
            self._callbacks[id(callback)] = callback
            stopped = self.stopped
        try:
            if stopped:
                callback()
            yield
        finally:
            with self._lock:
                self._callbacks.pop(id(callback), None)


class _Thread(threading.local):
    running: Running | None = None


_thread = _Thread()
_NOTHING = contextlib.nullcontext()


def stopping(callback: Callable[[], object]) -> contextlib.AbstractContextManager[None]:
    """Call ``callback``, on another thread, if the call that this thread works for is ended from outside.

    That is a call about many assets which is closed, or one of ``AsyncAssetStore`` whose task is cancelled. A backend wraps
    what may wait long in it: ``callback`` ends the wait, for example by shutting a socket, and waits for nothing itself.
    Outside of such a call it is never called. Its exceptions are ignored.

    Example::

        first, second = socket.socketpair()
        with stopping(lambda: first.shutdown(socket.SHUT_RDWR)):
            second.send(b"a")
            assert b"a" == first.recv(1)
    """
    running = _thread.running
    return _NOTHING if running is None else running.calling(callback)


def belonging(function: Callable[[], T]) -> Callable[[], T]:
    """Return the function as a part of the call that this thread works for, to be called by a thread of its own."""
    running = _thread.running
    return function if running is None else functools.partial(running.run, function)


def require() -> None:
    """Raise Stopped if the call that this thread works for was closed, or who awaited it was cancelled."""
    if _thread.running is not None:
        _thread.running.require()


def slow_down(seconds: float | None = None) -> None:
    """Report that the store asked for fewer requests, for example by an answer 429 or 503 that the backend tries again.

    The call about many assets that this thread works for then runs half as many operations at once; outside of such a call
    nothing happens.

    Args:
        seconds: how long the store wants no request at all, if it said so. The call waits a minute at most.
    """
    if _thread.running is not None:
        _thread.running.slow_down(seconds, asked=True)
