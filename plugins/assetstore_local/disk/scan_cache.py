"""Reads the names in a folder, and caches those of a big one until it changes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import NamedTuple

# One system call reads at least as many names at once. Between two calls a writer may give a file its other name, and
# then neither name may be met.
_BIG = 100
# File systems may record times in steps of up to 2 seconds; a change after that has another time.
_SETTLED_NS = 3_000_000_000


class Scan(NamedTuple):
    """The names in a folder.

    Attributes:
        plain: the ASCII names in order, folders with a ``/`` at the end.
        others: the other names in no order, and whether they are folders.
    """

    plain: list[str]
    others: list[tuple[str, bool]]


class ScanCache:
    """Scans folders and remembers the last big one, so that a listing does not scan it again for each page."""

    def __init__(self, clock: Callable[[], int] = time.time_ns) -> None:
        self._clock = clock
        self._last: tuple[tuple[int, int, int], Scan] | None = None

    def scan(self, descriptor: int) -> Scan:
        """Return the names in an open folder."""
        status, now = os.fstat(descriptor), self._clock()
        version = (status.st_dev, status.st_ino, status.st_ctime_ns)
        last = self._last
        if last is not None and last[0] == version:
            return last[1]
        entries = _read(descriptor)
        is_settled = now - status.st_ctime_ns > _SETTLED_NS and os.fstat(descriptor).st_ctime_ns == status.st_ctime_ns
        if len(entries) >= _BIG and not is_settled:
            # A file that was given its other name meanwhile has it by now.
            entries |= _read(descriptor)
        plain = sorted(f"{name}/" if is_folder else name for name, is_folder in entries if name.isascii())
        scan = Scan(plain, [entry for entry in entries if not entry[0].isascii()])
        if len(entries) >= _BIG and is_settled:
            self._last = version, scan
        return scan


def _read(descriptor: int) -> set[tuple[str, bool]]:
    """Return the names in an open folder, and whether they are folders."""
    with os.scandir(descriptor) as found:
        return {(entry.name, entry.is_dir(follow_symlinks=False)) for entry in found}
