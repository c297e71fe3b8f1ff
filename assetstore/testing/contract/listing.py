"""Guarantees about listings."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from assetstore.errors import InvalidKeyError, InvalidOptionError
from assetstore.results import AssetInfo, ListPage, Prefix
from assetstore.store import AssetStore
from assetstore.testing.contract.fixtures import Able, Fixtures

TREE = ("a", "a-b", "a/b", "a/b/c", "a/d", "a0", "b/x", "b/y/z", "c")
ORDERED = ("A", "B", "Z", "a", "a!", "a b", "a-", "a.b", "a/b", "a0", "a~", "z", "é", "日", "\ue000", "\uffee", "😀", "😀/x")


class ListingGuarantees(Fixtures):
    """Which assets a listing gives, and in which order.

    The order is that of the keys' UTF-8 bytes. A prefix is the beginning of a key and no folder; a listing that is not
    recursive folds the keys that have a slash behind the prefix into one entry for each further beginning.
    """

    def test_a_listing_is_in_the_order_of_utf8_bytes(self, store: AssetStore) -> None:
        """Keys come in the order of their UTF-8 bytes, not by folder, length, case, language or UTF-16."""
        _fill(store, *reversed(ORDERED))
        assert sorted(ORDERED, key=str.encode) == [item.key for item in store.list()]

    def test_an_empty_listing_is_empty(self, store: AssetStore, able: Able) -> None:
        """Nothing under a prefix is an empty listing, not an error."""
        assert [] == list(store.list())
        assert [] == list(store.list("nowhere/", recursive=not able("list.recursive")))
        assert ListPage(items=()) == store.list_page("nowhere")

    def test_a_prefix_is_the_beginning_of_a_key_and_no_folder(self, store: AssetStore) -> None:
        """``a`` finds ``a``, ``a-b`` and ``a/b``; ``a/`` only what is below; a missing one nothing."""
        _fill(store, *TREE)
        for prefix in ("", "a", "a/", "a/b", "a/b/", "b", "b/y/z", "b/y/z/", "c", "nothing"):
            expected = sorted(key for key in TREE if key.startswith(prefix))
            assert (prefix, expected) == (prefix, sorted(item.key for item in store.list(prefix)))

    def test_a_prefix_may_hold_odd_characters(self, store: AssetStore) -> None:
        """Spaces, percent signs, plus signs and other scripts in a prefix mean themselves."""
        prefixes = ("a b/", "a+b/", "a%20b/", "ä/", "日/", "😀", "a&b=", "a?b#", "*", "[a]")
        _fill(store, *(f"{prefix}x" for prefix in prefixes))
        for prefix in prefixes:
            assert [f"{prefix}x"] == [item.key for item in store.list(prefix)]

    def test_an_invalid_prefix_is_refused(self, store: AssetStore) -> None:
        """A prefix that begins no valid key is InvalidKeyError at once, not at the first item."""
        for prefix in ("/", "../", "a/./", "a\nb"):
            with pytest.raises(InvalidKeyError):
                store.list(prefix)
            with pytest.raises(InvalidKeyError):
                store.list_page(prefix)

    def test_a_flat_listing_folds_what_has_a_further_slash(self, store: AssetStore, able: Able) -> None:
        """``recursive=False`` gives each asset of one level and each prefix once."""
        if not able("list.recursive"):
            return
        _fill(store, *TREE)
        for prefix in ("", "a", "a/", "b/", "c", "nothing/"):
            found = sorted(entry.key for entry in store.list(prefix, recursive=False))
            assert (prefix, _folded(prefix)) == (prefix, found)
        kinds = {entry.key: type(entry) for entry in store.list("a/", recursive=False)}
        assert {"a/b": AssetInfo, "a/b/": Prefix, "a/d": AssetInfo} == kinds

    def test_a_flat_listing_forgets_what_was_deleted(self, store: AssetStore, able: Able) -> None:
        """A prefix below which nothing is left is not listed."""
        if not able("list.recursive"):
            return
        _fill(store, "a/b/c", "d")
        store.delete("a/b/c")
        assert ["d"] == [entry.key for entry in store.list(recursive=False)]

    def test_a_listing_can_start_behind_any_key(self, store: AssetStore, able: Able) -> None:
        """``start_after`` leaves out the keys up to and with it, whether it exists or not."""
        if not able("list.start_after"):
            return
        _fill(store, *TREE)
        for start in ("A", "a", "a-", "a/", "a/b", "a/b/c", "a/zzz", "a0", "b/x", "c", "d"):
            assert (start, [key for key in TREE if key > start]) == (
                start,
                [item.key for item in store.list(start_after=start)],
            )
        assert ["a/b/c", "a/d"] == [item.key for item in store.list("a/", start_after="a/b")]

    def test_a_limit_ends_a_listing(self, store: AssetStore) -> None:
        """``limit`` gives the first entries and no more, ``0`` none."""
        _fill(store, *TREE)
        whole = [item.key for item in store.list()]
        for limit in (0, 1, 2, len(TREE), 10 * len(TREE)):
            assert whole[:limit] == [item.key for item in store.list(limit=limit)]
        invalid: tuple[Any, ...] = (-1, 1.5, "1")
        for limit in invalid:
            with pytest.raises(InvalidOptionError):
                store.list(limit=limit)

    def test_pages_give_every_entry_once(self, store: AssetStore, able: Able) -> None:
        """Following the cursor gives all entries, each once, never more on a page than asked for."""
        if not able("list.cursor"):
            return
        _fill(store, *TREE)
        for prefix in ("", "a", "a/", "b/"):
            for limit in (1, 2, 3, 100):
                found = _paged(store, prefix, limit, recursive=True)
                expected = sorted(key for key in TREE if key.startswith(prefix))
                assert (prefix, limit, expected) == (prefix, limit, sorted(found))

    def test_pages_of_a_flat_listing_give_every_entry_once(self, store: AssetStore, able: Able) -> None:
        """Prefixes count as entries, and none comes twice when a page ends inside of it."""
        if not able("list.cursor") or not able("list.recursive"):
            return
        _fill(store, *TREE)
        for prefix in ("", "a", "a/", "b/"):
            for limit in (1, 2, 100):
                found = _paged(store, prefix, limit, recursive=False)
                assert (prefix, limit, _folded(prefix)) == (prefix, limit, sorted(found))

    def test_pages_follow_one_another_in_order(self, store: AssetStore, able: Able) -> None:
        """Each page goes on where the last one ended in the order of UTF-8 bytes, assets and prefixes in one order."""
        if not able("list.cursor"):
            return
        _fill(store, *TREE)
        for limit in (1, 2, 3):
            assert sorted(TREE) == _paged(store, "", limit, recursive=True)
            if able("list.recursive"):
                assert _folded("") == _paged(store, "", limit, recursive=False)

    def test_a_listing_that_starts_behind_a_key_is_paged_and_folded(self, store: AssetStore, able: Able) -> None:
        """``start_after`` holds for each page of a listing, and for folded ones: prefixes of keys behind it are given."""
        if not able("list.start_after") or not able("list.cursor"):
            return
        _fill(store, *TREE)
        for limit in (1, 2, 3):
            assert [key for key in TREE if key > "a-b"] == _paged(store, "", limit, recursive=True, start_after="a-b")
        if able("list.recursive"):
            assert ["a0", "b/", "c"] == [entry.key for entry in store.list(recursive=False, start_after="a/d")]

    def test_changes_while_paging_disturb_no_other_key(self, store: AssetStore, able: Able) -> None:
        """Keys that come or go between two pages do not repeat or hide the others, also when the last one seen goes."""
        if not able("list.cursor"):
            return
        keys = [f"k{number:02}" for number in range(10)]
        _fill(store, *keys)
        first = store.list_page(limit=4)
        last = first.items[-1].key
        # More go than come before the cursor: one that counts would now skip some.
        store.delete_many([last, "k00", "k01", "k02", "k09"])
        _fill(store, "a-new-first", f"{last}-new", "z-new-last")
        rest: list[str] = []
        cursor = first.next_cursor
        while cursor is not None:
            page = store.list_page(limit=4, cursor=cursor)
            rest += [item.key for item in page.items]
            cursor = page.next_cursor
        seen = [item.key for item in first.items] + rest
        assert len(set(seen)) == len(seen)
        assert [key for key in keys if key != "k09"] == sorted(key for key in seen if key in keys)

    def test_what_stays_is_listed_while_others_write(self, store: AssetStore, able: Able) -> None:
        """While threads insert and delete keys, each walk over the pages has every key that stays once and in order."""
        if not able("list.cursor"):
            return
        staying = [f"k{number:02}" for number in range(12)]
        _fill(store, *staying)
        done = threading.Event()

        def come_and_go(number: int) -> None:
            while not done.is_set():
                for key in staying[number::2]:
                    store.upload(b"", f"{key}-new")
                    store.delete(f"{key}-new")

        with ThreadPoolExecutor(2) as pool:
            others = [pool.submit(come_and_go, number) for number in range(2)]
            try:
                walks = [_paged(store, "k", 3, recursive=True) for _ in range(5)]
            finally:
                done.set()
        assert [None, None] == [other.result() for other in others]
        assert [staying] * 5 == [[key for key in walk if key in staying] for walk in walks]

    def test_a_listing_agrees_with_stat(self, store: AssetStore) -> None:
        """Size, ETag and time in a listing are those of stat; what a listing does not know is ``None``."""
        store.upload(b"abc", "a.png")
        (item,), found = list(store.list()), store.stat("a.png")
        assert (found.key, found.size, True) == (item.key, item.size, item.valid)
        assert item.etag in (found.etag, None)
        assert item.content_type in (found.content_type, None)
        if item.last_modified is not None and found.last_modified is not None:
            # HTTP tells whole seconds, a listing often more.
            assert abs(item.last_modified - found.last_modified) < timedelta(seconds=1)


def _fill(store: AssetStore, *keys: str) -> None:
    for key in keys:
        store.upload(key.encode(), key)


def _folded(prefix: str) -> list[str]:
    rests = (key[len(prefix) :].partition("/") for key in TREE if key.startswith(prefix))
    return sorted({prefix + head + slash for head, slash, _ in rests})


def _paged(
    store: AssetStore, prefix: str, limit: int, *, recursive: bool, start_after: str | None = None
) -> list[str]:
    found: list[str] = []
    cursor: str | None = None
    while True:
        page = store.list_page(prefix, cursor=cursor, limit=limit, recursive=recursive, start_after=start_after)
        entries = sorted([*(item.key for item in page.items), *(folded.key for folded in page.prefixes)])
        assert len(entries) <= limit
        found += entries
        cursor = page.next_cursor
        if cursor is None:
            return found
