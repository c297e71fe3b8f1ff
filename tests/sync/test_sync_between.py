"""A sync between two stores of which none can copy from the other: small assets are read and written many at a time."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assetstore import AssetInfo, AssetStore, IntegrityError, NotFoundError, UnavailableError
from assetstore.plugin import hookimpl
from assetstore.sync import sync
from assetstore.sync.running import _IN_MEMORY
from assetstore.testing import FaultyBackend, MemoryBackend, Raise

AROUND = {"small": bytes(_IN_MEMORY), "large": bytes(_IN_MEMORY + 1), "empty": b""}
HEADERS = {"content_type": "image/png", "cache_control": "max-age=60", "metadata": {"by": "gm"}}


def facts(store: AssetStore) -> dict[str, Any]:
    """Return what a store holds, by key, with its headers."""
    return {
        info.key: (store.read(info.key), *(getattr(store.stat(info.key), name) for name in HEADERS)) for info in store.list()
    }


def test_small_and_large_assets_arrive_with_their_headers() -> None:
    """Whichever way an asset goes, it is what it was."""
    source, destination = AssetStore(MemoryBackend()), AssetStore(MemoryBackend())
    for key, data in AROUND.items():
        source.upload(data, key, **HEADERS)  # type: ignore[arg-type]  # by their names
    report = sync(source, destination)
    assert (3, sum(map(len, AROUND.values()))) == (report.counts.new, report.bytes)
    assert facts(source) == facts(destination)


@settings(max_examples=50)
@given(
    sizes=st.lists(st.sampled_from([0, 1, _IN_MEMORY, _IN_MEMORY + 1]), min_size=1, max_size=30),
    nth=st.lists(st.integers(1, 40), max_size=8),
    error=st.sampled_from([UnavailableError("busy", retry_after=0), NotFoundError("gone")]),
)
def test_a_source_whose_reads_fail_now_and_then_loses_nothing(sizes: list[int], nth: list[int], error: Any) -> None:
    """What cannot be read is tried again alone, and all else arrives; then the next run ends what is left."""
    backend = FaultyBackend(MemoryBackend())
    source, destination = AssetStore(backend), AssetStore(MemoryBackend())
    for number, size in enumerate(sizes):
        source.upload(bytes(size), f"k{number:02}")
    with backend.failing(*(Raise(op="read", nth=each, error=error) for each in nth)):
        report = sync(source, destination)
    assert len(sizes) == report.counts.new + report.failed + report.withheld
    assert sync(source, destination).ok
    assert facts(source) == facts(destination)


def test_a_source_that_stays_away_ends_the_sync_with_one_error() -> None:
    """Reads that fail are no list of failures, and not one for each asset of thousands."""
    backend = FaultyBackend(MemoryBackend())
    source, destination = AssetStore(backend), AssetStore(MemoryBackend())
    for number in range(200):
        source.upload(b"1", f"k{number:03}")
    with backend.failing(Raise(op="read", nth=None, error=UnavailableError("away", retry_after=0))):
        report = sync(source, destination)
    assert isinstance(report.stopped, UnavailableError)
    assert (0, 0, 200) == (report.counts.new, report.failed, report.withheld)
    assert len(backend.calls) < 2000


def test_an_asset_that_has_grown_since_the_listing_is_not_held_in_memory() -> None:
    """It goes the way of a large one: it is looked at, and then read again in pieces."""

    class Grown(MemoryBackend):
        @hookimpl
        def assetstore_list(self, prefix: str, options: Any) -> Any:
            page = super().assetstore_list(prefix, options)
            return attrs.evolve(page, items=tuple(attrs.evolve(info, size=1) for info in page.items))

    backend = FaultyBackend(Grown())
    source, destination = AssetStore(backend), AssetStore(MemoryBackend())
    source.upload(bytes(_IN_MEMORY + 1), "a")
    with backend.failing():
        assert sync(source, destination).ok
    assert 2 == [op for op, _ in backend.calls].count("read")
    assert facts(source) == facts(destination)


@pytest.mark.parametrize("fact", ["size", "digest"])
def test_a_copy_that_is_not_the_asset_is_a_failure(fact: str) -> None:
    """What the destination says to have stored is compared with the asset."""

    class Other(MemoryBackend):
        @hookimpl
        def assetstore_upload(self, key: str, source: Any, options: Any) -> AssetInfo:
            info = super().assetstore_upload(key, source, options)
            return attrs.evolve(info, size=2) if fact == "size" else attrs.evolve(info, digest=f"sha256:{64 * '0'}")

    source, destination = AssetStore(MemoryBackend()), AssetStore(Other())
    source.upload(b"1", "a")
    report = sync(source, destination)
    assert (0, 1) == (report.counts.new, report.failed)
    assert isinstance(report.errors[0].error, IntegrityError)
