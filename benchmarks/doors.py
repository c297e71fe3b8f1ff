"""What each door adds to ``AssetStore``: its calls beside those of the store, over a backend that does nothing.

Run: ``python benchmarks/doors.py [ROUNDS] [--json PATH]``. So the difference is the door's own CPU: of a file system of
fsspec, a storage of Django, the asynchronous store in an event loop, and the observers of metrics and traces.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from django.conf import settings
from opentelemetry.sdk.trace import TracerProvider
from prometheus_client import CollectorRegistry

from alternating import Cost, arguments, cost_of, show, table
from assetstore import AssetStore
from assetstore.aio import AsyncAssetStore
from assetstore_fsspec import AssetStoreFileSystem
from assetstore_otel import OpenTelemetry
from assetstore_prometheus import Prometheus
from overhead import DATA, KEY, Nothing

CALLS = 2000
BASE = "assetstore {}"
Calls = dict[str, Callable[[], object]]
"""By work, what is called."""


def of_store(*plugins: object) -> Calls:
    """Return the calls of a store with these plugins."""
    store = AssetStore(Nothing(), plugins=list(plugins))
    return {"upload": lambda: store.upload(DATA, KEY), "read": lambda: store.read(KEY), "stat": lambda: store.stat(KEY)}


def of_fsspec() -> Calls:
    """Return the calls of the file system."""
    files = AssetStoreFileSystem(AssetStore(Nothing()))
    return {
        "upload": lambda: files.pipe_file(KEY, DATA),
        "read": lambda: files.cat_file(KEY),
        "stat": lambda: files.info(KEY),
    }


def of_django() -> Calls:
    """Return the calls of the storage."""
    settings.configure(USE_TZ=True)
    from django.core.files.base import ContentFile

    from assetstore_django import AssetStorage

    storage = AssetStorage(AssetStore(Nothing()), overwrite=True)

    def read() -> bytes:
        with storage.open(KEY) as file:
            found: bytes = file.read()
            return found

    return {
        "upload": lambda: storage.save(KEY, ContentFile(DATA)),
        "read": read,
        "stat": lambda: storage.size(KEY),
    }


def of_aio() -> dict[str, Callable[[], Awaitable[object]]]:
    """Return the calls of the asynchronous store."""
    store = AsyncAssetStore(AssetStore(Nothing()))
    return {"upload": lambda: store.upload(DATA, KEY), "read": lambda: store.read(KEY), "stat": lambda: store.stat(KEY)}


def in_thread(call: Callable[[], object]) -> Callable[[], Awaitable[object]]:
    """Return a call of the store by Python's own means for calling what blocks."""
    return lambda: asyncio.to_thread(call)


def repeated(call: Callable[[], object]) -> Callable[[], Cost]:
    """Return what measures a call, made often enough."""

    def calls() -> None:
        for _ in range(CALLS):
            call()

    return partial(cost_of, calls, CALLS)


def awaited(call: Callable[[], Awaitable[object]]) -> Callable[[], Cost]:
    """Return what measures an asynchronous call, made often enough in one event loop."""

    async def calls() -> None:
        for _ in range(CALLS):
            await call()

    return partial(cost_of, lambda: asyncio.run(calls()), CALLS)


def main() -> None:
    """Measure each work through each door."""
    options = arguments(__doc__ or "", rounds=9)
    doors: dict[str, Calls] = {
        BASE: of_store(),
        "assetstore fsspec: {}": of_fsspec(),
        "assetstore django: {}": of_django(),
        "assetstore prometheus: {}": of_store(Prometheus(registry=CollectorRegistry())),
        "assetstore otel: {}": of_store(OpenTelemetry(provider=TracerProvider())),
    }
    aio = of_aio()
    rows: list[dict[str, Any]] = []
    for work in ("upload", "read", "stat"):
        contenders = {name.format(work): repeated(calls[work]) for name, calls in doors.items()}
        contenders[f"assetstore aio: {work}"] = awaited(aio[work])
        contenders[f"asyncio.to_thread: {work}"] = awaited(in_thread(doors[BASE][work]))
        rows += table("", work, contenders, base=BASE.format(work), rounds=options.rounds)["rows"]
    show({"title": "CPU of each door over AssetStore, whose backend does nothing", "rows": rows}, options.json)
    base = {row["work"]: row["cpu"] for row in rows if row["contender"] == BASE.format(row["work"])}
    print("us of CPU added:")
    for row in rows:
        if row["contender"] != BASE.format(row["work"]):
            print(f"  {row['contender']:<40} {(row['cpu'] - base[row['work']]) * 1e6:8.1f}")


if __name__ == "__main__":
    main()
