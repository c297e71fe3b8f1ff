"""Keeps what plugins print apart from the data on stdout."""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Iterator
from typing import Any, TextIO

# The stream of the data of each data_apart() that is under way. What is in sys.stdout then, a plugin may have put there.
_data: list[TextIO] = []

# None is ever freed: a print() that runs in another thread has no reference of its own, and would crash the program.
_asides: list[TextIO] = []


class _ToStderr(io.RawIOBase):
    """Writes bytes to stderr as text. A plugin may close it, or wrap it again, and stderr stays as it is."""

    name = "<stderr>"

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        sys.stderr.write(bytes(data).decode(errors="backslashreplace"))
        sys.stderr.flush()
        return len(data)

    def isatty(self) -> bool:
        return sys.stderr.isatty()

    def fileno(self) -> int:
        return sys.stderr.fileno()


def data_stream() -> TextIO:
    """Return the stream that data goes to: stdout."""
    return _data[-1] if _data else sys.stdout


@contextlib.contextmanager
def data_apart() -> Iterator[None]:
    """Let only ``data_stream()`` write to stdout while the block runs; what plugins print goes to stderr.

    It cannot hold back what a library in C or another process writes to the descriptor.
    """
    _data.append(data_stream())
    try:
        with contextlib.redirect_stdout(_aside()):
            yield
    finally:
        _data.pop()


def end_data() -> None:
    """Let all that is printed until the program ends, by threads and exit handlers of plugins, go to stderr."""
    sys.stdout = _aside()


def _aside() -> TextIO:
    """Return a whole text stream: plugins reconfigure, detach and close what they find in ``sys.stdout``."""
    raw: Any = _ToStderr()  # TextIOWrapper needs no buffer where it writes through
    stream = io.TextIOWrapper(raw, "utf-8", "backslashreplace", write_through=True)
    _asides.append(stream)
    return stream
