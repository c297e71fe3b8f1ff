"""Bounds an operation: when it must end, how slowly its bytes may move, and how another thread cancels it."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Protocol, Self

from assetstore.plugin import stopping
from assetstore_r2.wire.errors import CancelledError, TooSlowError

WINDOW = 30.0
"""Seconds over which the rate of a transfer is measured."""
TIMEOUT, MIN_RATE = 60.0, 1024
_STEP = 0.2


class Shuttable(Protocol):
    """A socket."""

    def shutdown(self, how: int, /) -> None:
        """End both directions, which wakes whoever waits for the socket."""


class Deadline:
    """The time that one operation has, beside the time in which its bytes move.

    Attributes:
        timeout: seconds for everything but bytes.
        min_rate: bytes a second, measured over ``WINDOW``, below which a transfer is given up.
    """

    __slots__ = (
        *("_before", "_cancelled", "_end", "_moved", "_moving", "_outlives_call", "_parent", "_sockets", "_stopping"),
        *("min_rate", "timeout"),
    )

    def __init__(
        self,
        timeout: float = TIMEOUT,
        min_rate: float = MIN_RATE,
        parent: Deadline | None = None,
        *,
        outlives_call: bool = False,
    ) -> None:
        """Begin to count now.

        Args:
            timeout: seconds for everything but bytes.
            min_rate: bytes a second below which a transfer is given up.
            parent: cancels this one when it is cancelled.
            outlives_call: whether it goes on when the call about many assets is closed: what undoes an operation has to.
        """
        self._outlives_call = outlives_call
        self.timeout: float = timeout
        self.min_rate: float = min_rate
        self._end = time.monotonic() + timeout
        self._moving, self._moved = 0.0, 0
        self._cancelled = False
        self._before: Deadline | None = None
        self._stopping: AbstractContextManager[None]
        self._parent = parent
        self._sockets: set[Shuttable] = set() if parent is None else parent._sockets  # noqa: SLF001 - of its own class

    def child(self) -> Deadline:
        """Return the deadline of a part, which is cancelled together with this one and has a time of its own."""
        return Deadline(self.timeout, self.min_rate, self)

    def left(self) -> float:
        """Return the seconds that are left.

        Raises:
            TooSlowError: none are.
            CancelledError: the operation was cancelled.
        """
        if self.cancelled:
            raise CancelledError("the operation was cancelled")
        left = self._end - time.monotonic()
        if left <= 0:
            raise TooSlowError(f"the operation took longer than {self.timeout:g} s beside its bytes")
        return left

    def patience(self) -> float:
        """Return the seconds that the next bytes of a transfer may take."""
        if self.cancelled:
            raise CancelledError("the operation was cancelled")
        return max(0.01, WINDOW - self._moving)

    def moved(self, count: int, seconds: float) -> None:
        """Note that ``count`` bytes took some seconds, which do not count as time of the operation.

        Raises:
            TooSlowError: fewer than ``min_rate`` bytes a second moved within ``WINDOW``.
            CancelledError: the operation was cancelled, which looks like the end of the bytes.
        """
        if self.cancelled:
            raise CancelledError("the operation was cancelled")
        self._end += seconds
        self._moving += seconds
        self._moved += count
        if self._moving >= WINDOW:
            if self._moved < self.min_rate * self._moving:
                raise TooSlowError(f"fewer than {self.min_rate:g} bytes a second moved within {WINDOW:g} s")
            self._moving, self._moved = 0.0, 0

    def sleep(self, seconds: float) -> None:
        """Wait.

        Raises:
            TooSlowError: at once, if the time would be over before.
        """
        if seconds >= self.left():
            raise TooSlowError(f"a pause of {seconds:.0f} s would exceed the {self.timeout:g} s of the operation")
        until = time.monotonic() + seconds
        while self.left() and (rest := until - time.monotonic()) > 0:
            time.sleep(min(rest, _STEP))

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Do not count the time of the block: it waits for the source, or for parts that have a time of their own."""
        begin = time.monotonic()
        try:
            yield
        finally:
            self._end += time.monotonic() - begin

    @property
    def cancelled(self) -> bool:
        """Whether the operation, or the one that it is a part of, was cancelled."""
        return self._cancelled or (self._parent is not None and self._parent.cancelled)

    def cancel(self) -> None:
        """End the operation in all its threads: their sockets are shut down."""
        self._cancelled = True
        for used in list(self._sockets):
            with contextlib.suppress(OSError):
                used.shutdown(socket.SHUT_RDWR)

    def watch(self, used: Shuttable) -> None:
        """Shut this socket down when the operation is cancelled."""
        self._sockets.add(used)

    def unwatch(self, used: Shuttable) -> None:
        """Forget a socket."""
        self._sockets.discard(used)

    def __enter__(self) -> Self:
        """Make this the deadline of the thread; each thread of an operation enters a ``child`` of its own."""
        self._before = getattr(_here, "deadline", None)
        _here.deadline = self
        self._stopping = contextlib.nullcontext() if self._outlives_call else stopping(self.cancel)
        self._stopping.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.__exit__(None, None, None)
        _here.deadline = self._before


_here = threading.local()


def current() -> Deadline:
    """Return the deadline of this thread's operation; a new one if there is none."""
    return getattr(_here, "deadline", None) or Deadline()
