"""The files that this process has open."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path


def open_below(folder: Path) -> list[str]:
    """Return which files of a folder are open; elsewhere other threads, and the garbage collector, open and close some."""
    found = []
    for name in os.listdir("/dev/fd"):
        with contextlib.suppress(OSError):  # closed meanwhile
            found.append(os.readlink(f"/dev/fd/{name}"))
    return [path for path in found if path.startswith(str(folder))]
