"""Reads the runs of an asset that somebody seeks, with some bytes around them, and keeps what was read last."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable
from typing import TypeAlias

from assetstore.errors import IntegrityError, PreconditionError
from assetstore.results import AssetInfo, AssetStream

OpenRun: TypeAlias = Callable[[int, int], AssetStream]
"""Opens so many bytes, the second number, from the first number on."""

NEAR = 1 << 16
"""Bytes: the smallest run, what is kept of small pieces, and how far ahead reading on is better than asking anew."""
LARGEST = 8 << 20
"""Bytes: the largest run that nobody asked for in one call, and the largest that is kept."""


class ReadAhead:
    """The runs of one version. A run in a new area is small; it doubles while reading goes on where the last one ended.

    Attributes:
        count: how many bytes came.
        runs: how many runs were read.
    """

    def __init__(self, open_run: OpenRun, info: AssetInfo, end: int) -> None:
        """Take what opens a run, the version that each must be of, and the position at which the bytes end."""
        self.count: int = 0
        self.runs: int = 0
        self._open_run = open_run
        self._info = info
        self._end = end
        self._run = NEAR
        self._kept: deque[bytes] = deque()
        self._kept_start = 0
        self._kept_end = 0

    def keep(self, start: int, piece: bytes) -> None:
        """Remember bytes that were read elsewhere, without copying them; large ones are only let go."""
        if len(piece) > NEAR or start != self._kept_end:
            self._replace(start, piece, NEAR)
            return
        self._kept.append(piece)
        self._kept_end += len(piece)
        while self._kept_end - self._kept_start - len(self._kept[0]) >= NEAR:
            self._kept_start += len(self._kept.popleft())

    def kept(self, position: int, size: int) -> bytes:
        """Return at most ``size`` bytes from ``position`` on, of those that are kept; ``b""`` if it is not among them."""
        if not self._kept_start <= position < self._kept_end:
            return b""
        if len(self._kept) > 1:
            self._kept = deque([b"".join(self._kept)])
        start = position - self._kept_start
        return self._kept[0][start : start + size]

    def read(self, position: int, size: int, end: int, *, whole: bool) -> bytes:
        """Return at most ``size`` bytes from ``position`` on, by asking the store once.

        Args:
            position: the first byte.
            size: how many bytes, at least 1.
            end: where the run ends at the latest, because the bytes from there on are at hand.
            whole: whether to read all ``size`` bytes up to ``end``; otherwise they may be fewer.
        """
        goes_on = 0 <= position - self._kept_end <= NEAR
        self._run = min(2 * self._run, LARGEST) if goes_on else NEAR
        length = max(size, self._run) if whole else self._run
        # Formats that are read from their end, such as ZIP and Parquet, go backwards from there.
        backwards = not goes_on and end == self._end
        start = max(0, min(position, end - length)) if backwards else position
        run = self._fetch(start, min(length, end - start))
        self._replace(start, run, LARGEST)
        return run[position - start :][:size]

    def _fetch(self, start: int, length: int) -> bytes:
        self.runs += 1
        stream = self._open_run(start, length)
        pieces = []
        with contextlib.closing(stream.body) as body:
            same_version(stream.info, self._info)
            while length:
                piece = body.read(length)
                if not 0 < len(piece) <= length:
                    given = "more" if piece else "fewer"
                    raise IntegrityError(f"the store sent {given} bytes of a range than it was asked for", hint="read again")
                pieces.append(piece)
                length -= len(piece)
                self.count += len(piece)
        return b"".join(pieces)

    def _replace(self, start: int, run: bytes, most: int) -> None:
        self._kept = deque([run] if 0 < len(run) <= most else [])
        self._kept_end = start + len(run)
        self._kept_start = start if self._kept else self._kept_end


def same_version(info: AssetInfo, opened: AssetInfo) -> None:
    """Raise PreconditionError unless both are of one version."""
    if _version(info) != _version(opened):
        raise PreconditionError("the asset was replaced while it was read", hint="open it again")


def _version(info: AssetInfo) -> tuple[object, int]:
    return info.etag or info.last_modified, info.size
