"""What a sync promises: what it decides by, what it refuses, what it never deletes, and what it leaves behind."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assetstore import (
    AssetInfo,
    AssetStore,
    AssetStoreError,
    BackendError,
    InvalidOptionError,
    NoSpaceError,
    SourceError,
    StoreNotFoundError,
    UnavailableError,
)
from assetstore.plugin import hookimpl
from assetstore.sync import Action, SyncRefusedError, check, sync, verify, verify_cost
from assetstore.sync.folder_index import TICK_NS, FolderIndex
from assetstore.sync.options import SyncOptions
from assetstore.sync.refusals import Refusals
from assetstore.sync.running import let_tick
from assetstore.sync.sides import FolderSide
from assetstore.sync.spool import Spool
from assetstore.testing import FaultyBackend, MemoryBackend, Raise
from assetstore_local import LocalBackend


def folder_of(folder: Path, **files: bytes) -> Path:
    """Return a folder with files; ``__`` in a name stands for ``/``."""
    for name, data in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    folder.mkdir(exist_ok=True)
    return folder


def settled(folder: Path) -> Path:
    """Return a folder once its files are so old that an index keeps their digests; a slow machine never waits."""
    newest = max(path.stat().st_ctime_ns for path in folder.rglob("*"))
    while time.time_ns() <= newest + TICK_NS:
        pass
    return folder


def store_of(backend: object | None = None, **assets: bytes) -> AssetStore:
    """Return a store with assets."""
    store = AssetStore(backend or MemoryBackend())
    for key, data in assets.items():
        store.upload(data, key.replace("__", "/"))
    return store


def keys(store: AssetStore) -> list[str]:
    """Return the keys of a store."""
    return [info.key for info in store.list()]


class Noted:
    """Notes the actions of a sync."""

    def __init__(self) -> None:
        self.actions: list[tuple[str, str]] = []

    def __call__(self, action: Action, error: Exception | None) -> None:
        """Take an action."""
        self.actions.append((action.kind if error is None else f"failed {action.kind}", action.key))


# What it decides by


def test_other_bytes_of_one_size_and_time_are_found(tmp_path: Path) -> None:
    """A file whose size and mtime are as before is sent if its bytes are others."""
    source, destination = folder_of(tmp_path / "a", a=b"one"), store_of()
    sync(source, destination)
    before = os.stat(source / "a")
    (source / "a").write_bytes(b"two")
    os.utime(source / "a", ns=(before.st_atime_ns, before.st_mtime_ns))
    assert 1 == sync(source, destination).counts.changed
    assert b"two" == destination.read("a")


def test_an_older_file_with_other_bytes_is_found(tmp_path: Path) -> None:
    """A file that was unpacked or restored with an old mtime is sent."""
    source, destination = folder_of(tmp_path / "a", a=b"one"), store_of()
    sync(source, destination)
    (tmp_path / "restored").write_bytes(b"two")
    os.utime(tmp_path / "restored", (1e9, 1e9))
    (tmp_path / "restored").rename(source / "a")
    assert 1 == sync(source, destination).counts.changed


@pytest.mark.parametrize("backend", [MemoryBackend, LocalBackend])
def test_a_touched_file_with_the_same_bytes_is_not_sent(tmp_path: Path, backend: Any) -> None:
    """A new mtime alone sends nothing, on a store whose listing has digests and on one that must be asked."""
    destination = store_of(backend() if backend is MemoryBackend else backend(root=tmp_path / "store"))
    source = folder_of(tmp_path / "a", a=b"one")
    sync(source, destination)
    os.utime(source / "a", (4e9, 4e9))
    assert (1, 0) == ((report := sync(source, destination)).counts.unchanged, report.bytes)


def test_a_lost_index_costs_no_asset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the digests of earlier runs the files are read, and what changed is found all the same."""
    source, destination = folder_of(tmp_path / "a", a=b"one", b=b"two"), store_of()
    sync(source, destination)
    before = os.stat(source / "a")
    (source / "a").write_bytes(b"ONE")
    os.utime(source / "a", ns=(before.st_atime_ns, before.st_mtime_ns))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "another"))
    report = sync(source, destination)
    assert (1, 1) == (report.counts.changed, report.counts.unchanged)


HEAD = "assetstore folder index 2\n"


@pytest.mark.parametrize("damage", ["", "nonsense\n", f"{HEAD}a\tx\n", f"{HEAD}b\t1 1 1 1"], ids=str)
def test_a_damaged_index_is_read_as_far_as_it_is_whole(tmp_path: Path, damage: str) -> None:
    """Whatever the file of digests holds, the sync is right, and the next one has a whole file again."""
    source, destination = settled(folder_of(tmp_path / "a", a=b"one", b=b"two")), store_of()
    sync(source, destination)
    index = FolderIndex.of(source, destination).file
    whole = index.read_text()
    index.write_text(damage)
    assert 2 == sync(source, destination).counts.unchanged
    assert (3, whole) == (len(whole.splitlines()), index.read_text())


@pytest.mark.parametrize("backend", ["memory", "local"])
def test_down_and_then_up_sends_nothing(tmp_path: Path, backend: str) -> None:
    """What was fetched is not sent back, and files have the time of their assets."""
    store = store_of(MemoryBackend() if backend == "memory" else LocalBackend(root=tmp_path / "store"), a=b"1", b__c=b"2")
    assert 2 == sync(store, tmp_path / "art").counts.new
    written = store.stat("a").last_modified
    assert written is not None
    assert written.timestamp() == pytest.approx(os.stat(tmp_path / "art" / "a").st_mtime)
    for source, destination in ((tmp_path / "art", store), (store, tmp_path / "art")):
        report = sync(source, destination)
        assert (2, 0) == (report.counts.unchanged, report.bytes)


