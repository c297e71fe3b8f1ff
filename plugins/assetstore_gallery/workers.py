"""Has thumbnails made by processes of their own, which are killed and replaced when a picture takes too long."""

from __future__ import annotations

import contextlib
import os
import queue
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable

import attrs

from assetstore_gallery import shrink

COUNT = 2
"""Processes of one gallery."""
SECONDS = 15.0
"""How long a picture may take, the start of a process included."""


@attrs.define(eq=False)
class Worker:
    """One process; it starts with its first picture.

    Attributes:
        seconds: how long a picture may take.
    """

    seconds: float = SECONDS
    process: subprocess.Popen[bytes] | None = attrs.field(default=None, init=False)

    def shrink(self, data: bytes, side: int = shrink.SIDE) -> bytes:
        """Return a picture made smaller, or nothing where the process makes none, fails, or is too slow."""
        process = self._running()
        assert process.stdin is not None
        assert process.stdout is not None
        late = threading.Timer(self.seconds, process.kill)
        late.start()
        try:
            shrink.send(process.stdin, side.to_bytes(2, "big"))
            shrink.send(process.stdin, data)
            thumbnail = shrink.received(process.stdout)
        except OSError:
            thumbnail = None
        finally:
            late.cancel()
            late.join()  # or it might kill a process that goes on to the next picture
        if thumbnail is None:
            self.end()
        return thumbnail or b""

    def end(self) -> None:
        """End the process, if there is one; it has nothing to lose."""
        process, self.process = self.process, None
        if process is None:
            return
        process.kill()
        # Leaving the block closes the pipes, of which one may have bytes that nobody reads, and waits.
        with contextlib.suppress(OSError), process:
            pass

    def _running(self) -> subprocess.Popen[bytes]:
        if self.process is not None and self.process.poll() is not None:
            self.end()
        if self.process is None:
            self.process = subprocess.Popen(  # noqa: S603 - our own file, run by this Python
                [sys.executable, "-I", shrink.__file__, *sys.path],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                cwd=os.path.abspath(os.sep),
                # Credentials stand in the environment. Windows starts nothing without its own folder.
                env={name: value for name in ("PATH", "SYSTEMROOT") if (value := os.environ.get(name))},
            )
        return self.process


class Workers:
    """Some processes that share the pictures of a gallery. They end when it is closed or forgotten, or the program ends."""

    def __init__(self, count: int = COUNT) -> None:
        self.all: list[Worker] = [Worker() for _ in range(count)]
        # The last one used goes first, so that one process is enough where pictures come one by one.
        self._idle: queue.LifoQueue[Worker] = queue.LifoQueue()
        for worker in self.all:
            self._idle.put(worker)
        self.close: Callable[[], object] = weakref.finalize(self, _end, self.all, os.getpid())

    def shrink(self, data: bytes, side: int = shrink.SIDE) -> bytes:
        """Return a picture whose longer side has at most so many pixels, or nothing; wait until a process is free."""
        worker = self._idle.get()
        try:
            return worker.shrink(data, side)
        finally:
            self._idle.put(worker)


def _end(workers: list[Worker], owner: int) -> None:
    if os.getpid() != owner:
        return  # a forked child: the processes are its parent's
    for worker in workers:
        worker.end()
