"""Acts at an exact moment of an operation: right before a system call.

Python tells its audit hooks of such calls, so nothing has to be replaced and nobody has to wait.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

Act: TypeAlias = Callable[[], object]
Watcher: TypeAlias = Callable[[str, tuple[Any, ...]], None]

CALLS = ("open", "os.scandir", "os.rename", "os.utime", "os.mkdir", "os.rmdir", "os.remove", "os.chmod", "fcntl.flock")
_watchers: list[Watcher] = []


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    # While a watcher acts it is not called, so what it does itself passes.
    if event in CALLS and _watchers:
        watcher = _watchers.pop()
        try:
            watcher(event, arguments)
        finally:
            _watchers.append(watcher)


sys.addaudithook(_audit)


@contextmanager
def _watching(watcher: Watcher) -> Iterator[None]:
    _watchers.append(watcher)
    try:
        yield
    finally:
        _watchers.remove(watcher)


@contextmanager
def right_before(event: str, name: str, act: Act, *, times: int = 1) -> Iterator[list[str]]:
    """Act before the first calls of a kind, for example ``"open"``, on a path with this end; yield the names met.

    A rename is met by the name that it gives.
    """
    met: list[str] = []

    def watch(found: str, arguments: tuple[Any, ...]) -> None:
        path = str(arguments[1 if found == "os.rename" else 0])
        if found == event and path.endswith(name) and len(met) < times:
            met.append(path)
            act()

    with _watching(watch):
        yield met


@contextmanager
def failing_at(number: int, error: int) -> Iterator[list[str]]:
    """Make the ``number``-th call that opens or changes something fail; yield the kinds that were called."""
    called: list[str] = []

    def watch(event: str, _: tuple[Any, ...]) -> None:
        called.append(event)
        if len(called) == number:
            raise OSError(error, os.strerror(error))

    with _watching(watch):
        yield called