@pytest.mark.parametrize(
    ("modified", "kept"),
    [(1_000_000_000_250_000_000, "1000000000.250000000"), (-1_250_000_000, "-1.250000000"), (0, "0.000000000")],
)
def test_times_travel_only_where_asked(tmp_path: Path, modified: int, kept: str) -> None:
    """``times`` keeps the time of a file in the metadata and gives it back; without it nothing of the file is kept."""
    source, plain, timed = folder_of(tmp_path / "a", a=b"1"), store_of(), store_of()
    os.utime(source / "a", ns=(0, modified))
    sync(source, plain)
    sync(source, timed, times=True)
    assert {} == dict(plain.stat("a").metadata or {})
    assert {"mtime": kept} == dict(timed.stat("a").metadata or {})
    sync(timed, tmp_path / "b")
    assert modified == os.stat(tmp_path / "b" / "a").st_mtime_ns


def test_update_leaves_what_is_newer_and_looks_at_one_size(tmp_path: Path) -> None:
    """``update`` skips what the destination has newer; a newer source of the same size is always looked at."""
    store = store_of(a=b"old")
    source = folder_of(tmp_path / "a", a=b"new", b=b"1")
    os.utime(source / "a", (1e9, 1e9))
    report = sync(source, store, update=True)
    assert (1, 1, b"old") == (report.counts.skipped, report.counts.new, store.read("a"))
    os.utime(source / "a", (4e9, 4e9))
    assert (1, b"new") == (sync(source, store, update=True).counts.changed, store.read("a"))


def test_size_only_compares_sizes(tmp_path: Path) -> None:
    """``size_only`` sends only what has another size."""
    store = store_of(a=b"old", b=b"1")
    source = folder_of(tmp_path / "a", a=b"new", b=b"22")
    assert (1, b"old") == (sync(source, store, size_only=True).counts.changed, store.read("a"))


def test_checksum_does_not_trust_earlier_runs(tmp_path: Path) -> None:
    """``checksum`` reads every file, whatever the index has of it."""
    store, source = store_of(), settled(folder_of(tmp_path / "a", a=b"one"))
    sync(source, store)
    store.upload(b"two", "a")
    one, two = (hashlib.sha256(data).hexdigest() for data in (b"one", b"two"))
    index = FolderIndex.of(source, store).file
    index.write_text(index.read_text().replace(one, two))
    assert 1 == sync(source, store).counts.unchanged
    assert 1 == sync(source, store, checksum=True).counts.changed


# Headers


def test_other_headers_alone_are_fixed_without_bytes() -> None:
    """A header that changed at the source arrives by an update; all others stay, and a second run does nothing."""
    source, backend = store_of(), FaultyBackend(MemoryBackend())
    destination = store_of(backend)
    source.upload(b"1", "a", cache_control="no-store", content_language="de", metadata={"by": "gm"})
    sync(source, destination)
    source.update("a", cache_control="max-age=60")
    backend.calls.clear()
    report = sync(source, destination)
    assert (1, 0, 0) == (report.counts.headers, report.counts.changed, report.bytes)
    assert "upload" not in {op for op, _ in backend.calls}
    found = destination.stat("a")
    assert ("max-age=60", "de", {"by": "gm"}) == (found.cache_control, found.content_language, dict(found.metadata or {}))
    backend.calls.clear()
    assert 1 == sync(source, destination).counts.unchanged
    assert ["list"] == [op for op, _ in backend.calls]


def test_a_header_rule_holds_for_every_asset_of_a_run(tmp_path: Path) -> None:
    """A rule holds for new and changed assets and for those that are unchanged; what it does not match is not looked up."""
    source, backend = folder_of(tmp_path / "a", a__x=b"1", b=b"1"), FaultyBackend(MemoryBackend())
    destination = store_of(backend)
    sync(source, destination)
    (source / "new").mkdir()
    (source / "new" / "x").write_bytes(b"2")
    backend.calls.clear()
    report = sync(source, destination, headers={"x": {"cache_control": "max-age=60"}})
    assert (1, 1, 1) == (report.counts.headers, report.counts.new, report.counts.unchanged)
    assert ["max-age=60"] * 2 == [destination.stat(key).cache_control for key in ("a/x", "new/x")]
    assert 1 == [op for op, _ in backend.calls].count("stat") - 2
    again = sync(source, destination, headers={"x": {"cache_control": "max-age=60"}})
    assert 3 == again.counts.unchanged


def test_between_stores_a_rule_goes_over_the_sources_headers() -> None:
    """Headers travel with the bytes, and a rule changes those that it names."""
    source, destination = store_of(), store_of()
    source.upload(b"1", "a.webp", cache_control="no-store", metadata={"by": "gm"})
    sync(source, destination, headers={"*.webp": {"cache_control": "max-age=60"}})
    found = destination.stat("a.webp")
    assert ("max-age=60", {"by": "gm"}) == (found.cache_control, dict(found.metadata or {}))
    assert "image/webp" == found.content_type


# What it never deletes


@pytest.mark.parametrize("delete", [False, True])
def test_a_missing_or_empty_source_is_an_error(tmp_path: Path, delete: bool) -> None:
    """A missing folder, or part of a store, never empties the destination; an empty one must be allowed."""
    destination = store_of(a=b"1")
    with pytest.raises(StoreNotFoundError):
        sync(tmp_path / "mistyped", destination, delete=delete)
    for source in (store_of(), store_of(a=b"1").scoped("mistyped/"), folder_of(tmp_path / "empty")):
        with pytest.raises(SyncRefusedError, match="has no asset"):
            sync(source, destination, delete=delete)
    assert ["a"] == keys(destination)
    assert sync(store_of(), destination, delete=delete, allow_empty=True).ok
    assert ([] if delete else ["a"]) == keys(destination)


