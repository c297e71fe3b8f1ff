"""What the tests of wrappers open: stores from tables, and a wrapper over a memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from assetstore import AssetStore, open_store
from assetstore.entry_points import load_factory
from assetstore.testing import FaultyBackend, MemoryBackend

Open: TypeAlias = Callable[..., AssetStore]
Stack: TypeAlias = Callable[..., tuple[AssetStore, FaultyBackend]]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Open]:
    """Return a function that opens a store from the lines of its table and its plugins' tables."""
    stores = []

    def opened(text: str, **tables: str) -> AssetStore:
        lines = [f"[stores.test]\n{text}", *(f"[stores.test.{name}]\n{table}" for name, table in tables.items())]
        path = tmp_path / f"{len(stores)}.toml"
        path.write_text("\n".join(lines))
        stores.append(open_store("test", config=path))
        return stores[-1]

    yield opened
    for store in stores:
        store.close()


@pytest.fixture(scope="module")
def stacked() -> Stack:
    """Return a function that gives a store with one wrapper over a memory, and the memory, which notes what it is asked."""

    def stacked(name: str, **settings: Any) -> tuple[AssetStore, FaultyBackend]:
        backend = FaultyBackend(MemoryBackend())
        return AssetStore(backend, wrappers=[lambda inner: load_factory(name)(inner=inner, **settings)]), backend

    return stacked
