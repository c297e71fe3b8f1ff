"""Has files of strangers looked at by processes of their own, which are killed and replaced when one takes too long."""

from __future__ import annotations

import contextlib
import os
import queue
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable
from typing import IO, TypeAlias

import attrs

from assetstore_gallery import confined

COUNT = 2
"""Processes of one gallery that make thumbnails."""
SECONDS = 15.0
"""How long a file may take, the start of a process included."""
Exchange: TypeAlias = Callable[[IO[bytes], IO[bytes]], bytes | None]
"""Writes to a process and reads its answer, ``None`` where it ended before; both as ``confined`` has it."""


def shrinking(data: bytes, side: int = confined.SIDE) -> Exchange:
    """Return what has a process make a picture smaller, to so many pixels at most on its longer side."""

    def exchange(target: IO[bytes], source: IO[bytes]) -> bytes | None:
        confined.send(target, side.to_bytes(2, "big"))
        confined.send(target, data)
        return confined.received(source)

    return exchange


@attrs.define(eq=False)
class Worker:
    """One process; it starts with its first file.

    Attributes:
        job: what it does, a name that ``confined`` knows.
        seconds: how long a file may take.
    """

    job: str
    seconds: float = SECONDS
    process: subprocess.Popen[bytes] | None = attrs.field(default=None, init=False)

    def ask(self, exchange: Exchange) -> bytes:
        """Return the answer to a question, nothing where the process fails or is too slow."""
        process = self._running()
        assert process.stdin is not None
        assert process.stdout is not None
        late = threading.Timer(self.seconds, process.kill)
        late.start()
        answer = None
        try:
            with contextlib.suppress(OSError):
                answer = exchange(process.stdin, process.stdout)
        finally:
            late.cancel()
            late.join()  # or it might kill a process that goes on to the next file
            if answer is None:
                self.end()
        return answer or b""

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
                [sys.executable, "-I", confined.__file__, self.job, *sys.path],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                cwd=os.path.abspath(os.sep),
                # Credentials stand in the environment. Windows starts nothing without its own folder.
                env={name: value for name in ("PATH", "SYSTEMROOT") if (value := os.environ.get(name))},
            )
        return self.process


class Workers:
    """Some processes for one job of a gallery. They end when it is closed or forgotten, or the program ends."""

    def __init__(self, job: str, count: int = COUNT) -> None:
        self.all: list[Worker] = [Worker(job) for _ in range(count)]
        # The last one used goes first, so that one process is enough where files come one by one.
        self._idle: queue.LifoQueue[Worker] = queue.LifoQueue()
        for worker in self.all:
            self._idle.put(worker)
        self.close: Callable[[], object] = weakref.finalize(self, _end, self.all, os.getpid())

    def ask(self, exchange: Exchange) -> bytes:
        """Return the answer to a question, or nothing; wait until a process is free."""
        worker = self._idle.get()
        try:
            return worker.ask(exchange)
        finally:
            self._idle.put(worker)


def _end(workers: list[Worker], owner: int) -> None:
    if os.getpid() != owner:
        return  # a forked child: the processes are its parent's
    for worker in workers:
        worker.end()
