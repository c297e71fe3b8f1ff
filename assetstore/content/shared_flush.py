"""Flushes files of several threads together, where one flush of the file system costs less than one for each file."""

from __future__ import annotations

import os
import threading

import attrs

from assetstore.content import whole_flush


@attrs.define(eq=False)
class _Turn:
    """A file that waits to be flushed, and whether it was: ``False`` means that its own thread has to do it."""

    descriptor: int
    device: int
    flushed: bool | None = None


class SharedFlush:
    """Flushes for the threads of one call. While one thread flushes, others gather; then one flushes for all of them."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._waiting: list[_Turn] = []
        self._busy = False

    def flush(self, descriptor: int) -> None:
        """Return when the bytes of an open file are on the disk.

        Raises:
            OSError: some of them could not be written.
        """
        turn = _Turn(descriptor, os.fstat(descriptor).st_dev)
        if whole_flush.keeps_the_promise(descriptor) and self._wait(turn):
            self._lead(turn)
        if not turn.flushed:
            os.fsync(descriptor)

    def _wait(self, turn: _Turn) -> bool:
        """Return whether it is this thread that has to flush; otherwise another thread has dealt with the file."""
        with self._condition:
            self._waiting.append(turn)
            try:
                while turn.flushed is None and self._busy:
                    self._condition.wait()
            except BaseException:
                self._waiting = [other for other in self._waiting if other is not turn]
                raise
            leads = turn.flushed is None
            self._busy = self._busy or leads
            return leads

    def _lead(self, turn: _Turn) -> None:
        with self._condition:
            together = [other for other in self._waiting if other.device == turn.device]
            self._waiting = [other for other in self._waiting if other.device != turn.device]
        flushed = False
        try:
            if len(together) == 1:
                os.fsync(turn.descriptor)
                flushed = True
            else:
                flushed = whole_flush.flush(turn.descriptor, len(together))
        finally:
            with self._condition:
                for other in together:
                    other.flushed = flushed
                self._busy = False
                self._condition.notify_all()
