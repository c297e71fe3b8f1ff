"""Keeps what plugins print apart from the data on stdout."""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Iterator
from typing import Any, TextIO, cast


class _Aside(io.TextIOBase):
    """Takes the place of ``sys.stdout``: what is printed goes to stderr, and the stream of the data is kept."""

    def __init__(self, data: TextIO) -> None:
        self.data = data

    def write(self, text: str) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()

    def isatty(self) -> bool:
        return self.data.isatty()  # whether data is for people

    def fileno(self) -> int:
        return sys.stderr.fileno()

    @property
    def buffer(self) -> Any:
        return sys.stderr.buffer

    @property
    def encoding(self) -> str:  # type: ignore[override]  # an attribute there
        return sys.stderr.encoding


def data_stream() -> TextIO:
    """Return the stream that data goes to: stdout."""
    return sys.stdout.data if isinstance(sys.stdout, _Aside) else sys.stdout


@contextlib.contextmanager
def data_apart() -> Iterator[None]:
    """Let only ``data_stream()`` write to stdout while the block runs; what plugins print goes to stderr.

    It cannot hold back what a library in C or another process writes to the descriptor.
    """
    with contextlib.redirect_stdout(cast(TextIO, _Aside(data_stream()))):
        yield
