"""A listing that is read by many pages at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assetstore import AssetStore
from assetstore.limits import PAGE
from assetstore.plugin import ListOptions, ListPage, hookimpl
from assetstore.sync import sync
from assetstore.sync.merge import UnorderedError
from assetstore.sync.pages import SPAN, listed_at_once
from assetstore.testing import FaultyBackend, MemoryBackend
from unordered import FolderByFolder

KEYS = st.from_regex("[ab-]{1,2}(/[ab-]{1,2}){0,2}", fullmatch=True)


class SmallPages(MemoryBackend):
    """Lists three assets a page."""

    @hookimpl
    def assetstore_list(self, prefix: str, options: ListOptions) -> ListPage:
        """Return a small page."""
        return super().assetstore_list(prefix, attrs.evolve(options, limit=3))


class FromTheBeginning(MemoryBackend):
    """Lists from the first key on alone."""

    supports = MemoryBackend.supports - {"list.start_after"}


def listed(store: AssetStore, cuts: list[str]) -> list[str]:
    """Return the keys that are listed."""
    with ThreadPoolExecutor(2) as pool:
        return [info.key for info in listed_at_once(pool, store, cuts)]


@given(st.sets(KEYS, max_size=30), st.sets(KEYS, max_size=8))
def test_every_key_comes_once_and_in_order_wherever_the_cuts_are(held: set[str], cuts: set[str]) -> None:
    """Whatever an earlier run remembers, the listing is that of the store."""
    with AssetStore(SmallPages()) as store:
        for key in held:
            store.upload(b"", key)
        assert sorted(held) == listed(store, sorted(cuts))


def test_spans_that_do_not_meet_are_an_error() -> None:
    """A service that lists folder by folder is noticed, and its listing is not taken for that of an ordered one."""
    with AssetStore(FolderByFolder()) as store:
        for key in ("a/x", "a-b/1", "a-b/2", "c"):
            store.upload(b"", key)
        with pytest.raises(UnorderedError, match="does not go on with 'a/x', which came next before"):
            listed(store, ["a-b/1", "b"])


def test_a_second_run_asks_for_all_pages_at_once_and_for_hardly_more(tmp_path: Path) -> None:
    """The index of the folder tells where pages begin; what changed in the store meanwhile is found all the same."""
    names = [f"{number:04}" for number in range(2 * PAGE + 500)]
    for name in names:
        (tmp_path / name).write_bytes(name.encode())
    backend = FaultyBackend(MemoryBackend())
    with AssetStore(backend) as store:
        assert len(names) == sync(tmp_path, store).counts.new
        backend.calls.clear()
        assert len(names) == sync(tmp_path, store).counts.unchanged
        assert 3 * ["list"] == [op for op, _ in backend.calls]
        store.delete(names[SPAN - 1])
        store.upload(b"other", names[SPAN], overwrite=True)
        store.upload(b"", "0500 and more")
        report = sync(tmp_path, store, delete=True)
        assert (1, 1, 1) == (report.counts.new, report.counts.changed, report.counts.deleted)
        assert names == [info.key for info in store.list()]


def test_a_store_that_cannot_begin_behind_a_key_is_listed_page_by_page(tmp_path: Path) -> None:
    """Where a listing cannot start behind a key, one follows the pages of the whole."""
    names = [f"{number:04}" for number in range(PAGE + 500)]
    for name in names:
        (tmp_path / name).write_bytes(name.encode())
    with AssetStore(FromTheBeginning()) as store:
        assert len(names) == sync(tmp_path, store).counts.new
        assert len(names) == sync(tmp_path, store).counts.unchanged