@pytest.mark.parametrize("kind", ["fifo", "link", "dangling link"])
def test_what_is_there_but_cannot_be_read_stays_at_the_destination(tmp_path: Path, kind: str) -> None:
    """A file that cannot be read is there: its asset stays, nothing else is deleted either, and the others are sent."""
    source, destination = folder_of(tmp_path / "a", ok=b"ok"), store_of(a=b"1", old=b"1")
    if kind == "fifo":
        os.mkfifo(source / "a")
    else:
        (source / "a").symlink_to(source / "ok" if kind == "link" else "nowhere")
    report = sync(source, destination, delete=True)
    assert (1, 1, 2, ["a", "ok", "old"]) == (report.counts.new, report.failed, report.withheld, keys(destination))
    assert not report.ok
    assert sync(source, destination, delete=True, exclude=["a"]).ok
    assert ["a", "ok"] == keys(destination)


def test_max_delete_counts_first(tmp_path: Path) -> None:
    """If more would be deleted than is allowed, nothing is, and nothing is sent."""
    source, destination = folder_of(tmp_path / "a", new=b"new"), store_of(a=b"1", b=b"2", c=b"3", d=b"4")
    for most in (3, 0, "99%"):
        with pytest.raises(SyncRefusedError, match="would delete 4 of 4"):
            sync(source, destination, delete=True, max_delete=most)
        assert ["a", "b", "c", "d"] == keys(destination)
    assert 4 == sync(source, destination, delete=True, max_delete="100%").counts.deleted


@pytest.mark.parametrize(("most", "allowed"), [("32.3%", 323), ("32.29%", 322), ("0%", 0), ("100%", 1000)])
def test_a_percentage_is_exact(most: str, allowed: int) -> None:
    """Exactly so many deletions are allowed, and none fewer because of how a machine counts fractions."""
    assert allowed == SyncOptions(delete=True, max_delete=most).allowed_deletions(1000)


@pytest.mark.parametrize("most", ["5", "x%", -1, "101%", True, 1.5])
def test_an_odd_max_delete_is_refused(most: Any) -> None:
    """What is neither a whole number nor a percentage is refused before anything is listed."""
    with pytest.raises(InvalidOptionError, match="max_delete"):
        SyncOptions(delete=True, max_delete=most)


def test_filters_hold_for_both_sides(tmp_path: Path) -> None:
    """What is excluded is neither sent nor deleted, by the name of a folder anywhere."""
    source = folder_of(tmp_path / "a", a=b"1", x__keep__b=b"1")
    destination = store_of(keep__c=b"1", y__keep__d=b"1", old=b"1", keeper=b"1")
    sync(source, destination, delete=True, exclude=["keep/"])
    assert ["a", "keep/c", "y/keep/d"] == keys(destination)


@pytest.mark.parametrize("order", ["backwards", "twice"])
@pytest.mark.parametrize("at", ["source", "destination"])
def test_a_listing_out_of_order_loses_nothing(order: str, at: str) -> None:
    """Neither a sync nor a check takes a key for missing that comes later, or for two that comes twice in a row."""

    class Odd(MemoryBackend):
        @hookimpl
        def assetstore_list(self, prefix: str, options: Any) -> Any:
            page = super().assetstore_list(prefix, options)
            items = page.items[::-1] if order == "backwards" else (*page.items, *page.items[-1:])
            return attrs.evolve(page, items=items)

    odd, plain = store_of(Odd(), a=b"1", c=b"2"), store_of(a=b"1", b=b"2", c=b"3")
    source, destination = (odd, plain) if at == "source" else (plain, odd)
    report = check(source, destination)
    assert (1, 1, 1) == (report.equal, report.different, report.only_source + report.only_destination)
    sync(source, destination, delete=True)
    expected = {"a": b"1", "c": b"2"} if at == "source" else {"a": b"1", "b": b"2", "c": b"3"}
    assert expected == {key: destination.read(key) for key in {info.key for info in destination.list()}}


def test_a_dry_run_deletes_only_what_a_run_would(tmp_path: Path) -> None:
    """If something cannot be read, a dry run withholds what the run withholds."""
    source, destination = folder_of(tmp_path / "a", catalog=b"22", ok=b"333"), store_of(old=b"1", catalog=b"1")
    (source / "link").symlink_to("nowhere")
    reports = []
    for dry_run in (True, False):
        noted = Noted()
        report = sync(source, destination, delete=True, last=["catalog"], dry_run=dry_run, done=noted)
        reports.append((report.counts, report.withheld, report.failed, noted.actions))
    assert reports[0] == reports[1]
    assert (2, [("new", "ok")]) == (reports[0][1], reports[0][3])


@pytest.mark.parametrize("include", [[], ["x.webp"]])
def test_nothing_is_written_through_a_link_in_the_folder(tmp_path: Path, include: list[str]) -> None:
    """A link to another folder, inside or outside, is another asset's place: what lies below its key fails."""
    target = folder_of(tmp_path / "art", e__k=b"k")
    (target / "d").symlink_to("e")
    report = sync(store_of(d__x=b"1", e__x=b"2", **{"d__x.webp": b"3"}), target, include=include)
    assert {"d/x.webp"} <= {failure.key for failure in report.errors}
    assert ({"k"} if include else {"k", "x"}) == set(os.listdir(target / "e"))


@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "1e300", "1732800000000", "soon"])
def test_a_time_that_no_file_can_have_is_ignored(tmp_path: Path, text: str) -> None:
    """What another program wrote into the metadata never hinders a fetch, and the file can be read afterwards."""
    source = store_of()
    source.upload(b"1", "a", metadata={"mtime": text})
    assert sync(source, tmp_path / "art").ok
    written = source.stat("a").last_modified
    assert written is not None
    assert written.timestamp() == pytest.approx(os.stat(tmp_path / "art" / "a").st_mtime)


