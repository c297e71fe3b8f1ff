"""How long ``AsyncAssetStore`` keeps an event loop from other tasks: ``python benchmarks/event_loop.py``.

A task wakes every millisecond while 60 MB are uploaded, from bytes and from an asynchronous iterator, and read, to and from
a folder and an S3 server, on asyncio and on trio. Printed is how late it woke at most, that time without what the threads of
this process waited for a processor meanwhile (Linux counts it), and the throughput. The lines "nothing" are of a loop that
has nothing else to do: so late does the machine itself wake it.
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import anyio

sys.path[:0] = [str(Path(__file__).parents[1] / folder) for folder in ("tests", "plugins")]

import servers  # noqa: E402 - found only now
from assetstore import open_store  # noqa: E402 - as above
from assetstore.aio import AsyncAssetStore  # noqa: E402 - as above
from bench.processor import THREADS, waited  # noqa: E402 - as above

SIZE = 60_000_000
PIECE = 65_536
TICK = 0.001
RUNS = 5


def all_waited() -> float:
    """Return the seconds for which the threads of this process could have run and had no processor."""
    total = 0.0
    for thread in THREADS.iterdir():
        with contextlib.suppress(OSError):  # it has ended
            total += waited(thread)
    return total


async def stalls(work: Callable[[], Awaitable[Any]]) -> tuple[float, float, float]:
    """Return how late the task woke at most, the same without waits for a processor, and the seconds that the work took."""
    late: list[float] = []
    own: list[float] = []

    async def tick() -> None:
        while True:
            before, began = all_waited(), perf_counter()
            await anyio.sleep(TICK)
            late.append(perf_counter() - began - TICK)
            own.append(late[-1] - max(0.0, all_waited() - before))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(tick)
        began = perf_counter()
        await work()
        seconds = perf_counter() - began
        tasks.cancel_scope.cancel()
    return max(late), max(own), seconds


async def pieces(data: bytes) -> AsyncIterator[bytes]:
    """Yield the bytes as a server receives them, letting others run after each."""
    for start in range(0, SIZE, PIECE):
        yield data[start : start + PIECE]
        await anyio.sleep(0)


async def copied(store: AsyncAssetStore) -> None:
    """Read in pieces."""
    async with store.open("a") as reader:
        async for _ in reader.chunks():
            pass


async def main(store: AsyncAssetStore, name: str) -> None:
    """Print a line for each kind of work."""
    data = bytes(SIZE)
    works: dict[str, Callable[[], Awaitable[Any]]] = {
        "nothing": lambda: anyio.sleep(0.3),
        "upload of bytes": lambda: store.upload(data, "a"),
        "upload of an iterator": lambda: store.upload(pieces(data), "a"),
        "read": lambda: store.read("a"),
        "open and chunks": lambda: copied(store),
    }
    for work, start in works.items():
        measured = sorted([await stalls(start) for _ in range(RUNS)])
        late, usually, seconds = max(row[0] for row in measured), measured[RUNS // 2][0], min(row[2] for row in measured)
        own = sorted(row[1] for row in measured)
        rate = f"{SIZE / 1e6 / seconds:6.0f} MB/s" if work != "nothing" else ""
        times = f"late: most {late * 1e3:6.2f} ms, usually {usually * 1e3:6.2f} ms"
        times += f"; own: most {own[-1] * 1e3:5.2f} ms, usually {own[RUNS // 2] * 1e3:5.2f} ms"
        print(f"{name:15} {work:22} {times} {rate}")


def run() -> None:
    """Measure on both loops and both stores."""
    with tempfile.TemporaryDirectory() as folder, servers.seaweedfs(Path(folder)) as server:
        tables = {
            "folder": {"url": f"file:{folder}/assets"},
            "s3": {
                "url": f"s3://{server.bucket}?endpoint_url={server.endpoint_url}",
                "region": server.region,
                "access_key": server.access_key,
                "secret_key": server.secret_key,
            },
        }
        for name, table in tables.items():
            for loop in ("asyncio", "trio"):
                with open_store(table) as store:
                    anyio.run(main, AsyncAssetStore(store), f"{name} {loop}", backend=loop)


if __name__ == "__main__":
    run()
