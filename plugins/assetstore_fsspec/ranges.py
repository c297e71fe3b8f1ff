"""Slices of files that lie close together are read by one request."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import attrs

NEAR = 64 * 1024
"""Bytes between two slices that cost less than a request."""
RUN_BYTES = 4 * 2**20
"""A run that is longer is followed by another, so that several are read at once."""

Slice: TypeAlias = tuple[Any, Any, Any]
"""A file, and the start and the end of a slice of Python."""


@attrs.define
class Run:
    """Bytes of a file that are read at once.

    Attributes:
        path: the file.
        start: as in a slice of Python; a number from 0 where the run has several members.
        end: as ``start``.
        members: the numbers of the slices in it.
    """

    path: Any
    start: Any
    end: Any
    members: list[int]

    def cut(self, data: bytes, part: Slice) -> bytes:
        """Return a slice of the bytes of the run."""
        _, start, end = part
        return data if len(self.members) == 1 else data[start - self.start : end - self.start]


def runs(slices: Sequence[Slice], max_gap: int) -> list[Run]:
    """Return what to read for the slices; those between which at most ``max_gap`` bytes lie share a run."""
    found: list[Run] = []
    last: dict[Any, Run] = {}
    for index, (path, start, end) in sorted(enumerate(slices), key=lambda one: one[1][1] or 0):
        if start is None or end is None or start < 0 or end < start:
            # Where it lies depends on the size of the file.
            found.append(Run(path, start, end, [index]))
            continue
        run = last.get(path)
        if run and start - run.end <= max_gap and max(end, run.end) - run.start <= RUN_BYTES:
            run.end = max(run.end, end)
            run.members.append(index)
        else:
            last[path] = Run(path, start, end, [index])
            found.append(last[path])
    return found
