"""Reads a large asset by ranges, several at a time, and gives their bytes in order."""

from __future__ import annotations

import contextlib
import functools
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context

import attrs

from assetstore.bulk.running import belonging
from assetstore.content.read_ahead import OpenRun, same_version
from assetstore.errors import IntegrityError
from assetstore.results import AssetStream

RANGE = 8 << 20
"""Bytes of a range; an asset of no more takes one request."""
AT_ONCE = 4
"""Ranges that are read at a time, and so held in memory beside the one that is given."""
_PIECE = 1 << 20


def by_ranges(first: AssetStream, open_run: OpenRun) -> AssetStream:
    """Return the whole asset of which ``first`` is the first range; ``open_run`` opens others, of the same version."""
    return attrs.evolve(first, body=_Ranges(first, open_run), length=first.info.size)


class _Ranges:
    """The body of such an asset. It waits for a thread that reads, and one thread alone reads from it."""

    def __init__(self, first: AssetStream, open_run: OpenRun) -> None:
        self._first = first
        self._open_run = open_run
        self._begun = first.length
        self._threads: ThreadPoolExecutor | None = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="assetstore-range")
        self._coming: deque[Future[bytes]] = deque()
        self._range = b""
        self._given = 0
        self._submit(functools.partial(self._bytes_of, first, first.length))
        self._head = self._coming[0]

    def read(self, size: int = -1, /) -> bytes:
        """Return at most ``size`` bytes, ``b""`` only at the end."""
        if self._given == len(self._range):
            self._range, self._given = b"", 0
            while self._begun < self._first.info.size and len(self._coming) < AT_ONCE:
                length = min(RANGE, self._first.info.size - self._begun)
                self._submit(functools.partial(self._fetch, self._begun, length))
                self._begun += length
            if not self._coming:
                return b""
            self._range = self._coming.popleft().result()
        end = len(self._range) if size < 0 else min(self._given + size, len(self._range))
        piece = self._range[self._given : end]  # no copy if it is all of it
        self._given = end
        return piece

    def close(self) -> None:
        """End what is being read; nothing is waited for."""
        threads, self._threads = self._threads, None
        if threads is not None:
            threads.shutdown(wait=False, cancel_futures=True)
            if self._head.cancelled():
                self._first.body.close()

    def _submit(self, call: functools.partial[bytes]) -> None:
        if self._threads is not None:
            # Its requests count for the operation, which is known by the context; the call about many assets may end it.
            self._coming.append(self._threads.submit(copy_context().run, belonging(call)))

    def _fetch(self, start: int, length: int) -> bytes:
        return self._bytes_of(self._open_run(start, length), length)

    def _bytes_of(self, stream: AssetStream, length: int) -> bytes:
        pieces = []
        with contextlib.closing(stream.body) as body:
            same_version(stream.info, self._first.info)
            while length and self._threads is not None:
                piece = body.read(min(_PIECE, length))
                if not 0 < len(piece) <= length:
                    given = "more" if piece else "fewer"
                    raise IntegrityError(f"the store sent {given} bytes of a range than it was asked for", hint="read again")
                pieces.append(piece)
                length -= len(piece)
        return b"".join(pieces)
