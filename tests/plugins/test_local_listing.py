"""Listing a folder."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assetstore import AssetStore, Prefix
from assetstore.plugin import ListOptions
from assetstore_local import LocalBackend

_SEGMENTS = st.sampled_from(["", "a", "b", "a!", "a0", "é", "Ω", "😀", "x" * 251, "x" * 256, "x" * 256 + "!", ".assetstore"])
_KEYS = st.lists(_SEGMENTS, min_size=1, max_size=4).map("/".join).filter(lambda key: key and not key.startswith("/"))


def _store(root: str | Path) -> AssetStore:
    return AssetStore(LocalBackend(root=Path(root), durable=False))


def _expected(keys: set[str], prefix: str, start_after: str | None, recursive: bool) -> list[str]:
    wanted = sorted((key for key in keys if key.startswith(prefix) and key > (start_after or "")), key=str.encode)
    if recursive:
        return wanted
    folds = (prefix + key[len(prefix) :].partition("/")[0] + "/" if "/" in key[len(prefix) :] else key for key in wanted)
    return list(dict.fromkeys(folds))


@settings(max_examples=40)
@given(
    keys=st.sets(_KEYS, max_size=12),
    prefix=_KEYS | st.sampled_from(["", "a", "a/", "a//", "x", "x" * 252, "x" * 256]),
    start_after=st.none() | _KEYS,
    recursive=st.booleans(),
    limit=st.integers(1, 5),
)
def test_pages_are_a_sorted_dict_whatever_the_keys(
    keys: set[str], prefix: str, start_after: str | None, recursive: bool, limit: int
) -> None:
    """Pages of any size together are all keys in the order of their bytes, each once, folded as asked."""
    with tempfile.TemporaryDirectory() as root, _store(root) as store:
        for key in sorted(keys, key=hash):
            store.upload(b"", key)
        listed: list[str] = []
        cursor = None
        while True:
            page = store.list_page(prefix, cursor=cursor, limit=limit, recursive=recursive, start_after=start_after)
            listed += sorted(entry.key for entry in (*page.items, *page.prefixes))
            cursor = page.next_cursor
            if cursor is None:
                break
            assert len(page.items) + len(page.prefixes) == limit
        assert _expected(keys, prefix, start_after, recursive) == listed


def test_a_last_page_that_is_full_has_no_cursor(tmp_path: Path) -> None:
    """A full last page has no cursor to an empty one."""
    with _store(tmp_path) as store:
        for key in ("a", "b/1", "b/2", "c"):
            store.upload(b"", key)
        assert store.list_page(limit=4).next_cursor is None
        assert store.list_page(limit=3, recursive=False).next_cursor is None
        assert store.list_page(limit=2, recursive=False).next_cursor is not None


def test_sizes_etags_and_times_of_a_listing_are_those_of_stat(tmp_path: Path) -> None:
    """A listing needs no second look for them."""
    with _store(tmp_path) as store:
        store.upload(b"12345", "a/b", metadata={"by": "gm"})
        (item,) = store.list()
        info = store.stat("a/b")
        assert (info.size, info.etag, info.last_modified) == (item.size, item.etag, item.last_modified)
        assert item.metadata is None


def test_a_key_of_a_thousand_segments_is_written_listed_and_deleted(tmp_path: Path) -> None:
    """Depth is bounded by the length of keys alone, not by Python's stack or the number of open files."""
    keys = ["d" + "/" * 1000, "d/" * 300 + "e"]
    with _store(tmp_path) as store:
        for key in keys:
            store.upload(key.encode(), key)
        assert sorted(keys) == [item.key for item in store.list()]
        assert keys == [store.read(key).decode() for key in keys]
        store.delete_many(keys)
        assert [".assetstore"] == os.listdir(tmp_path)


def test_empty_folders_and_folders_of_other_things_are_no_prefixes(tmp_path: Path) -> None:
    """A prefix has at least one key."""
    (tmp_path / "empty" / "inner").mkdir(parents=True)
    (tmp_path / "pipes").mkdir()
    os.mkfifo(tmp_path / "pipes" / "pipe")
    with _store(tmp_path) as store:
        assert [] == list(store.list(recursive=False))
        store.upload(b"", "empty/inner/a")
        assert [Prefix(key="empty/")] == list(store.list(recursive=False))


def test_three_thousand_names_in_one_folder_are_listed_in_order(tmp_path: Path) -> None:
    """A big folder costs a scan for each page, and no look at files beyond the page."""
    (tmp_path / "big").mkdir()
    names = [f"{number}.png" for number in range(3000)]
    for name in names:
        os.close(os.open(tmp_path / "big" / name, os.O_CREAT))
    with _store(tmp_path) as store:
        assert sorted(f"big/{name}" for name in names) == [item.key for item in store.list()]


def test_a_listing_goes_on_behind_its_last_key_when_assets_come_and_go(tmp_path: Path) -> None:
    """A key that exists all the time is listed once, whatever happens between two pages."""
    backend = LocalBackend(root=tmp_path, durable=False)
    with AssetStore(backend) as store:
        for key in ("a", "c", "e/1", "g"):
            store.upload(b"", key)
        first = backend.assetstore_list(prefix="", options=ListOptions(limit=2))
        assert first is not None
        store.delete("c")
        store.upload(b"", "b")
        store.upload(b"", "e")
        second = backend.assetstore_list(prefix="", options=ListOptions(limit=9, cursor=first.next_cursor))
        assert second is not None
        assert (["a", "c"], ["e", "e/1", "g"]) == ([i.key for i in first.items], [i.key for i in second.items])


@pytest.mark.parametrize("name", [b"bad\xff", b"new\nline", b"mark\xc2\x80", b"mark\xc2\x80q", b"e\xcc\x81\xc3\xa9"])
def test_names_that_no_key_has_are_not_listed(tmp_path: Path, name: bytes) -> None:
    """Files and folders whose names have invalid UTF-8, control characters or half decomposed text are not assets."""
    root = os.fsencode(tmp_path)
    os.close(os.open(os.path.join(root, name), os.O_CREAT))
    os.mkdir(os.path.join(root, name + b".d"))
    os.close(os.open(os.path.join(root, name + b".d", b"file"), os.O_CREAT))
    with _store(tmp_path) as store:
        assert [] == list(store.list())
