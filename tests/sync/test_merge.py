"""Two listings are merged key by key; one in another order than that of keys is never taken for one that lacks something."""

from __future__ import annotations

import itertools
import tracemalloc
from collections.abc import Iterator
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assetstore import AssetInfo, AssetStore, AssetStoreError, open_store
from assetstore.plugin import ListOptions, ListPage, hookimpl
from assetstore.sync import Finding, check
from assetstore.sync.merge import Pair, UnorderedError, merge, merge_any_order
from assetstore.sync.sides import FileInfo
from assetstore.sync.sorting import sorted_on_disk
from assetstore.testing import MemoryBackend
from unordered import FolderByFolder

if TYPE_CHECKING:
    from servers import S3Server

KEYS = st.sets(st.text("a-/é😀\udc80", min_size=1, max_size=3))
TREES = st.dictionaries(st.sampled_from(["a", "a-b/x", "a/x", "a/y", "ab/y", "b"]), st.sampled_from([b"1", b"2", b"33"]))


ASSETS = st.builds(
    AssetInfo,
    key=st.text("a-/é😀\udc80", min_size=1),
    size=st.integers(0),
    etag=st.none() | st.text(),
    last_modified=st.none() | st.datetimes(timezones=st.just(UTC)),
    digest=st.none() | st.text(),
    valid=st.booleans(),
    content_type=st.none() | st.just("image/webp"),
    metadata=st.none() | st.dictionaries(st.sampled_from("ab"), st.just("1")),
)


class Rearranged(MemoryBackend):
    """Lists in the order in which it was written to."""

    order: tuple[str, ...] = ()

    @hookimpl
    def assetstore_list(self, prefix: str, options: ListOptions) -> ListPage:
        """Return all on one page."""
        page = super().assetstore_list(prefix, ListOptions())
        return attrs.evolve(page, items=tuple(sorted(page.items, key=lambda info: self.order.index(info.key))))


def infos(keys: Any, size: int = 0) -> list[AssetInfo]:
    """Return an asset for each key."""
    return [AssetInfo(key=key, size=size) for key in keys]


def sorted_pairs(pairs: Iterator[Pair]) -> list[Pair]:
    """Return pairs in the order of their keys."""
    return sorted(pairs, key=lambda pair: "".join(info.key for info in pair[:1 if pair[0] else 2] if info))


@given(KEYS, KEYS, st.data())
def test_the_pairs_are_those_of_the_sorted_listings(ours: set[str], theirs: set[str], data: st.DataObject) -> None:
    """Whatever the order of both listings, each key comes once, with what each side has of it."""
    expected = list(merge(infos(sorted(ours), 1), infos(sorted(theirs), 2)))
    orders = (data.draw(st.permutations(sorted(keys))) for keys in (ours, theirs))
    one, other = (infos(order, size) for size, order in enumerate(orders, 1))
    assert expected == sorted_pairs(merge_any_order(one, other))


@given(KEYS, KEYS)
def test_what_one_side_lacks_comes_last_and_in_order(ours: set[str], theirs: set[str]) -> None:
    """Of listings in order, what both have comes first, then what one has alone, each in the order of keys."""
    expected = sorted(
        merge(infos(sorted(ours)), infos(sorted(theirs))), key=lambda pair: pair[0] is None or pair[1] is None
    )
    assert expected == list(merge_any_order(infos(sorted(ours)), infos(sorted(theirs))))


def test_a_plain_merge_refuses_what_is_out_of_order() -> None:
    """It says which key came too late, and which one came before it."""
    with pytest.raises(UnorderedError, match="'a-b/x' comes after 'a/x'"):
        list(merge(infos(["a/x", "a-b/x"]), []))


@given(st.lists(ASSETS, unique_by=lambda info: info.key))
def test_what_was_put_in_order_is_what_was_listed(listing: list[AssetInfo]) -> None:
    """Every field comes back from the temporary file as it was, to the microsecond, and files with what they add."""
    files = [FileInfo(**vars(info), stamp=(1, 2, 3, 4), path="p") for info in listing]
    for infos in (listing, files):
        expected = sorted(infos, key=lambda info: info.key)
        found = list(sorted_on_disk(infos))
        assert [(type(info), info) for info in expected] == [(type(info), info) for info in found]


