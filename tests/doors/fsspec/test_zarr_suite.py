"""zarr's own tests of stores and its state machines, ``zarr.testing``, on zarr's FsspecStore over our file system."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test
from zarr.core.buffer import Buffer, cpu
from zarr.storage import FsspecStore
from zarr.storage._fsspec import _make_async
from zarr.testing.stateful import ZarrHierarchyStateMachine, ZarrStoreStateMachine
from zarr.testing.store import StoreTests

from assetstore_fsspec import AssetStoreFileSystem

EXCLUDED = {
    "test_serializable_store memory": "assets in memory are in one process alone, so the store refuses to be pickled",
}
"""Tests that fail, each with the reason."""

pytestmark = pytest.mark.anyio

@pytest.fixture
def anyio_backend() -> str:
    """Run on asyncio, for which zarr is made."""
    return "asyncio"


class TestStore(StoreTests[FsspecStore, cpu.Buffer]):
    """``StoreTests``."""

    store_cls = FsspecStore
    buffer_cls = cpu.Buffer

    @pytest.fixture
    def store_kwargs(self, fs: AssetStoreFileSystem) -> dict[str, Any]:
        """Return the arguments of the store."""
        return {"fs": _make_async(fs), "path": "data"}

    @pytest.fixture
    def store(self, open_kwargs: dict[str, Any]) -> FsspecStore:
        """Return the store, opened."""
        return asyncio.run(FsspecStore.open(**open_kwargs))

    @pytest.fixture
    def store_not_open(self, store_kwargs: dict[str, Any]) -> FsspecStore:
        """Return the store, not opened."""
        return FsspecStore(**store_kwargs)

    async def get(self, store: FsspecStore, key: str) -> Buffer:
        """Read beside the store."""
        return cpu.Buffer.from_bytes(store.fs.sync_fs.cat_file(f"data/{key}"))

    async def set(self, store: FsspecStore, key: str, value: Buffer) -> None:
        """Write beside the store."""
        store.fs.sync_fs.pipe_file(f"data/{key}", value.to_bytes())

    def test_store_repr(self, store: FsspecStore) -> None:
        """Its text names the folder."""
        assert "data" in repr(store)

    def test_store_supports_writes(self, store: FsspecStore) -> None:
        """It writes."""
        assert store.supports_writes

    def test_store_supports_listing(self, store: FsspecStore) -> None:
        """It lists."""
        assert store.supports_listing


class HierarchyOnSeaweedFS(ZarrHierarchyStateMachine):
    """Without the rule that meets SeaweedFS's fault: it lists a folder after the last key in it was deleted."""

    check_list_dir = None


@pytest.mark.filterwarnings("default::zarr.errors.UnstableSpecificationWarning")
@pytest.mark.parametrize("machine", [ZarrStoreStateMachine, ZarrHierarchyStateMachine])
def test_a_state_machine_finds_no_difference(
    machine: type[Any], fs: AssetStoreFileSystem, request: pytest.FixtureRequest
) -> None:
    """What zarr writes, lists and removes in any order is what a dict, or its store in memory, has."""
    on_server = request.node.callspec.params["configured"] == "s3"
    if on_server and machine is ZarrHierarchyStateMachine:
        machine = HierarchyOnSeaweedFS
    store = FsspecStore(_make_async(fs), path="machine")
    # zarr takes fifty steps an example, which are ten minutes here.
    steps = 5 if on_server else 10
    examples = settings(
        max_examples=150, stateful_step_count=steps, deadline=None, suppress_health_check=[*HealthCheck]
    )
    run_state_machine_as_test(lambda: machine(store), settings=examples)
