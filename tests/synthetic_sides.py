"""Sides that list any number of assets without holding them; run as a script, it plans a sync of two and prints megabytes.

``python synthetic_sides.py 1000000 same`` gives both sides the same assets, ``other`` gives them half of the keys in common
and other bytes under those.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs

from assetstore import AssetInfo
from assetstore.sync import SyncReport, sync

FIRST, SECOND = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)


@attrs.frozen
class Synthetic:
    """A side with the keys of consecutive numbers."""

    name: str
    numbers: range
    modified: datetime
    digest: str

    def walk(self, problem: Any) -> Iterator[AssetInfo]:
        """Yield them."""
        for number in self.numbers:
            yield AssetInfo(
                key=f"maps/{number:09}.webp",
                size=number % 1000 + 1,
                last_modified=self.modified,
                digest=f"md5:{self.digest}{number:031x}",
            )


def plan(count: int, *, same: bool) -> SyncReport:
    """Plan the sync of two sides of so many assets."""
    source = Synthetic("source", range(count), FIRST, "a")
    numbers = range(count) if same else range(count // 2, count // 2 + count)
    return sync(source, Synthetic("destination", numbers, SECOND, "a" if same else "b"), dry_run=True, delete=True)


def peak(count: int, kind: str) -> float:
    """Return the megabytes that a process of its own takes at most for it."""
    import subprocess

    done = subprocess.run([sys.executable, __file__, str(count), kind], check=True, capture_output=True, text=True)
    return float(done.stdout)


def most() -> float:
    """Return the megabytes that this process has taken at most; what started it may have taken more."""
    if sys.platform == "linux":  # ru_maxrss begins with what the process had before it became Python
        return int(re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"))[0]) / 1024
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20)


if __name__ == "__main__":
    plan(int(sys.argv[1]), same=sys.argv[2] == "same")
    print(most())  # noqa: T201