def test_what_is_in_the_way_in_a_folder_is_named(tmp_path: Path) -> None:
    """An empty folder where a file is to be, and a file where a folder was, fail for their assets alone."""
    target = folder_of(tmp_path / "art", sub__x=b"1")
    (target / "a").mkdir()

    def rival(_: object) -> None:
        (target / "sub" / "x").unlink()
        (target / "sub").rmdir()
        (target / "sub").write_bytes(b"file")

    report = sync(store_of(a=b"1", ok=b"2", sub__y=b"3"), target, planned=rival)
    assert (1, ["a", "sub/y"]) == (report.counts.new, sorted(failure.key for failure in report.errors))
    assert all("meanwhile" not in str(failure.error) for failure in report.errors)


def test_a_file_is_not_a_side(tmp_path: Path) -> None:
    """Where a folder is named, a file is an error that says so."""
    folder_of(tmp_path, plain=b"1")
    for source, destination in ((tmp_path / "plain", store_of(a=b"1")), (store_of(a=b"1"), tmp_path / "plain")):
        with pytest.raises(InvalidOptionError, match="must be a folder"):
            sync(source, destination, delete=True)


def test_a_full_temporary_folder_is_an_error_of_ours(tmp_path: Path) -> None:
    """If the plan finds no space, nothing is changed, and the error says what to do."""
    resource = pytest.importorskip("resource")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    source, destination = store_of(**{f"{number:01000}": b"1" for number in range(8_000)}), store_of()
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, limits[1]))
    try:
        with pytest.raises(AssetStoreError, match="cannot be kept in a temporary file") as caught:
            sync(source, destination)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert ("sync", []) == (caught.value.op, keys(destination))
    assert "SQLITE_TMPDIR" in str(caught.value)


def test_a_rivals_asset_is_not_deleted() -> None:
    """Only the version that was listed is deleted: what another program wrote meanwhile stays."""
    source, destination = store_of(a=b"1"), store_of(old=b"1", older=b"2")
    report = sync(source, destination, delete=True, planned=lambda _: destination.upload(b"new", "old"))
    assert (1, 1, b"new") == (report.counts.deleted, report.failed, destination.read("old"))
    assert ["a", "old"] == keys(destination)


def test_a_rivals_upload_is_not_overwritten_unseen(tmp_path: Path) -> None:
    """Where another sync was first with the same bytes all is well; with others it is an error, and its asset stays."""
    source, destination = folder_of(tmp_path / "a", same=b"1", other=b"1", changed=b"1"), store_of(changed=b"0")

    def rival(_: object) -> None:
        for key, data in (("same", b"1"), ("other", b"2"), ("changed", b"22")):
            destination.upload(data, key)

    report = sync(source, destination, planned=rival)
    assert ["changed", "other"] == sorted(failure.key for failure in report.errors)
    assert (b"2", b"22") == (destination.read("other"), destination.read("changed"))
    assert sync(source, destination).ok


@pytest.mark.parametrize("kind", ["two stores", "one service", "files"])
def test_what_a_rival_writes_meanwhile_is_not_overwritten(tmp_path: Path, kind: str) -> None:
    """An asset or a file that was written or made after it was listed stays, wherever it came from, and is a failure."""
    source = store_of(source__changed=b"1", source__new=b"1", source__same=b"1", source__ok=b"1")
    there = source if kind == "one service" else store_of()
    destination: Any = folder_of(tmp_path / "art") if kind == "files" else there.scoped("art/")

    def write(**assets: bytes) -> None:
        if kind == "files":
            folder_of(destination, **assets)
        for key, data in assets.items() if kind != "files" else ():
            destination.upload(data, key)

    write(changed=b"22")
    rival = {"changed": b"333", "new": b"22", "same": b"1"}
    report = sync(source.scoped("source/"), destination, planned=lambda _: write(**rival), renames=False)
    assert ["changed", "new"] == sorted(failure.key for failure in report.errors)
    found = {key: (destination / key).read_bytes() if kind == "files" else destination.read(key) for key in (*rival, "ok")}
    assert {**rival, "ok": b"1"} == found
    assert sync(source.scoped("source/"), destination).ok


def test_unfinished_direct_uploads_are_left_alone() -> None:
    """The bytes of direct uploads that did not end are neither copied nor deleted."""
    pending = "pending/" + "0" * 32
    source, destination = store_of(a=b"1"), store_of()
    source.upload(b"2", pending)
    destination.upload(b"3", pending)
    sync(source, destination, delete=True)
    assert (b"3", ["a", pending]) == (destination.read(pending), keys(destination))


# Order


def test_what_is_to_come_last_comes_after_a_barrier(tmp_path: Path) -> None:
    """``last`` writes after all others; its old version stays until then, and deletions come after it."""
    source, destination = folder_of(tmp_path / "a", catalog=b"new", z=b"1", maps__b=b"1"), store_of(catalog=b"old", x=b"1")
    noted = Noted()
    seen: list[bytes] = []
    sync(source, destination, last=["catalog*"], delete=True, renames=False,
         done=lambda action, error: (noted(action, error), seen.append(destination.read("catalog"))))
    assert {"maps/b", "z"} == {key for _, key in noted.actions[:2]}
    assert [("changed", "catalog"), ("deleted", "x")] == noted.actions[2:]
    assert [b"old", b"old", b"new", b"new"] == seen


def test_after_a_failure_nothing_comes_last_and_nothing_is_deleted() -> None:
    """If anything before it failed, the old catalogue stays, and so does all that would be deleted."""
    backend = FaultyBackend(MemoryBackend())
    source, destination = store_of(a=b"1", b=b"1", catalog=b"new"), store_of(backend, catalog=b"old", x=b"22")
    with backend.failing(Raise(op="upload", error=BackendError("broken"))):
        report = sync(source, destination, last=["catalog*"], delete=True, max_concurrency=1)
    assert (1, 1, 2, b"old") == (report.counts.new, report.failed, report.withheld, destination.read("catalog"))
    assert destination.exists("x")


# Renames


