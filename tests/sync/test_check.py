"""``check`` compares two sides: it finds exactly what differs, and what it cannot tell it says."""

from __future__ import annotations

import hashlib
import os
import random
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assetstore import (
    AssetInfo,
    AssetStore,
    BackendError,
    InvalidOptionError,
    NotFoundError,
    StoreNotFoundError,
    UnavailableError,
    open_store,
)
from assetstore.plugin import ListPage, StatOptions, hookimpl
from assetstore.sync import CompareReport, Finding, check, sync
from assetstore.sync.sides import FolderSide, StoreSide
from assetstore.testing import MemoryBackend

if TYPE_CHECKING:
    from servers import S3Server

KEYS = st.sampled_from(["a", "a!", "a/b", "a/c/d", "b", "maps/keep.webp", "maps/ü.png", "zz"])
TREES = st.dictionaries(KEYS, st.sampled_from([b"", b"1", b"2", b"33", b"44"]), min_size=1)


def store_of(assets: dict[str, bytes], **options: Any) -> AssetStore:
    """Return a store in memory with these assets."""
    store = AssetStore(MemoryBackend(), **options)
    for key, data in assets.items():
        store.upload(data, key)
    return store


def bucket_of(server: S3Server) -> AssetStore:
    """Return a store on a server, which sends in parts of 5 MiB."""
    keys = {"access_key": server.access_key, "secret_key": server.secret_key}
    return open_store({"url": f"s3://{server.bucket}", "endpoint_url": server.endpoint_url, "part_size": 5 << 20, **keys})


def found(report: CompareReport) -> dict[str, tuple[str, str | None]]:
    """Return state and fact of each finding."""
    assert len(report.findings) == report.differences + report.not_compared
    return {finding.key: (finding.state, finding.fact) for finding in report.findings}


def expected(ours: dict[str, bytes], theirs: dict[str, bytes], fact: str) -> dict[str, tuple[str, str | None]]:
    """Return what is to be found."""
    made: dict[str, tuple[str, str | None]] = {}
    for key in ours.keys() | theirs.keys():
        if key not in theirs:
            made[key] = ("only_source", None)
        elif key not in ours:
            made[key] = ("only_destination", None)
        elif len(ours[key]) != len(theirs[key]):
            made[key] = ("differs", "size")
        elif ours[key] != theirs[key]:
            made[key] = ("differs", fact)
    return made


@given(ours=TREES, theirs=TREES, download=st.booleans())
def test_exactly_what_differs_is_found(ours: dict[str, bytes], theirs: dict[str, bytes], download: bool) -> None:
    """Of any two trees each difference is found with its fact, and nothing else."""
    report = check(store_of(ours), store_of(theirs), download=download)
    wanted = expected(ours, theirs, "bytes" if download else "digest")
    assert wanted == found(report)
    assert len(ours.keys() | theirs.keys()) == report.equal + len(wanted)
    assert report.same == (ours == theirs)


@given(tree=TREES, data=st.data())
def test_a_mutated_copy_differs_by_exactly_the_mutations(tree: dict[str, bytes], data: st.DataObject) -> None:
    """Whatever was changed, added and removed in a copy is what a check of the copy reports, whatever may be left out."""
    copy = dict(tree)
    for key in data.draw(st.lists(st.sampled_from(sorted(tree)), unique=True)):
        copy[key] += b"!"
    hidden = data.draw(st.sampled_from(["a", "maps/", "*.webp", "none"]))
    takes = {
        "a": lambda key: key.split("/")[0] != "a", "maps/": lambda key: not key.startswith("maps/"),
        "*.webp": lambda key: not key.endswith(".webp"), "none": lambda _: True,
    }[hidden]  # fmt: skip
    report = check(store_of(tree), store_of(copy), exclude=[hidden], allow_empty=True)
    assert {key: ("differs", "size") for key in tree if tree[key] != copy[key] and takes(key)} == found(report)


