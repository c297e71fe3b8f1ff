"""Migrations between two stores: plan, run, and what comes in between."""

from __future__ import annotations

import gzip
import threading
from pathlib import Path

import pytest

from assetstore import AssetStore, open_store
from assetstore.errors import (
    AccessDeniedError,
    AlreadyExistsError,
    AssetStoreError,
    IntegrityError,
    InvalidOptionError,
    NotFoundError,
    UnavailableError,
    UnsupportedError,
)
from assetstore.migrate import Difference, RunReport, failed_assets, links, plan, run, status, verify
from assetstore.migrate.documents import packed
from assetstore.testing import FaultyBackend, Flip, MemoryBackend, Raise
from unordered import FolderByFolder


def memory(name: str) -> AssetStore:
    """Return an empty store."""
    return AssetStore(MemoryBackend(), name=name)


def filled(count: int) -> AssetStore:
    """Return a store with assets that have headers."""
    store = memory("old")
    for number in range(count):
        store.upload(b"%d" % number, f"maps/{number:03d}.txt", cache_control="max-age=5", metadata={"by": "gm"})
    return store


def test_a_run_copies_what_the_plan_found_with_its_headers() -> None:
    """Each asset arrives with bytes, headers and metadata; a second plan has nothing left."""
    old, new, work = filled(25), memory("new"), memory("work")
    made = plan(old, new, work, shard_keys=10)
    assert (3, 25) == (made.shards, made.tally.objects)
    report = run(work, source=old, destination=new)
    assert (3, 0, 25, 0) == (report.done, report.left, report.copied, report.failed)
    assert [info.key for info in old.list()] == [info.key for info in new.list()]
    assert [b"7", "max-age=5", {"by": "gm"}] == [
        new.read("maps/007.txt"), new.stat("maps/007.txt").cache_control, new.stat("maps/007.txt").metadata
    ]
    again = plan(old, new, work, shard_keys=10)
    assert (2, 0, 0, 25) == (again.number, again.shards, again.tally.objects, again.tally.equal)


def test_the_mark_of_the_very_folder_is_not_migrated() -> None:
    """Consoles mark a folder by an empty asset, which has no key below itself; the others are planned, run and verified."""
    old, new, work = filled(2), memory("new"), memory("work")
    for store in (old, new):
        store.upload(b"", "maps/")
    made = plan(old.scoped("maps/"), new.scoped("maps/"), work)
    assert (2, 0, 0) == (made.tally.objects, made.tally.refused, made.tally.extra)
    assert 2 == run(work, source=old.scoped("maps/"), destination=new.scoped("maps/")).copied
    assert 2 == verify(work, source=old.scoped("maps/"), destination=new.scoped("maps/")).equal


def test_a_named_migration_runs_from_its_work_folder_alone(tmp_path: Path) -> None:
    """A plan of addresses names its stores, so another process needs nothing but the address of the work folder."""
    old = open_store(f"file://{tmp_path}/old")
    old.upload(b"abc", "maps/a.txt")
    made = plan(f"file://{tmp_path}/old", f"file://{tmp_path}/new", f"{tmp_path}/work")
    assert 1 == made.shards
    assert 1 == run(f"{tmp_path}/work").copied
    assert b"abc" == open_store(f"file://{tmp_path}/new").read("maps/a.txt")


def test_a_plan_that_is_not_finished_is_not_run() -> None:
    """``run`` refuses what a killed plan has left, and planning again goes on there."""
    old, new, work = filled(25), memory("new"), memory("work")

    def end(count: int) -> None:
        raise KeyboardInterrupt

    for number in range(25, 1100):
        old.upload(b"x", f"maps/{number:04d}.txt")
    with pytest.raises(KeyboardInterrupt):
        plan(old, new, work, shard_keys=10, progress=end)
    written = [info.key for info in work.list()]
    with pytest.raises(NotFoundError, match="the plan is not finished"):
        run(work, source=old, destination=new)
    made = plan(old, new, work, shard_keys=10)
    assert (1, 110, 1100) == (made.number, made.shards, made.tally.objects)
    assert written == [info.key for info in work.list()][: len(written)]