def test_a_renamed_file_is_copied_at_the_destination(tmp_path: Path) -> None:
    """What the destination has under another key is copied there, with the headers of a rule, and the old key is deleted."""
    source, backend = folder_of(tmp_path / "a", old__a=b"1234", b=b"1"), FaultyBackend(MemoryBackend())
    destination = store_of(backend)
    sync(source, destination)
    (source / "old").rename(source / "new")
    backend.calls.clear()
    report = sync(source, destination, delete=True, max_delete=0, headers={"new/*": {"cache_control": "max-age=60"}})
    assert (1, 1, 0) == (report.counts.renamed, report.counts.deleted, report.bytes)
    assert "upload" not in {op for op, _ in backend.calls}
    assert (b"1234", "max-age=60") == (destination.read("new/a"), destination.stat("new/a").cache_control)
    assert ["b", "new/a"] == keys(destination)


def test_a_renamed_asset_that_is_gone_is_sent(tmp_path: Path) -> None:
    """If what would be copied is gone meanwhile, the bytes are sent."""
    source, destination = folder_of(tmp_path / "a", a=b"1234"), store_of(old=b"1234")
    report = sync(source, destination, planned=lambda plan: destination.delete("old"))
    assert (1, 0, b"1234") == (report.counts.new, report.failed, destination.read("a"))


def test_a_rename_in_a_folder_copies_the_file(tmp_path: Path) -> None:
    """A folder has a renamed asset already, and fetches nothing."""
    backend = FaultyBackend(MemoryBackend())
    source = store_of(backend, a=b"1234", b=b"1")
    sync(source, tmp_path / "art")
    source.move("a", "x/c")
    backend.calls.clear()
    report = sync(source, tmp_path / "art", delete=True)
    assert (1, 1, 0) == (report.counts.renamed, report.counts.deleted, report.bytes)
    assert {"list"} == {op for op, _ in backend.calls}
    assert b"1234" == (tmp_path / "art" / "x" / "c").read_bytes()
    assert 2 == sync(source, tmp_path / "art").counts.unchanged


@pytest.mark.parametrize("fate", ["gone", "changed"])
def test_a_rename_in_a_folder_copies_only_the_file_that_was_walked(tmp_path: Path, fate: str) -> None:
    """If the file that would be copied is gone or has other bytes meanwhile, the asset is fetched."""
    source, target = store_of(old=b"1234"), tmp_path / "art"
    sync(source, target)
    source.move("old", "new")

    def rival(_: object) -> None:
        (target / "old").unlink()
        if fate == "changed":
            (target / "old").write_bytes(b"4321")

    report = sync(source, target, planned=rival)
    assert (1, 0, 0, b"1234") == (report.counts.new, report.counts.renamed, report.failed, (target / "new").read_bytes())


def test_folders_of_a_disk_keep_their_spelling(tmp_path: Path) -> None:
    """What is fetched or copied into a folder that a disk spells in another normal form makes no second folder."""
    target, source = tmp_path / "art", store_of()
    (target / "u\u0308").mkdir(parents=True)
    (target / "u\u0308" / "a\u0308").write_bytes(b"1234")
    source.upload(b"1234", "\u00fc/\u00e4")
    source.upload(b"5", "\u00fc/b/c")
    sync(source, target, checksum=True)
    source.move("\u00fc/\u00e4", "\u00fc/new")
    assert sync(source, target, delete=True).ok
    assert (["u\u0308"], ["b", "new"]) == (os.listdir(target), sorted(os.listdir(target / "u\u0308")))
    assert 2 == sync(source, target).counts.unchanged


def test_a_rename_that_is_tried_again_gets_its_headers() -> None:
    """If a request between the copy and its headers fails, they are set by the next try."""
    source, backend = store_of(a=b"1234"), FaultyBackend(MemoryBackend())
    destination = store_of(backend)
    sync(source, destination)
    source.move("a", "b")
    source.update("b", cache_control="no-store")
    with backend.failing(Raise(op="stat", error=UnavailableError("busy", retry_after=0))):
        assert 1 == sync(source, destination).counts.renamed
    assert "no-store" == destination.stat("b").cache_control


def test_a_rename_keeps_the_time_of_the_source_where_asked(tmp_path: Path) -> None:
    """What is copied at the destination has the time of the renamed file, and not that of what was copied."""
    source, destination = folder_of(tmp_path / "a", a=b"1234"), store_of()
    sync(source, destination)
    (source / "a").rename(source / "b")
    os.utime(source / "b", ns=(0, 1_000_000_000_250_000_000))
    for times, wanted in ((True, {"mtime": "1000000000.250000000"}), (False, {})):
        assert 1 == sync(source, destination, times=times, delete=times).counts.renamed
        assert wanted == dict(destination.stat("b").metadata or {})
        destination.move("b", "c")
        destination.update("c", metadata={})


# Keys that cannot be held


@pytest.mark.parametrize(
    "odd", [["a//b"], ["a", "a/b"], ["x" * 256], ["dir/x/"], [".assetstore/x"], [".0123456789abcdef.part"]], ids=str
)
def test_keys_that_a_folder_cannot_hold_are_listed_first(tmp_path: Path, odd: list[str]) -> None:
    """They are refused with all their keys before anything is fetched; excluded, the rest comes."""
    source = store_of(fine=b"1")
    for key in odd:
        source.upload(b"1", key)
    with pytest.raises(SyncRefusedError) as caught:
        sync(source, tmp_path / "art")
    assert odd[-1:] == [refusal.key for refusal in caught.value.refusals]
    assert not (tmp_path / "art").exists()
    sync(source, tmp_path / "art", exclude=["a*", "x*", "dir", ".*"])
    assert ["fine"] == os.listdir(tmp_path / "art")


def test_a_file_in_the_way_of_a_folder_is_listed_first(tmp_path: Path) -> None:
    """A file that the destination has where a folder is needed is not removed for it."""
    folder_of(tmp_path / "art", a=b"1")
    with pytest.raises(SyncRefusedError, match="'a/b'"):
        sync(store_of(a__b=b"2"), tmp_path / "art", delete=True)
    assert b"1" == (tmp_path / "art" / "a").read_bytes()


