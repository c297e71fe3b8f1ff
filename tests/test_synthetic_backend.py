"""Assets that are computed instead of stored."""

from __future__ import annotations

import functools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assetstore import AssetInfo, AssetStore, open_store
from assetstore.errors import ConfigError, NotFoundError
from assetstore.options import CheckOptions
from assetstore.testing import SyntheticBackend

BEGINNINGS = ["", "0", "000000", "000000/", "000001/", "000001/000", "000001/e", "000001/0006.bin", "000002/0009", "1"]


def listed(store: AssetStore, **keywords: str) -> list[AssetInfo]:
    """Return what a listing says that begins at ``start_after`` or below ``prefix``."""
    return list(store.list(**keywords))


def test_a_hundred_million_assets_are_listed_from_anywhere() -> None:
    """The last keys of 10^8 are found as fast as the first: a page is found by halving."""
    store = open_store("synthetic:?count=100000000&seed=7&size=1000")
    assert ["009999/9998.bin", "009999/9999.bin"] == [info.key for info in listed(store, start_after="009999/9997.bin")]
    assert [f"001234/567{digit}.bin" for digit in range(10)] == [info.key for info in listed(store, prefix="001234/567")]
    assert 10_000 == sum(1 for _ in store.list(recursive=False))


@functools.cache
def walked(written: bool) -> tuple[AssetStore, list[str]]:
    """Return a store, perhaps with assets that are not the computed ones, and all its keys."""
    store = AssetStore(SyntheticBackend(count=20_010, size=10), name="computed")
    if written:
        store.upload(b"x", "000001/extra.txt")
        store.upload(b"x", "000001/0005.bin")
        store.delete("000001/0006.bin")
    return store, [info.key for info in store.list()]


@given(st.sampled_from(BEGINNINGS), st.sampled_from(BEGINNINGS), st.booleans(), st.booleans())
def test_pages_are_those_of_a_memory_with_the_same_assets(prefix: str, after: str, folded: bool, written: bool) -> None:
    """Prefix, ``start_after`` and folding mean here what they mean in a store that holds every asset."""
    computed, keys = walked(written)
    wanted = [key for key in keys if key.startswith(prefix) and key > after]
    if folded:
        parts = [key[len(prefix) :].partition("/") for key in wanted]
        wanted = list(dict.fromkeys(prefix + head + slash for head, slash, _ in parts))
    found = computed.list(prefix, start_after=after, recursive=not folded)
    assert wanted == [entry.key for entry in found]


def test_bytes_are_those_that_the_listing_promises() -> None:
    """A whole read is checked against the digest; the sizes lie around the mean, and another seed gives other bytes."""
    store = open_store("synthetic:?count=300&seed=1&size=1000")
    infos = listed(store)
    assert [info.size for info in infos] == [len(store.read(info.key)) for info in infos]
    assert (500, 1500) == (min(info.size for info in infos), max(info.size for info in infos))
    assert infos == listed(open_store("synthetic:?count=300&seed=1&size=1000"))
    others = listed(open_store("synthetic:?count=300&seed=2&size=1000"))
    assert not {info.digest for info in infos} & {info.digest for info in others}


def test_a_store_that_is_not_filled_keeps_a_mark_of_its_own_bytes_and_other_bytes_whole() -> None:
    """What a migration brings is listed and read again as it came, headers included."""
    old = AssetStore(SyntheticBackend(count=10, size=10), name="old")
    backend = SyntheticBackend(count=10, size=10, filled=False)
    new = AssetStore(backend, name="new")
    for info in old.list():
        new.upload(old.read(info.key), info.key)
    assert {} == backend._assets
    assert list(old.list()) == list(new.list())
    new.upload(b"other", "000000/0003.bin")
    new.upload(old.read("000000/0004.bin"), "000000/0004.bin", cache_control="no-cache")
    assert [b"other", "no-cache"] == [new.read("000000/0003.bin"), new.stat("000000/0004.bin").cache_control]
    new.upload(old.read("000000/0003.bin"), "000000/0003.bin")
    assert old.read("000000/0003.bin") == new.read("000000/0003.bin")
    new.delete("000000/0003.bin")
    with pytest.raises(NotFoundError):
        new.read("000000/0003.bin")
    assert "9 assets" == backend.assetstore_check(CheckOptions()).steps[0].detail


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("synthetic:?count=-1", "count must be between 0 and 10,000,000,000, got -1"),
        ("synthetic:?size=99999999999", "size must be between 0 and 16,777,216"),
        ("synthetic:?cuont=1", "did you mean 'count'"),
        ("synthetic://host?count=1", "must be 'synthetic:' and settings"),
    ],
)
def test_wrong_settings_of_the_url_are_refused(url: str, problem: str) -> None:
    """A wrong setting is named with its bounds."""
    with pytest.raises(ConfigError, match=problem):
        open_store(url)