def test_the_status_counts_shards_and_assets() -> None:
    """Before a run all is left, after it all is done, and what is left takes no time."""
    old, new, work = filled(25), memory("new"), memory("work")
    plan(old, new, work, shard_keys=10)
    before = status(work)
    assert (3, 0, 3, 25, 0, None) == (
        *(before.shards, before.done, before.left, before.objects, before.copied, before.seconds_left),
    )
    run(work, source=old, destination=new)
    after = status(work)
    assert (3, 0, 25, 0.0) == (after.done, after.left, after.copied, after.seconds_left)


def test_only_unfinished_direct_uploads_are_left_out() -> None:
    """What lies below ``pending/`` and was put there by its owner moves as any other asset does."""
    old, new, work = memory("old"), memory("new"), memory("work")
    for key in ("pending/orders.csv", f"pending/{'0' * 32}"):
        old.upload(b"abc", key)
    assert 1 == plan(old, new, work).tally.objects
    run(work, source=old, destination=new)
    assert ["pending/orders.csv"] == [info.key for info in new.list()]


def test_a_change_since_the_plan_is_reported_and_not_spliced() -> None:
    """What changed at the source, is gone there, or has been written at the destination meanwhile fails, and stays."""
    old, new, work = filled(4), memory("new"), memory("work")
    plan(old, new, work)
    old.upload(b"later", "maps/000.txt")
    old.delete("maps/001.txt")
    new.upload(b"somebody", "maps/002.txt")
    report = run(work, source=old, destination=new)
    assert (1, 3) == (report.copied, report.failed)
    assert [
        ("maps/000.txt", "PreconditionError"), ("maps/001.txt", "NotFoundError"), ("maps/002.txt", "PreconditionError")
    ] == [(one.key, one.error) for one in failed_assets(work)]
    assert [b"somebody", b"3"] == [new.read(info.key) for info in new.list()]
    assert [("maps/003.txt", "maps/003.txt")] == list(links(work, source=old, destination=new))


def test_a_newer_version_at_the_destination_is_kept_unless_asked_for() -> None:
    """The plan counts what is newer at the destination and does not touch it; ``overwrite_newer`` does."""
    old, new, work = filled(2), memory("new"), memory("work")
    new.upload(b"newer", "maps/000.txt")
    made = plan(old, new, work)
    assert (1, 1) == (made.tally.objects, made.tally.newer)
    run(work, source=old, destination=new)
    assert [b"newer", b"1"] == [new.read(info.key) for info in new.list()]
    assert ["the destination has a newer version, which was kept"] == [one.message for one in failed_assets(work)]
    plan(old, new, work, overwrite_newer=True)
    run(work, source=old, destination=new)
    assert b"0" == new.read("maps/000.txt")


def test_what_changes_between_plan_and_replacement_is_kept() -> None:
    """An asset that the plan wants to replace is replaced only while it is the version that the plan has seen."""
    old, new, work = memory("old"), memory("new"), memory("work")
    new.upload(b"first", "a.txt")
    old.upload(b"second", "a.txt")
    assert 1 == plan(old, new, work).tally.objects
    new.upload(b"third", "a.txt")
    assert 1 == run(work, source=old, destination=new).failed
    assert b"third" == new.read("a.txt")


def test_verify_finds_what_is_missing_or_differs_and_writes_it_down() -> None:
    """Every planned asset is compared with the destination; the work folder keeps what was found."""
    old, new, work = filled(12), memory("new"), memory("work")
    plan(old, new, work, shard_keys=5)
    run(work, source=old, destination=new)
    assert verify(work, source=old, destination=new).same
    assert verify(work, source=old, destination=new, download=True).same
    new.delete("maps/003.txt")
    new.upload(b"x", "maps/007.txt")
    seen: list[Difference] = []
    verified = verify(work, source=old, destination=new, found=seen.append)
    assert (10, 1, 1) == (verified.equal, verified.missing, verified.differs)
    assert [("maps/007.txt", "differs"), ("maps/003.txt", "missing")] == [(one.key, one.state) for one in seen]
    names = [info.key for info in work.list("0001/verified/")]
    assert ["0001/verified/000000.jsonl.gz", "0001/verified/result.json.gz"] == names


def test_a_second_plan_has_only_what_changed_and_the_links_have_all() -> None:
    """Cutting over takes a second plan; reports look at all plans of the work folder."""
    old, new, work = filled(12), memory("new"), memory("work")
    plan(old, new, work, shard_keys=5)
    run(work, source=old, destination=new)
    old.upload(b"changed", "maps/004.txt")
    old.upload(b"new", "maps/100.txt")
    made = plan(old, new, work, shard_keys=5)
    assert (2, 11) == (made.tally.objects, made.tally.equal)
    assert 2 == run(work, source=old, destination=new).copied
    assert [info.key for info in old.list()] == [key for key, _ in links(work, source=old, destination=new)]
    assert 13 == verify(work, source=old, destination=new).equal