def test_foreign_keys_are_listed_first() -> None:
    """A key of the source that no store of ours can write is refused, and one that the destination alone has is deleted."""

    class Foreign(MemoryBackend):
        @hookimpl
        def assetstore_list(self, prefix: str, options: Any) -> Any:
            page = super().assetstore_list(prefix, options)
            odd = AssetInfo(key="./x", size=1, valid=False)
            return attrs.evolve(page, items=(odd, *page.items) if "./x" in self.odd else page.items)

        @hookimpl
        def assetstore_delete(self, keys: Any, options: Any) -> Any:
            self.odd = self.odd - set(keys)
            return super().assetstore_delete(keys, options)

        odd: frozenset[str] = frozenset({"./x"})

    with pytest.raises(SyncRefusedError, match=r"segment '\.'"):
        sync(store_of(Foreign(), x=b"1"), store_of())
    destination = store_of(Foreign(), x=b"1")
    assert (1, 1) == ((report := sync(store_of(x=b"1"), destination, delete=True)).counts.deleted, report.counts.unchanged)
    assert ["x"] == keys(destination)


def test_a_key_that_combines_with_the_prefix_is_listed_first() -> None:
    """What is a key of the source, and would be another one in the part of the destination, is refused."""
    source, destination, key = store_of(b=b"1"), store_of().scoped("deep"), "\u0301x"
    source.upload(b"2", key)
    with pytest.raises(SyncRefusedError) as caught:
        sync(source, destination)
    assert [key] == [refusal.key for refusal in caught.value.refusals]
    assert [] == keys(destination)


@pytest.mark.parametrize("destination", ["store", "folder"])
def test_what_is_no_key_below_the_source_is_listed_first(tmp_path: Path, destination: str) -> None:
    """An asset of the whole store whose key has nothing but a slash, or no name, behind the prefix is refused."""
    whole, target = store_of(), store_of() if destination == "store" else folder_of(tmp_path / "out")
    for key in ("art/", "art/-longest", "art//lead"):
        whole.upload(b"2", key)
    with pytest.raises(SyncRefusedError) as caught:
        sync(whole.scoped("art/"), target)
    assert ["", "/lead"] == [refusal.key for refusal in caught.value.refusals]


@pytest.mark.parametrize("side", ["source", "destination", "both"])
def test_the_mark_of_the_very_folder_is_left_alone(tmp_path: Path, side: str) -> None:
    """Consoles mark a folder by an empty asset, which has no key below itself: it is not copied, compared or deleted."""
    one, other = store_of(art__a=b"1", art__b=b"2"), store_of(art__c=b"3")
    for store, where in ((one, "source"), (other, "destination")):
        if side in (where, "both"):
            store.upload(b"", "art/")
    marked = [store for store in (one, other) if store.exists("art/")]
    report = sync(one.scoped("art/"), other.scoped("art/"), delete=True)
    assert (2, 1, True) == (report.counts.new, report.counts.deleted, report.ok)
    assert (True, 2) == ((found := check(one.scoped("art/"), other.scoped("art/"))).same, found.equal)
    assert marked == [store for store in (one, other) if store.exists("art/")]
    assert (2, 2) == tuple(verify(store.scoped("art/")).ok for store in (one, other))
    assert (2, 2) == tuple(verify_cost(store.scoped("art/")).assets for store in (one, other))
    assert 2 == sync(one.scoped("art/"), tmp_path / "out").counts.new
    assert 2 == sync(tmp_path / "out", other.scoped("art/"), delete=True).counts.unchanged


def test_two_names_that_are_one_key_are_listed_first(tmp_path: Path) -> None:
    """Two files whose names differ in their normal form alone are one key in a store, and neither is sent."""
    source, destination = folder_of(tmp_path / "a", b=b"3"), store_of()
    (source / "\u00e9").write_bytes(b"1")
    (source / "e\u0301").write_bytes(b"2")
    with pytest.raises(SyncRefusedError) as caught:
        sync(source, destination)
    assert (["\u00e9"], []) == ([refusal.key for refusal in caught.value.refusals], keys(destination))
    (source / "\u00e9").unlink()
    assert (2, b"2") == (sync(source, destination).counts.new, destination.read("\u00e9"))
    assert 2 == sync(source, destination).counts.unchanged


@pytest.mark.parametrize("name", [b"a\nb", b"a\xff"])
def test_a_name_that_is_no_key_is_listed_first(tmp_path: Path, name: bytes) -> None:
    """A control character, or bytes that are not UTF-8, cannot be a key."""
    source, destination = folder_of(tmp_path / "a", ok=b"1"), store_of()
    Path(os.fsdecode(os.path.join(os.fsencode(source), name))).write_bytes(b"2")
    with pytest.raises(SyncRefusedError) as caught:
        sync(source, destination)
    assert 1 == len(caught.value.refusals)
    assert [] == keys(destination)


def test_pairs_that_a_disk_merges_are_listed_first(tmp_path: Path) -> None:
    """Where a disk takes upper for lower case, two keys that differ by it are refused."""
    with Spool() as spool:
        refusals = Refusals(FolderSide(tmp_path, "art"), spool, folds=True)
        for key in ("A.webp", "a.webp", "b.webp"):
            refusals.look(key, valid=True, written=True)
    assert ["a.webp"] == [refusal.key for refusal in refusals.found]


@pytest.mark.parametrize("written", ["A.webp", "a.webp"])
def test_a_key_that_a_disk_merges_with_a_file_of_its_own_is_listed_first(tmp_path: Path, written: str) -> None:
    """Which of the two sorts first makes no difference."""
    with Spool() as spool:
        refusals = Refusals(FolderSide(tmp_path, "art"), spool, folds=True)
        for key in ("A.webp", "a.webp"):
            refusals.look(key, valid=True, written=key == written)
    assert ["a.webp"] == [refusal.key for refusal in refusals.found]


