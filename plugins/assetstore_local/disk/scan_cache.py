"""Caches the names in a big folder until the folder changes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import NamedTuple

_BIG = 1000
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
        with os.scandir(descriptor) as found:
            entries = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in found]
        plain = sorted(f"{name}/" if is_folder else name for name, is_folder in entries if name.isascii())
        scan = Scan(plain, [entry for entry in entries if not entry[0].isascii()])
        if len(entries) >= _BIG and now - status.st_ctime_ns > _SETTLED_NS:
            self._last = version, scan
        return scan