@given(tree=TREES, changed=st.sets(KEYS))
def test_a_folder_is_compared_by_the_digests_of_the_store(
    tree: dict[str, bytes], changed: set[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Files of a folder are read, and compared with the digests that the store keeps."""
    files = {key: data for key, data in tree.items() if key not in ("a", "a!")}
    if not files:
        return
    folder = tmp_path_factory.mktemp("folder")
    for key, data in files.items():
        (folder / key).parent.mkdir(parents=True, exist_ok=True)
        (folder / key).write_bytes(data)
    stored = {key: data[::-1] + b"x" if key in changed else data for key, data in files.items()}
    store = open_store(f"file:{folder}-store")
    for key, data in stored.items():
        store.upload(data, key)
    assert expected(files, stored, "digest") == found(check(folder, store))


@settings(max_examples=15)
@given(ours=TREES, theirs=TREES, way=st.sampled_from(["up", "down", "between"]))
def test_after_a_sync_everything_is_equal(
    ours: dict[str, bytes], theirs: dict[str, bytes], way: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """What a sync by digests calls up to date a check calls equal, from a folder, to a folder and between stores."""
    ours, theirs = ({key: data for key, data in tree.items() if key != "a"} for tree in (ours, theirs))
    folder = tmp_path_factory.mktemp("folder")
    source: Any = folder / "source" if way == "up" else open_store(f"file:{folder}/source-store")
    destination: Any = folder / "destination" if way == "down" else open_store(f"file:{folder}/destination-store")
    for side, tree in ((source, ours), (destination, theirs)):
        if isinstance(side, Path):
            side.mkdir()
        for key, data in tree.items():
            if isinstance(side, Path):
                (side / key).parent.mkdir(parents=True, exist_ok=True)
                (side / key).write_bytes(data)
            else:
                side.upload(data, key)
    report = sync(source, destination, delete=True, allow_empty=True, checksum=True)
    assert report.ok, report.errors
    assert check(source, destination, allow_empty=True).same


def test_folder_markers_and_unfinished_uploads_are_not_compared(tmp_path: Path) -> None:
    """Consoles mark folders by empty assets, which a disk has not; a sync leaves them out too."""
    store = store_of({"maps/": b"", "maps/keep.webp": b"keep"})
    assert sync(store, tmp_path / "art").ok
    assert check(store, tmp_path / "art").same
    assert 1 == check(store, store_of({"maps/keep.webp": b"keep"})).only_source


def test_a_name_is_compared_in_nfc(tmp_path: Path) -> None:
    """A disk may spell an ``ü`` by two characters; a key has one."""
    (tmp_path / "u\u0308").write_bytes(b"abc")
    assert check(tmp_path, store_of({"\u00fc": b"abc"})).same
    assert check(tmp_path, store_of({"\u00fc": b"abc"}), download=True).same


def test_bytes_that_changed_without_a_new_size_are_found(tmp_path: Path) -> None:
    """Same size, same time, other bytes: a folder's file is compared by its bytes, never by its time."""
    store = open_store(f"file:{tmp_path}/store")
    (tmp_path / "art").mkdir()
    info = store.upload(b"old", "a")
    assert info.last_modified is not None
    (tmp_path / "art/a").write_bytes(b"new")
    os.utime(tmp_path / "art/a", (info.last_modified.timestamp(),) * 2)
    assert {"a": ("differs", "digest")} == found(check(tmp_path / "art", store))


@attrs.define(eq=False)
class Undigested(MemoryBackend):
    """A store that keeps digests of a kind of its own, or none."""

    kind: str | None = None

    @hookimpl
    def assetstore_stat(self, key: str, options: StatOptions) -> AssetInfo:
        """Return a digest that tells of the key alone."""
        info = super().assetstore_stat(key, options)
        digest = None if self.kind is None else f"{self.kind}:{hashlib.md5(info.key.encode()).hexdigest()}"
        return attrs.evolve(info, digest=digest)

    @hookimpl
    def assetstore_list(self, prefix: str, options: Any) -> ListPage:
        """Return no digests."""
        page = super().assetstore_list(prefix, options)
        return attrs.evolve(page, items=tuple(attrs.evolve(info, digest=None) for info in page.items))


@pytest.mark.parametrize(("one", "other"), [(None, None), ("md5", None), ("md5-parts/5", "md5-parts/8")])
def test_what_no_digest_tells_is_not_called_equal(one: str | None, other: str | None) -> None:
    """Equal sizes without digests of one kind are counted as not compared; the bytes or the sizes alone tell, if asked."""
    stores = [AssetStore(Undigested(kind=one)), AssetStore(Undigested(kind=other))]
    for store in stores:
        store.upload(b"abc", "a")
    report = check(*stores)
    assert (False, 0, 0, 1) == (report.same, report.differences, report.equal, report.not_compared)
    assert report.findings[0].detail.startswith("no digest of one kind: ")
    assert check(*stores, download=True).same
    assert check(*stores, size_only=True).same


def test_digests_of_listings_are_enough() -> None:
    """Where both listings have digests of one kind, no asset is asked for."""
    tree = {f"{number:03}": b"%d" % number for number in range(300)}
    events: list[str] = []

    class Observer:
        @hookimpl
        def assetstore_event(self, event: Any) -> None:
            events.append(event.op)

    stores = [AssetStore(MemoryBackend(), plugins=[Observer()]) for _ in range(2)]
    for store in stores:
        for key, data in tree.items():
            store.upload(data, key)
    events.clear()
    assert 300 == check(*stores).equal
    assert {"list"} == set(events)


def test_headers_are_compared_where_asked() -> None:
    """A difference of headers alone is found by name with ``headers``, and the time of a file is none."""
    ours, theirs = store_of({"a": b"a", "b": b"b"}), store_of({"b": b"b"})
    theirs.upload(b"a", "a", content_type="image/png", cache_control="no-cache", metadata={"by": "gm"})
    theirs.update("b", metadata={"mtime": "1.5"})
    assert check(ours, theirs).same
    report = check(ours, theirs, headers=True)
    details = [finding.detail for finding in report.findings]
    assert ({"a": ("differs", "headers")}, ["content-type, cache-control, metadata"]) == (found(report), details)


def test_pairs_that_a_disk_would_merge_are_reported(tmp_path: Path) -> None:
    """``a//b`` beside ``a/b`` and ``c`` beside ``c/d`` can be one file only, and the other is named with the reason."""
    store = store_of({"a//b": b"1", "a/b": b"1", "c": b"2", "c/d": b"3"})
    for key in ("a/b", "c/d"):
        (tmp_path / "art" / key).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "art" / key).write_bytes(store.read(key))
    report = check(store, tmp_path / "art")
    assert {"a//b": "a folder would merge it with 'a/b'", "c": "a folder has this name there"} == {
        finding.key: finding.detail for finding in report.findings
    }
    assert (2, 2) == (report.equal, report.only_source)


@pytest.mark.parametrize(("ours", "theirs"), [({}, {}), ({"a": b""}, {}), ({}, {"a": b""})])
def test_an_empty_side_is_an_error_unless_allowed(ours: dict[str, bytes], theirs: dict[str, bytes]) -> None:
    """Two mistyped prefixes do not agree."""
    with pytest.raises(NotFoundError, match=r"the (source|destination) 'MemoryBackend' has no asset"):
        check(store_of(ours), store_of(theirs))
    assert check(store_of(ours), store_of(theirs), allow_empty=True).same == (ours == theirs)


def test_globs_that_leave_nothing_are_an_error() -> None:
    """A check that compared nothing does not say that all is well."""
    with pytest.raises(NotFoundError, match="leave nothing to compare"):
        check(store_of({"a": b""}), store_of({"a": b""}), include=["b"])


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    """It is not taken for an empty one, whatever is allowed."""
    with pytest.raises(StoreNotFoundError, match="is missing"):
        check(tmp_path / "none", store_of({"a": b""}), allow_empty=True)


def test_what_is_there_and_cannot_be_read_is_not_called_missing(tmp_path: Path) -> None:
    """A link and an unreadable folder count as not compared, and assets of the destination below them are not missing."""
    (tmp_path / "locked").mkdir()
    (tmp_path / "a").write_bytes(b"a")
    (tmp_path / "link").symlink_to("nowhere")
    store = store_of({"a": b"a", "link": b"", "locked/x": b"", "new": b""})

    @attrs.frozen(eq=False)
    class Locked(FolderSide):
        def walk(self, problem: Any) -> Any:
            yield from super().walk(problem)
            problem("locked/", BackendError("the folder cannot be read"))

    report = check(Locked(tmp_path, "art"), store)
    states = {finding.key: finding.state for finding in report.findings}
    assert {**dict.fromkeys(("link", "locked/", "locked/x"), "not_compared"), "new": "only_destination"} == states


class Failing(MemoryBackend):
    """A store whose second page of a listing, or whose assets, cannot be had."""

    listing = True

    @hookimpl
    def assetstore_list(self, prefix: str, options: Any) -> ListPage:
        """Fail after two assets, if listings fail."""
        if self.listing and options.cursor is not None:
            raise UnavailableError("the store is down")
        page = super().assetstore_list(prefix, attrs.evolve(options, limit=2))
        return attrs.evolve(page, items=tuple(attrs.evolve(info, digest=None) for info in page.items))

    @hookimpl
    def assetstore_stat(self, key: str, options: StatOptions) -> AssetInfo:
        """Fail."""
        raise UnavailableError("the store is down")


@pytest.mark.parametrize("listing", [True, False])
def test_a_store_that_fails_ends_the_check(listing: bool) -> None:
    """Half a listing gives no report, and a store that is down is not asked for every asset."""
    backend = Failing()
    backend.listing = listing
    tree = {f"{number:03}": b"" for number in range(200)}
    failing = AssetStore(backend)
    for key, data in tree.items():
        failing.upload(data, key)
    with pytest.raises(UnavailableError, match="the store is down"):
        check(store_of(tree), failing)


def test_senseless_options_are_refused(tmp_path: Path) -> None:
    """Before anything is read."""
    store = store_of({"a": b""})
    with pytest.raises(InvalidOptionError, match="size_only compares sizes alone"):
        check(store, store, size_only=True, download=True)
    with pytest.raises(InvalidOptionError, match="has no headers"):
        check(tmp_path, store, headers=True)
    with pytest.raises(InvalidOptionError, match="both sides are folders"):
        check(tmp_path, tmp_path)


def test_findings_come_as_they_are_found_and_a_report_keeps_the_first() -> None:
    """A million differences do not fill the memory; each is passed on."""
    seen: list[Finding] = []
    counts: list[int] = []
    tree = {f"{number:04}": b"" for number in range(1500)}
    report = check(store_of(tree), store_of({"x": b""}), found=seen.append, progress=counts.append)
    assert (1501, 1000, 1501) == (len(seen), len(report.findings), sum(counts))
    assert tuple(seen[:1000]) == report.findings


def test_the_memory_does_not_grow_with_the_sides() -> None:
    """A hundred thousand equal assets and as many differences take no more than a thousand."""

    @attrs.frozen
    class Endless:
        name: str
        count: int
        size: int

        def walk(self, problem: Any) -> Iterator[AssetInfo]:
            for number in range(self.count):
                size = self.size if number % 2 else 0
                yield AssetInfo(key=f"{number:08}", size=size, digest=f"md5:{number:032x}")

    def peak(count: int) -> int:
        tracemalloc.start()
        try:
            report = check(Endless("a", count, 1), Endless("b", count, 2))
            assert (count // 2, count // 2) == (report.equal, report.different)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(100)  # what is loaded at the first call
    assert peak(100_000) < peak(2_000) + 4_000_000


def test_parts_of_unlike_sizes_are_not_taken_for_a_match(seaweedfs: S3Server, unique_prefix: str) -> None:
    """Two assets of others, sent in parts of unlike sizes, have no digest in common, whatever is in them."""
    data = random.Random(1).randbytes(6 << 20)
    with seaweedfs.client() as client:
        for key, size, body in (("a/x", 5 << 20, data), ("b/x", 6 << 20, data[:-1] + b"?"), ("c/x", 5 << 20, data)):
            name = {"Bucket": seaweedfs.bucket, "Key": f"{unique_prefix}{key}"}
            upload = client.create_multipart_upload(**name)["UploadId"]
            parts = []
            for number, start in enumerate(range(0, len(body), size), 1):
                piece = body[start : start + size]
                sent = client.upload_part(**name, UploadId=upload, PartNumber=number, Body=piece)
                parts.append({"PartNumber": number, "ETag": sent["ETag"]})
            client.complete_multipart_upload(**name, UploadId=upload, MultipartUpload={"Parts": parts})
    with bucket_of(seaweedfs) as store:
        one, other, same = (store.scoped(f"{unique_prefix}{name}/") for name in "abc")
        report = check(one, other)
        assert (0, 0, 1) == (report.equal, report.differences, report.not_compared)
        assert {"x": ("differs", "bytes")} == found(check(one, other, download=True))
        assert check(one, same, download=True).same


def test_large_assets_of_ours_are_compared_with_files(seaweedfs: S3Server, unique_prefix: str, tmp_path: Path) -> None:
    """The digest of parts, or of all bytes, which the store keeps, is computed of the file."""
    data = random.Random(2).randbytes((5 << 20) + 1)
    (tmp_path / "a").write_bytes(data)
    (tmp_path / "b").write_bytes(data[:-1] + b"?")
    with bucket_of(seaweedfs) as whole:
        store = whole.scoped(unique_prefix)
        for key in "ab":
            store.upload(iter([data]), key)
        assert {"b": ("differs", "digest")} == found(check(tmp_path, store))


def test_sides_are_named_in_the_report(tmp_path: Path) -> None:
    """By their names, which hold no secret."""
    report = check(StoreSide(store_of({"a": b""}), "prod:maps/"), store_of({"a": b""}, name="dev"))
    assert ("prod:maps/", "dev") == (report.source, report.destination)