def test_a_key_that_is_too_long_below_the_destination_is_listed_first() -> None:
    """The prefix of the destination counts."""
    destination = store_of()
    with pytest.raises(SyncRefusedError, match="at most 1021 bytes"):
        sync(store_of(**{"k" * 1022: b"1", "a": b"1"}), destination.scoped("ab/"))
    assert [] == keys(destination)


# What fails, and what is left behind


def test_a_file_that_changes_while_it_is_sent_is_sent_again(tmp_path: Path) -> None:
    """The destination never has a mix of two versions, even if size and mtime stay."""
    source = folder_of(tmp_path / "a", a=b"old")

    class Slow(MemoryBackend):
        count = 0

        @hookimpl
        def assetstore_upload(self, key: str, source: Any, options: Any) -> Any:
            info = super().assetstore_upload(key, source, options)
            self.count += 1
            if self.count == 1:
                before = os.stat(source.path)
                source.path.write_bytes(b"new")
                os.utime(source.path, ns=(before.st_atime_ns, before.st_mtime_ns))
            return info

    destination = store_of(Slow())
    report = sync(source, destination)
    assert (True, b"new") == (report.ok, destination.read("a"))


def test_a_file_is_read_only_when_a_further_change_would_show_in_its_times(tmp_path: Path) -> None:
    """Also of a file that was written after the walk, or while it was sent, the clock of its times goes on first."""
    data = bytes(2 << 20)
    source = settled(folder_of(tmp_path / "a", a=data))
    ages: list[int] = []

    class Changing(MemoryBackend):
        @hookimpl
        def assetstore_upload(self, key: str, source: Any, options: Any) -> Any:
            ages.append(time.time_ns() - os.stat(source.path).st_ctime_ns)
            info = super().assetstore_upload(key, source, options)
            if len(ages) == 1:
                source.path.write_bytes(data)
            return info

    report = sync(source, store_of(Changing()), planned=lambda _: (source / "a").write_bytes(data))
    assert (True, [True, True]) == (report.ok, [age >= TICK_NS for age in ages])