def test_memory_does_not_grow_with_what_waits() -> None:
    """However many assets seem to be on one side alone, they wait on disk."""

    def peak(count: int) -> int:
        ours, theirs = ((f"{number:08}" for number in range(half, count, 2)) for half in (0, 1))
        tracemalloc.start()
        try:
            assert count == sum(1 for _ in merge_any_order(map(info, ours), map(info, theirs)))
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    def info(key: str) -> AssetInfo:
        return AssetInfo(key=key, size=1)

    peak(10)  # what is loaded at the first call
    assert peak(20_000) < peak(2_000) + 200_000


@given(TREES, TREES, st.data())
def test_a_check_finds_the_same_in_any_order(
    ours: dict[str, bytes], theirs: dict[str, bytes], data: st.DataObject
) -> None:
    """The findings, and what ``found`` is called with, are those of listings in order; nothing else is ever told."""
    reports = []
    told: list[list[Finding]] = []
    for arranged in (sorted, lambda keys: data.draw(st.permutations(sorted(keys)))):
        sides = []
        for tree in (ours, theirs):
            backend = Rearranged()
            backend.order = tuple(arranged(tree))
            sides.append(AssetStore(backend, name="store"))
            for key, content in tree.items():
                sides[-1].upload(content, key)
        told.append([])
        report = check(*sides, allow_empty=True, found=told[-1].append)
        reports.append(attrs.evolve(report, findings=tuple(sorted(report.findings, key=lambda finding: finding.key))))
    assert reports[0] == reports[1]
    assert sorted(told[0], key=lambda finding: finding.key) == sorted(told[1], key=lambda finding: finding.key)


@pytest.mark.parametrize("at", ["source", "destination", "both"])
def test_a_store_that_lists_folder_by_folder_is_checked(at: str) -> None:
    """Nothing that it lists late is taken for missing, and what is missing is found."""
    sides = []
    for side in ("source", "destination"):
        backend = FolderByFolder() if at in (side, "both") else MemoryBackend()
        sides.append(AssetStore(backend, name=side))
        for key in ("0", "a/x", "a-b/x", "a.txt", f"a-b/{side}"):
            sides[-1].upload(b"1", key)
    report = check(*sides)
    expected = [("a-b/destination", "only_destination"), ("a-b/source", "only_source")]
    assert (4, expected) == (report.equal, [(finding.key, finding.state) for finding in report.findings])


def test_a_bucket_that_is_listed_folder_by_folder_is_checked(
    seaweedfs: S3Server, unique_prefix: str, tmp_path: Path
) -> None:
    """Over several pages of a real server which lists so, with folders whose names begin alike, exactly what differs."""
    names = ["".join(name) for name in itertools.product("ab", ("", "-", ".c", "0", "é"), ("", "/x", "/y/z"))]
    keys = [f"{name}.{number}" for name in names for number in range(40)]
    settings = {"url": f"s3://{seaweedfs.bucket}", "endpoint_url": seaweedfs.endpoint_url}
    settings |= {"access_key": seaweedfs.access_key, "secret_key": seaweedfs.secret_key}
    with open_store(settings) as whole, open_store(f"file:{tmp_path}") as files:
        bucket = whole.scoped(unique_prefix)
        for store, own in ((bucket, "a-/bucket"), (files, "a-/file")):
            with store.upload_many((b"1", key) for key in [*keys, own]) as results:
                assert [None] * (len(keys) + 1) == [result.error for result in results]
        listed = [info.key for info in bucket.list()]
        assert sorted(listed) != listed
        for one, other, state in ((files, bucket, "only_source"), (bucket, files, "only_destination")):
            report = check(one, other)
            assert (len(keys), 1, 1) == (report.equal, report.only_source, report.only_destination)
            assert ("a-/file", state) in [(finding.key, finding.state) for finding in report.findings]


def test_a_temporary_folder_without_space_is_an_error_that_says_so() -> None:
    """A check that finds no space for what waits says how to go on."""
    resource = pytest.importorskip("resource")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    keys = (f"{number:01000}" for number in range(8_000))
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, limits[1]))
    try:
        with pytest.raises(AssetStoreError, match="cannot be kept in a temporary file") as caught:
            list(merge_any_order((AssetInfo(key=key, size=1) for key in keys), []))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "SQLITE_TMPDIR" in str(caught.value)