def test_keys_that_the_destination_cannot_hold_are_listed_before_anything_is_sent() -> None:
    """A run of a plan with refused keys must be asked for, and reports them."""
    old, new, work = filled(2), memory("new"), memory("work")
    old.upload(b"x", "k" * 1020)
    made = plan(old, new.scoped("deep/"), work)
    assert 1 == made.tally.refused
    assert ["k" * 1020] == [key for key, _ in made.refusals]
    with pytest.raises(InvalidOptionError, match="cannot hold 1 keys"):
        run(work, source=old, destination=new.scoped("deep/"))
    assert [] == list(new.list())
    report = run(work, source=old, destination=new.scoped("deep/"), skip_refused=True)
    assert (2, 1) == (report.copied, report.failed)


def test_an_interrupted_run_gives_its_shard_back_and_sends_nothing_twice() -> None:
    """Ctrl-C frees the shard at once; the next run looks up what it had copied, and copies the rest."""
    old, new, work = filled(60), memory("new"), memory("work")
    plan(old, new, work, lease_seconds=3600)
    seen: list[int] = []

    def end(count: int, size: int) -> None:
        seen.append(count)
        if len(seen) == 20:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(work, source=old, destination=new, max_concurrency=2, progress=end)
    assert (0, 1, 0) == (status(work).leased, status(work).left, status(work).done)
    there = len(list(new.list()))
    report = run(work, source=old, destination=new, wait=False)
    assert (60, there) == (report.copied + report.present, report.present)


@pytest.mark.parametrize("spelling", ["file://{}/old#maps", "file://{}/old#maps/"])
def test_a_folder_of_a_url_is_a_side(spelling: str, tmp_path: Path) -> None:
    """A key behind ``#`` names a folder of keys, with or without its slash, and the links have whole keys."""
    old = open_store(f"file://{tmp_path}/old")
    for key in ("maps/a.txt", "maps-old/b.txt"):
        old.upload(b"abc", key)
    made = plan(spelling.format(tmp_path), f"file://{tmp_path}/new#deep/", f"{tmp_path}/work")
    assert (1, f"file://{tmp_path}/old#maps/") == (made.tally.objects, made.source)
    run(f"{tmp_path}/work")
    assert ["deep/a.txt"] == [info.key for info in open_store(f"file://{tmp_path}/new").list()]
    assert [("maps/a.txt", "deep/a.txt")] == list(links(f"{tmp_path}/work"))