@given(changed=st.integers(0, 3 * TICK_NS), step=st.integers(TICK_NS // 9, TICK_NS))
def test_a_wait_ends_when_a_change_would_show(changed: int, step: int) -> None:
    """It lasts until the last change is a tick ago, however early each sleep ends, and not beyond it."""
    start = clock = 2 * TICK_NS
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        nonlocal clock
        waits.append(seconds)
        clock += min(step, round(seconds * 1e9))

    let_tick((0, 0, changed, 0), now=lambda: clock, sleep=sleep)
    # What lies in the future by more than a tick is no change that was just made.
    expected = changed + TICK_NS if start < changed + TICK_NS <= start + TICK_NS else start
    assert expected == clock
    assert all(0 < seconds <= TICK_NS / 1e9 for seconds in waits)


def test_a_store_in_distress_is_tried_again_and_said_once() -> None:
    """Refused requests are sent again until the store takes them; the report says once that it was slowed."""
    backend = FaultyBackend(MemoryBackend())
    source, destination = store_of(**{f"k{number:02}": b"1" for number in range(60)}), store_of(backend)
    faults = [Raise(op="upload", nth=nth, error=UnavailableError("busy", retry_after=0)) for nth in range(1, 80)]
    with backend.failing(*faults):
        report = sync(source, destination)
    assert (60, 0, True, True) == (report.counts.new, report.failed, report.slowed, report.ok)


def test_a_store_that_stays_away_ends_the_sync_with_one_error() -> None:
    """What was not tried is counted, and not listed as thousands of failures."""
    backend = FaultyBackend(MemoryBackend())
    source, destination = store_of(**{f"k{number:03}": b"1" for number in range(200)}), store_of(backend, x=b"22")
    with backend.failing(Raise(op="upload", nth=None, error=UnavailableError("away", retry_after=0))):
        report = sync(source, destination, delete=True)
    assert isinstance(report.stopped, UnavailableError)
    assert (0, 0, 201, False) == (report.counts.new, report.failed, report.withheld, report.ok)
    assert len(backend.calls) < 2000


def test_a_full_disk_ends_the_sync_with_one_error() -> None:
    """After the first asset that finds no space nothing more is tried, and nothing is deleted."""
    backend = FaultyBackend(MemoryBackend())
    source, destination = store_of(**{f"k{number:03}": b"1" for number in range(200)}), store_of(backend, x=b"22")
    with backend.failing(Raise(op="upload", nth=None, error=NoSpaceError("full"))):
        report = sync(source, destination, delete=True, max_concurrency=2)
    assert isinstance(report.stopped, NoSpaceError)
    assert (0, 201) == (report.failed, report.withheld)
    assert [op for op, _ in backend.calls].count("upload") < 20
    assert destination.exists("x")


def test_own_leftovers_are_not_assets(tmp_path: Path) -> None:
    """Downloads that did not end and the folder of a store of files are not sent."""
    source = folder_of(tmp_path / "a", **{"ok": b"1", ".0123456789abcdef.part": b"2", "b__.assetstore__x": b"3"})
    destination = store_of()
    assert sync(source, destination).ok
    assert ["ok"] == keys(destination)


def test_a_dry_run_changes_nothing(tmp_path: Path) -> None:
    """It tells each action and changes nothing."""
    source, destination, noted = folder_of(tmp_path / "a", a=b"1", b=b"22"), store_of(b=b"1", x=b"1"), Noted()
    plans: list[Any] = []
    report = sync(source, destination, dry_run=True, delete=True, done=noted, planned=plans.append, renames=False)
    assert [("new", "a"), ("changed", "b"), ("deleted", "x")] == noted.actions
    assert (3, 3, ["b", "x"]) == (plans[0].actions, report.bytes, keys(destination))
    assert (plans[0].bytes, plans[0].counts) == (report.bytes, report.counts)


def test_progress_adds_up_to_the_plan(tmp_path: Path) -> None:
    """The bytes that are reported are those of the plan."""
    counts: list[int] = []
    plans: list[Any] = []
    source = folder_of(tmp_path / "a", a=b"1" * 1000, b=b"22")
    sync(source, store_of(), progress=counts.append, planned=plans.append)
    assert (1002, 1002) == (sum(counts), plans[0].bytes)
    sync(store_of(a=b"1" * 7), store_of(), progress=counts.append)
    assert 1009 == sum(counts)


LEAVES_NOTHING = """
import os, pytest
from assetstore import AssetStore, BackendError
from assetstore.sync import SyncRefusedError, sync
from assetstore.testing import MemoryBackend

def fail(_):
    raise BackendError("from outside")

source, destination = AssetStore(MemoryBackend()), AssetStore(MemoryBackend())
for number in range(3000):
    source.upload(b"1", f"k{number:05}")
with pytest.raises(BackendError):
    sync(source, destination, planned=fail)
assert sync(source, destination).ok
with pytest.raises(SyncRefusedError):
    sync(AssetStore(MemoryBackend()), destination, delete=True)
print(os.listdir(os.environ["TMPDIR"]))
"""


def test_a_sync_leaves_no_file_behind(tmp_path: Path) -> None:
    """The temporary files are gone after a success, a refusal and an error."""
    # Python and SQLite look up the folder for them once in a process.
    variables = dict.fromkeys(("TMPDIR", "SQLITE_TMPDIR"), str(tmp_path))
    program = [sys.executable, "-c", LEAVES_NOTHING]
    done = subprocess.run(program, env={**os.environ, **variables}, capture_output=True, text=True)
    assert ("[]\n", "") == (done.stdout, done.stderr)


def test_two_folders_are_refused(tmp_path: Path) -> None:
    """One side must be a store."""
    with pytest.raises(InvalidOptionError, match="must be a store"):
        sync(folder_of(tmp_path / "a", a=b"1"), tmp_path / "b")


def test_deleting_files_removes_emptied_folders(tmp_path: Path) -> None:
    """A folder that the deletions empty goes, and one with other files stays."""
    source, target = store_of(a=b"1"), folder_of(tmp_path / "art", x__y__z=b"1", k__keep=b"1", k__b=b"1")
    assert 2 == sync(source, target, delete=True, exclude=["keep"]).counts.deleted
    assert ["a", "k"] == sorted(os.listdir(target))


def test_sides_with_assets_in_common_are_refused(tmp_path: Path) -> None:
    """A store, a folder of keys in it, another name of it and the folder of its files are no sides of one sync."""
    store = store_of(LocalBackend(root=tmp_path / "store"), a__b=b"1", c__d=b"2")
    again = AssetStore(LocalBackend(root=tmp_path / "store"), name="again")
    for source, destination in (
        (store, store),
        (store.scoped("a/"), store),
        (store, store.scoped("a/x/")),
        (store, again.scoped("a/")),
        (tmp_path / "store", store),
        (store, tmp_path),
    ):
        with pytest.raises(SyncRefusedError, match="in common"):
            sync(source, destination)
    assert ["a/b", "c/d"] == keys(store)
    assert 1 == sync(store.scoped("a/"), store.scoped("c/")).counts.new
    assert ["a/b", "c/b", "c/d"] == keys(store)


@pytest.mark.parametrize("inner", ["folder", "scoped", "store"])
def test_sides_of_which_one_lies_deep_in_the_other_are_refused(tmp_path: Path, inner: str) -> None:
    """A folder, or a store, inside the folder of a store of files is a part of that store, whatever else that holds."""
    outer = store_of(LocalBackend(root=tmp_path / "store"), a__x=b"1", z__y=b"2")
    nested = AssetStore(LocalBackend(root=tmp_path / "store" / "z"), name="nested")
    inside = {"folder": tmp_path / "store" / "z", "scoped": outer.scoped("z/"), "store": nested}[inner]
    for source, destination in ((inside, outer), (outer, inside), (inside, outer.scoped("z/"))):
        with pytest.raises(SyncRefusedError, match="in common"):
            sync(source, destination, delete=True)
    with pytest.raises(SyncRefusedError, match="in common"):
        sync(tmp_path / "store", outer.scoped("empty/"))
    assert ["a/x", "z/y"] == keys(outer)
    assert 1 == sync(tmp_path / "store" / "z", outer.scoped("a/")).counts.new


def test_an_unreadable_folder_deletes_nothing(tmp_path: Path) -> None:
    """What lies in a folder that cannot be read may be there: nothing is deleted, unless the folder is left out."""

    class Locked(FolderSide):
        def walk(self, problem: Any) -> Any:
            problem("locked/", SourceError("the folder cannot be read"))
            return super().walk(problem)

    source = Locked(folder_of(tmp_path / "a", new=b"new"), "a")
    destination = store_of(locked__x=b"1", old=b"1")
    report = sync(source, destination, delete=True)
    assert (1, 1, 2, ["locked/x", "new", "old"]) == (report.counts.new, report.failed, report.withheld, keys(destination))
    assert sync(source, destination, delete=True, exclude=["locked/"]).ok
    assert ["locked/x", "new"] == keys(destination)


def test_two_syncs_at_once_do_no_harm(tmp_path: Path) -> None:
    """Two syncs of one folder to one store both go well, and the store has what the folder has."""
    source = folder_of(tmp_path / "a", **{f"k{number:03}": b"%d" % number for number in range(200)})
    destination = store_of(LocalBackend(root=tmp_path / "store"), k000=b"old", gone=b"1")
    reports: list[Any] = []
    threads = [
        threading.Thread(target=lambda: reports.append(sync(source, destination, delete=True, renames=False))) for _ in "ab"
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [True, True] == [report.ok for report in reports]
    assert sorted(os.listdir(source)) == keys(destination)
    assert 200 == sync(source, destination).counts.unchanged
