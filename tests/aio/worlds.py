"""What the tests of the asynchronous store share: stores, sources, and backends that wait."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import anyio
import attrs

from assetstore import AssetInfo, AssetStore
from assetstore.aio import AsyncAssetStore
from assetstore.plugin import Source, UploadOptions, hookimpl, stopping
from assetstore.testing import MemoryBackend
from assetstore_local import LocalBackend
from assetstore_naming import Naming


def memory(*, max_threads: int = 32) -> AsyncAssetStore:
    """Return an empty store in memory, which names its assets."""
    return AsyncAssetStore(AssetStore(MemoryBackend(), plugins=[Naming()]), max_threads=max_threads)


def folder(root: Path, *, max_threads: int = 32) -> AsyncAssetStore:
    """Return a store over a folder."""
    return AsyncAssetStore(AssetStore(LocalBackend(root=root)), max_threads=max_threads)


def files(root: Path) -> set[str]:
    """Return the names of all files below a folder, hidden and temporary ones too."""
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


async def pieces(*data: bytes) -> AsyncIterator[bytes]:
    """Yield pieces without waiting."""
    for piece in data:
        yield piece


async def endless(data: bytes, sent: anyio.Event) -> AsyncIterator[bytes]:
    """Yield some bytes, tell that they were taken, and never come to an end."""
    yield data
    sent.set()
    await anyio.sleep_forever()


@attrs.define(eq=False, kw_only=True)
class WaitingBackend(MemoryBackend):
    """Waits in each ``stat`` until its call is stopped or the test lets it go.

    Attributes:
        entered: released for each call that waits.
        most: the most that waited at once.
    """

    entered: threading.Semaphore = attrs.field(factory=lambda: threading.Semaphore(0))
    most: int = 0
    waiting: int = 0
    going: threading.Event = attrs.field(factory=threading.Event)
    lock: threading.Lock = attrs.field(factory=threading.Lock)

    @hookimpl
    def assetstore_stat(self, key: str, options: object) -> AssetInfo:
        """Wait."""
        stopped = threading.Event()
        with self.lock:
            self.waiting += 1
            self.most = max(self.most, self.waiting)
        self.entered.release()
        try:
            with stopping(lambda: (stopped.set(), self.going.set())):
                self.going.wait(600)
            if stopped.is_set():
                raise OSError("the connection was shut")
            return AssetInfo(key=key, size=0)
        finally:
            with self.lock:
                self.waiting -= 1


@attrs.define(eq=False, kw_only=True)
class CountingBackend(MemoryBackend):
    """Takes sources in small pieces and notes how many bytes it has taken.

    Attributes:
        taken: bytes of the current upload.
    """

    taken: int = 0

    @hookimpl
    def assetstore_upload(self, key: str, source: Source, options: UploadOptions) -> AssetInfo:
        """Read by 10,000 bytes."""

        def read() -> Iterator[bytes]:
            for piece in source.chunks(10_000):
                self.taken += len(piece)
                yield piece

        with Source(read()) as counted:
            return super().assetstore_upload(key, counted, options)


