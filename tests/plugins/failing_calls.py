"""Lets the system refuse one call of an operation: each call in turn, each with an error that a disk may give."""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Callable, Iterator
from typing import Any

import attrs
import pytest

from assetstore_local.disk import whole_flush

_CALLS = (
    *("open", "read", "write", "close", "fsync", "rename", "unlink", "mkdir", "rmdir", "stat", "lstat", "fstat", "utime"),
    *("fchmod", "scandir", "listdir", "statvfs", "link", "replace", "pread"),
)


@attrs.define
class Calls:
    """The calls of the system that an operation makes.

    Attributes:
        failing: the number of the call that fails, from 1; 0 for none.
        errno: its error.
        made: the names of the calls made so far.
    """

    failing: int
    errno: int
    made: list[str] = attrs.field(factory=list)

    @property
    def failed(self) -> str | None:
        """The call that failed and its number, or ``None`` when there were fewer calls."""
        return f"{self.made[self.failing - 1]} ({self.failing})" if self.failing <= len(self.made) else None

    def _make(self, name: str, system: Callable[..., Any], *arguments: Any, **keywords: Any) -> Any:
        self.made.append(name)
        if len(self.made) != self.failing:
            return system(*arguments, **keywords)
        if name == "close":
            # Linux closes the descriptor and reports the error.
            system(*arguments, **keywords)
        raise OSError(self.errno, os.strerror(self.errno))


@contextlib.contextmanager
def failing(number: int, errno: int) -> Iterator[Calls]:
    """Let the call of this number fail."""
    calls = Calls(number, errno)
    with pytest.MonkeyPatch.context() as patch:
        for module, name in (*((os, name) for name in _CALLS), (whole_flush, "syncfs")):
            patch.setattr(module, name, functools.partial(calls._make, name, getattr(module, name)))
        yield calls