def test_several_runs_at_once_share_the_shards() -> None:
    """Each shard is run by one of them, each asset is written once, and each run ends when all is done."""
    old, new, work = filled(90), memory("new"), memory("work")
    plan(old, new, work, shard_keys=3)
    reports: list[RunReport] = []

    def go() -> None:
        reports.append(run(work, source=old, destination=new, max_concurrency=2))

    threads = [threading.Thread(target=go) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (30, 90, 0) == tuple(sum(getattr(report, name) for report in reports) for name in ("done", "copied", "present"))
    assert [0, 0, 0] == [report.left for report in reports]


def test_an_outage_ends_the_run_and_the_next_one_goes_on() -> None:
    """When nothing gets through, the shard is given back without a result: its assets have not failed."""
    backend = MemoryBackend()
    old, work = filled(60), memory("work")
    plan(old, AssetStore(backend, name="new"), work, lease_seconds=3600)
    away = AssetStore(FaultyBackend(backend, Raise(op="upload", nth=None, error=UnavailableError("away"))), name="new")
    with pytest.raises(UnavailableError, match="away"):
        run(work, source=old, destination=away)
    assert (0, 0) == (status(work).done, status(work).leased)
    assert 60 == run(work, source=old, destination=AssetStore(backend, name="new"), wait=False).copied


@pytest.mark.parametrize("error", [UnavailableError("away"), AccessDeniedError("away")])
def test_what_takes_no_asset_at_all_ends_the_run_however_few_a_shard_has(error: AssetStoreError) -> None:
    """Otherwise one shard after the other would end with all its assets failed."""
    backend = MemoryBackend()
    old, work = filled(60), memory("work")
    plan(old, AssetStore(backend, name="new"), work, shard_keys=4)
    away = AssetStore(FaultyBackend(backend, Raise(op="upload", nth=None, error=error)), name="new")
    with pytest.raises(type(error), match="away"):
        run(work, source=old, destination=away)
    assert 60 > status(work).failed


def test_assets_that_the_source_denies_fail_for_themselves() -> None:
    """They may be all of a folder, and the others must come."""
    backend, new, work = MemoryBackend(), memory("new"), memory("work")
    with AssetStore(backend, name="old") as good:
        for number in range(70):
            good.upload(b"x", f"{number:02d}")
    old = AssetStore(FaultyBackend(backend, Raise(op="read", nth=None, error=AccessDeniedError("no"))), name="old")
    plan(old, new, work, shard_keys=7)
    assert 70 == run(work, source=old, destination=new).failed


def test_what_the_store_could_not_take_at_once_is_tried_again() -> None:
    """A few assets whose upload was refused for a while are copied in the same run."""
    backend, old, work = MemoryBackend(), filled(20), memory("work")
    busy = UnavailableError("slow down", retry_after=0)
    faults = [Raise(op="upload", nth=number, error=busy) for number in range(3, 8)]
    new = AssetStore(FaultyBackend(backend, *faults), name="new")
    plan(old, new, work)
    report = run(work, source=old, destination=new, max_concurrency=4)
    assert (20, 0) == (report.copied, report.failed)


@pytest.mark.parametrize(
    "names", [("maps", "maps/old", "work"), ("", "new", "work"), ("maps", "new", "maps/work"), ("maps", "new", "new")]
)
def test_parts_of_a_store_that_lie_in_one_another_are_refused(names: tuple[str, str, str], tmp_path: Path) -> None:
    """A migration copies neither its copies nor its own documents; parts beside each other are fine, in one store too."""
    old = open_store(f"file://{tmp_path}/one")
    old.upload(b"abc", "maps/a.txt")
    sides = [f"file://{tmp_path}/one{f'#{name}/' if name else ''}" for name in names]
    with pytest.raises(InvalidOptionError, match="must not lie in one another"):
        plan(*sides)
    assert 1 == len(list(old.list()))
    beside = [f"file://{tmp_path}/one#{name}" for name in ("maps", "new", "work")]
    assert 1 == plan(*beside).tally.objects
    assert 1 == run(beside[2]).copied


def test_work_folder_and_destination_must_be_able_to_write_only_where_nothing_is() -> None:
    """Otherwise two processes could lease one shard, or overwrite what is newer at the destination; nothing is planned."""
    backend = FaultyBackend(MemoryBackend())
    backend.supports -= {"upload.overwrite"}
    plain = AssetStore(backend)
    with pytest.raises(UnsupportedError, match=r"the work folder must be able .* \(upload\.overwrite\)"):
        plan(filled(1), memory("new"), plain)
    with pytest.raises(UnsupportedError, match=r"the destination must be able .* \(upload\.overwrite\)"):
        plan(filled(1), plain, memory("work"))


def test_a_change_of_headers_alone_is_found_and_fixed_without_bytes() -> None:
    """Bytes are equal and the source was written since: the next plan compares the headers and sets those that differ."""
    old, new, work = filled(3), memory("new"), memory("work")
    plan(old, new, work)
    run(work, source=old, destination=new)
    old.update("maps/001.txt", cache_control="no-store", metadata={"by": "someone"})
    made = plan(old, new, work)
    assert (0, 1, 2) == (made.tally.objects, made.tally.headers, made.tally.equal)
    assert (1, 0) == ((report := run(work, source=old, destination=new)).copied, report.bytes)
    found = new.stat("maps/001.txt")
    assert ("no-store", {"by": "someone"}, b"1") == (found.cache_control, found.metadata, new.read("maps/001.txt"))


def test_of_two_plans_at_once_one_is_finished() -> None:
    """The other one ends with an error, and what is there is whole."""
    old, new, work = filled(1100), memory("new"), memory("work")
    inner: list[int] = []

    def plan_too(count: int) -> None:
        if not inner:
            inner.append(plan(old, new, work, shard_keys=100).tally.objects)

    with pytest.raises(AlreadyExistsError, match="another process is planning"):
        plan(old, new, work, shard_keys=100, progress=plan_too)
    assert ([1100], 1100) == (inner, run(work, source=old, destination=new).copied)


@pytest.mark.parametrize(("keys", "anew"), [(20, False), (10, True)])
def test_an_interrupted_plan_of_other_settings_is_not_gone_on_with(keys: int, anew: bool) -> None:
    """The new plan has a folder of its own, and nothing of the old one."""
    old, new, work = filled(1100), memory("new"), memory("work")

    def end(count: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        plan(old, new, work, shard_keys=10, progress=end)
    made = plan(old, new, work, shard_keys=keys, anew=anew)
    assert (2, 1100 // keys, 1100) == (made.number, made.shards, made.tally.objects)
    assert 1100 == run(work, source=old, destination=new).copied
    assert verify(work, source=old, destination=new).same


def test_a_source_without_assets_is_an_error() -> None:
    """A mistyped folder is no migration that has already ended."""
    work = memory("work")
    with pytest.raises(NotFoundError, match="the source has no assets"):
        plan(filled(2).scoped("mpas/"), memory("new"), work)
    with pytest.raises(NotFoundError, match="has no plan"):
        status(work)


def test_damage_at_the_source_fails_for_its_asset_alone() -> None:
    """It is read a few times, in case it was damaged on its way, and then reported; nothing of it is written."""
    backend, new, work = MemoryBackend(), memory("new"), memory("work")
    with AssetStore(backend, name="old") as good:
        for number in range(3):
            good.upload(b"%d" % number, f"{number}.txt")
    old = AssetStore(FaultyBackend(backend, Flip(op="read", nth=None)), name="old")
    plan(old, new, work)
    assert (0, 3) == ((report := run(work, source=old, destination=new)).copied, report.failed)
    assert {"IntegrityError"} == {one.error for one in failed_assets(work)}
    assert [] == list(new.list())


GOOD = {"settings": {}, "tally": {}, "last": "0", "items": 1}
DAMAGED: list[bytes] = [
    b"",
    packed([]),
    packed([{"x": 1}, {"y": 2}]),
    packed([GOOD]),
    packed([GOOD, {"key": "0"}]),
    packed([GOOD, {"key": "0", "size": 1, "modified": "soon"}]),
    packed([GOOD, {"key": "0", "size": 1}])[:-9],
    gzip.compress(b"null\n[1]\n"),
]


@pytest.mark.parametrize("data", DAMAGED, ids=range(len(DAMAGED)))
def test_a_damaged_manifest_is_an_error_and_not_a_shard_that_has_ended(data: bytes) -> None:
    """Whatever is cut off or spoilt, of no byte to all but the last, the shard gets no result, and the error names it."""
    old, new, work = filled(6), memory("new"), memory("work")
    plan(old, new, work, shard_keys=3)
    work.upload(data, "0001/manifests/000001.jsonl.gz")
    with pytest.raises(IntegrityError, match=r"manifests/000001.*damaged"):
        run(work, source=old, destination=new)
    with pytest.raises(IntegrityError, match=r"manifests/000001.*damaged"):
        verify(work, source=old, destination=new)
    assert 0 == sum(1 for _ in work.list("0001/results/000001"))


@pytest.mark.parametrize("data", DAMAGED, ids=range(len(DAMAGED)))
def test_a_damaged_result_is_an_error(data: bytes) -> None:
    """It names the document, and is not taken for a shard that nobody has run."""
    old, new, work = filled(6), memory("new"), memory("work")
    plan(old, new, work, shard_keys=3)
    run(work, source=old, destination=new)
    work.upload(data, "0001/results/000001.json.gz")
    for look in (status, lambda work: list(failed_assets(work))):
        with pytest.raises(IntegrityError, match=r"results/000001.*damaged"):
            look(work)


def test_a_plan_that_was_killed_before_its_last_document_counts_no_key_twice() -> None:
    """What follows the last asset to copy was counted before, and is not walked again."""
    old, new, work = filled(5), memory("new"), memory("work")
    for number in range(3, 8):
        new.upload(b"%d" % number, f"maps/{number:03d}.txt", cache_control="max-age=5", metadata={"by": "gm"})
    made = plan(old, new, work)
    work.delete("0001/plan.json")
    assert made == plan(old, new, work)


def test_what_begins_as_an_unfinished_upload_does_is_an_asset_all_the_same() -> None:
    """Only what has the very key of an unfinished direct upload stays, at either side."""
    old, new, work = memory("old"), memory("new"), memory("work")
    for key in ("pending/photo.jpg", f"pending/{'0' * 32}"):
        old.upload(b"x", key)
    new.upload(b"x", f"pending/{'1' * 32}")
    assert (1, 0) == ((tally := plan(old, new, work).tally).objects, tally.extra)
    run(work, source=old, destination=new)
    assert ["pending/photo.jpg"] == [info.key for info in new.list() if "photo" in info.key or "000" in info.key]


@pytest.mark.parametrize("seconds", [3.9, float("nan"), float("inf"), 1e30])
def test_a_lease_must_end(seconds: float) -> None:
    """A time that no clock can add is refused before anything is planned."""
    work = memory("work")
    with pytest.raises(InvalidOptionError, match="lease_seconds must be between 4 and 86,400"):
        plan(filled(1), memory("new"), work, lease_seconds=seconds)
    assert [] == list(work.list())


def test_a_number_that_is_out_of_its_range_is_refused_before_a_shard_is_leased() -> None:
    """Nothing is written for it."""
    old, new, work = filled(1), memory("new"), memory("work")
    plan(old, new, work)
    with pytest.raises(InvalidOptionError, match="max_concurrency must be a whole number from 1 to 1,024"):
        run(work, source=old, destination=new, max_concurrency=0)
    assert [] == list(work.list("0001/leases/"))


def test_a_run_knows_what_failed_in_others() -> None:
    """Who starts a run again after it ended with failures must not take it for a whole one."""
    old, new, work = filled(6), memory("new"), memory("work")
    plan(old, new, work, shard_keys=3)
    old.delete("maps/004.txt")
    first = run(work, source=old, destination=new)
    assert (1, 0) == (first.failed, first.failed_elsewhere)
    again = run(work, source=old, destination=new)
    assert (0, 0, 1) == (again.done, again.failed, again.failed_elsewhere)


def test_what_a_later_plan_keeps_at_the_destination_is_not_compared_with_an_older_one() -> None:
    """The newest plan tells what is wanted of a key; for what it leaves alone, nothing is."""
    old, new, work = filled(2), memory("new"), memory("work")
    plan(old, new, work)
    run(work, source=old, destination=new)
    old.upload(b"changed", "maps/000.txt")
    new.upload(b"newer still", "maps/000.txt")
    assert 1 == plan(old, new, work).tally.newer
    run(work, source=old, destination=new)
    verified = verify(work, source=old, destination=new)
    assert (1, 0) == (verified.equal, verified.differs)


@pytest.mark.parametrize("at", ["source", "destination"])
@pytest.mark.parametrize("shard_keys", [1, 100])
def test_a_service_that_lists_folder_by_folder_is_planned(at: str, shard_keys: int) -> None:
    """The plan puts its listing in order: nothing is taken for missing, and shards are those of an ordered listing."""
    odd, plain, work = AssetStore(FolderByFolder(), name="odd"), memory("plain"), memory("work")
    old, new = (odd, plain) if at == "source" else (plain, odd)
    for key in ("0", "a/x", "a-b/x", "a.txt", "ab/y"):
        old.upload(b"1", key)
    for key in ("a/x", "a-b/x"):
        new.upload(b"1", key)
    made = plan(old, new, work, shard_keys=shard_keys)
    assert (3, 2) == (made.tally.objects, made.tally.equal)
    assert 3 == run(work, source=old, destination=new).copied
    new.upload(b"1", "b")
    assert verify(work, source=old, destination=new).same
    new.delete("a.txt")
    seen: list[Difference] = []
    verified = verify(work, source=old, destination=new, found=seen.append)
    assert (2, ["a.txt"]) == (verified.equal, [one.key for one in seen])
    again = plan(old, new, work, shard_keys=shard_keys)
    assert (1, 4) == (again.tally.objects, again.tally.equal)


def test_an_interrupted_plan_of_a_service_that_lists_folder_by_folder_goes_on() -> None:
    """The shards that it has written stay, and the next plan adds the rest, once each."""
    old, new, work = AssetStore(FolderByFolder(), name="odd"), memory("new"), memory("work")
    keys = sorted(f"{name}/{number:04}" for name in ("a", "a-b") for number in range(500))
    for key in keys:
        old.upload(b"1", key)

    def end(count: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        plan(old, new, work, shard_keys=100, progress=end)
    made = plan(old, new, work, shard_keys=100)
    assert (len(keys), 10) == (made.tally.objects, made.shards)
    assert len(keys) == run(work, source=old, destination=new).copied
