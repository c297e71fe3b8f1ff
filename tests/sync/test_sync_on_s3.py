"""What other tools of sync do to their users on an S3 service, and ours must not: seen from outside, on SeaweedFS."""

from __future__ import annotations

import itertools
import os
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from assetstore import AlreadyExistsError, AssetStore, AssetStoreError, IntegrityError, NotFoundError, open_store
from assetstore.sync import SyncRefusedError, check, sync
from assetstore_r2.testing import ErrorBody, Fault, FaultProxy, FlipBit, Reset, Status
from servers import S3Server

CACHED = {"cache_control": "max-age=60", "content_disposition": "inline", "content_language": "de"}
HEADERS = {**CACHED, "content_type": "image/x-own", "metadata": {"by": "gm"}}
PATH_MAX = 4096
SECOND_PAGE = "continuation-token"


@attrs.frozen
class Site:
    """A bucket behind a proxy, and a folder of its own in it.

    Attributes:
        proxy: the proxy, which logs all requests.
        whole: the whole bucket.
        prefix: the folder.
        server: the server.
    """

    proxy: FaultProxy
    whole: AssetStore
    prefix: str
    server: S3Server

    @property
    def store(self) -> AssetStore:
        """The folder as a store."""
        return self.whole.scoped(self.prefix)

    def held(self) -> list[str]:
        """Return what the folder holds, in order, in which this server does not list it."""
        return sorted(info.key for info in self.store.list())

    def since(self, count: int) -> Counter[str]:
        """Return how often each method was sent after the first requests."""
        return Counter(request.method for request in self.proxy.requests[count:])


@pytest.fixture
def server(request: pytest.FixtureRequest) -> S3Server:
    """Give SeaweedFS, or the server that a test names."""
    server: S3Server = request.getfixturevalue(getattr(request, "param", "seaweedfs"))
    return server


@pytest.fixture
def site(server: S3Server, unique_prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """Give a bucket behind a proxy, and an empty cache for the digests of folders."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with FaultProxy(server.endpoint_url) as proxy, open_store(settings(server, proxy.url)) as store:
        yield Site(proxy, store, unique_prefix, server)


def settings(server: S3Server, url: str) -> dict[str, Any]:
    """Return the settings of a store at a URL."""
    keys = {"access_key": server.access_key, "secret_key": server.secret_key}
    return {"url": f"r2:///{server.bucket}?endpoint_url={url}", **keys, "max_attempts": 2}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a folder of three files that are an hour old."""
    folder = tmp_path / "art"
    for name in ("catalogue.json", "maps/keep.webp", "maps/tower.webp"):
        write(folder / name, f"the bytes of {name}".encode())
    return folder


def write(path: Path, data: bytes, age: int = 3600) -> None:
    """Write a file as if it were so many seconds old."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    age_by(path, age)


def age_by(path: Path, age: int) -> None:
    """Set a file's time so many seconds back."""
    then = path.stat().st_ctime - age
    os.utime(path, (then, then))


def test_a_touched_file_keeps_the_headers_of_its_asset(site: Site, folder: Path) -> None:
    """A new time of a file is not a reason to copy its asset, with which others lose its headers."""
    sync(folder, site.store, headers={"*.webp": CACHED})
    age_by(folder / "maps/keep.webp", -5)
    report = sync(folder, site.store)
    assert (0, 3) == (report.bytes, report.counts.unchanged)
    assert CACHED == {name: getattr(site.store.stat("maps/keep.webp"), name) for name in CACHED}


def test_a_rule_for_headers_holds_for_unchanged_assets_too(site: Site, folder: Path) -> None:
    """An asset that was there before gets the headers of this run, without its bytes being sent."""
    sync(folder, site.store)
    report = sync(folder, site.store, headers={"*.webp": {"cache_control": "no-cache"}})
    assert (0, 2, 1) == (report.bytes, report.counts.headers, report.counts.unchanged)
    assert ["no-cache"] * 2 == [site.store.stat(key).cache_control for key in ("maps/keep.webp", "maps/tower.webp")]
    assert not sync(folder, site.store, headers={"*.webp": {"cache_control": "no-cache"}}).counts.headers


@pytest.mark.parametrize("size", [10, 12 << 20], ids=["small", "in parts"])
def test_headers_travel_from_bucket_to_bucket(site: Site, size: int) -> None:
    """An asset has all its headers and metadata after a sync, also one that is copied in parts."""
    site.store.upload(bytes(size), "here/a.bin", **HEADERS)
    for _ in range(2):
        sync(site.store.scoped("here/"), site.store.scoped("there/"))
        assert HEADERS == {name: getattr(site.store.stat("there/a.bin"), name) for name in HEADERS}


def test_headers_travel_between_services(site: Site, tmp_path: Path) -> None:
    """They travel from a service of one kind to one of another without being asked for."""
    with open_store(f"file:{tmp_path / 'local'}") as local:
        local.upload(b"bytes", "a.bin", **HEADERS)
        sync(local, site.store)
    assert HEADERS == {name: getattr(site.store.stat("a.bin"), name) for name in HEADERS}


def test_headers_that_changed_alone_are_fixed_without_bytes(site: Site) -> None:
    """New headers at the source arrive at the next run, and the bytes stay where they are."""
    here, there = site.store.scoped("here/"), site.store.scoped("there/")
    here.upload(b"bytes", "a.bin", **HEADERS)
    sync(here, there)
    here.update("a.bin", cache_control="no-cache", metadata={"by": "me"})
    before = len(site.proxy.requests)
    report = sync(here, there)
    assert (0, 1) == (report.bytes, report.counts.headers)
    assert ("no-cache", {"by": "me"}) == (there.stat("a.bin").cache_control, dict(there.stat("a.bin").metadata or {}))
    assert not site.since(before)["GET"] - 2


@pytest.mark.parametrize("side", ["source", "destination"])
@pytest.mark.parametrize(
    "fault",
    [Status(status=500, target=SECOND_PAGE, times=None), ErrorBody(body=b"", target=SECOND_PAGE, times=None)],
    ids=["an error", "an empty answer"],
)
def test_a_listing_that_fails_half_way_deletes_nothing(
    site: Site, seaweedfs: S3Server, tmp_path: Path, fault: Fault, side: str
) -> None:
    """Whichever side cannot be listed to its end, nothing is deleted and the sync fails."""
    with open_store(f"file:{tmp_path / 'local'}?durable=false") as local:
        many = site.store if side == "source" else local
        one = local if side == "source" else site.store
        for store in (site.store, local):
            with store.upload_many((b"", f"{number:04}") for number in range(1001)) as results:
                assert all(result.error is None for result in results)
        one.upload(b"", "alone")
        site.proxy.inject(fault)
        with pytest.raises(AssetStoreError):
            sync(many, one, delete=True)
        site.proxy.inject()
        assert 1002 == sum(1 for _ in one.list())


@pytest.mark.parametrize("place", ["folder", "prefix"])
def test_a_source_without_assets_deletes_nothing(site: Site, folder: Path, tmp_path: Path, place: str) -> None:
    """A missing or mistyped source is an error; an empty one needs a word."""
    sync(folder, site.store.scoped("art/"))
    (tmp_path / "empty").mkdir()
    sources = [tmp_path / "missing", tmp_path / "empty"] if place == "folder" else [site.store.scoped("mistyped/")]
    for source in sources:
        with pytest.raises((NotFoundError, SyncRefusedError)):
            sync(source, site.store.scoped("art/"), delete=True)
    assert 3 == len(site.held())
    report = sync(sources[-1], site.store.scoped("art/"), delete=True, allow_empty=True)
    assert (3, []) == (report.counts.deleted, site.held())


def test_a_file_that_cannot_be_read_is_there(site: Site, folder: Path) -> None:
    """Its asset stays, and so does everything else that would be deleted."""
    sync(folder, site.store)
    site.store.upload(b"", "alone")
    (folder / "maps/keep.webp").unlink()
    os.mkfifo(folder / "maps/keep.webp")
    report = sync(folder, site.store, delete=True)
    assert (False, 0, 4) == (report.ok, report.counts.deleted, len(site.held()))
    assert ["maps/keep.webp"] == [failure.key for failure in report.errors]


def test_a_folder_that_cannot_be_read_deletes_nothing(site: Site, folder: Path) -> None:
    """A folder whose path is longer than the system takes cannot be listed, not even by root."""
    sync(folder, site.store)
    site.store.upload(b"", "alone")
    descriptor = os.open(folder / "maps", os.O_RDONLY)
    for _ in range(PATH_MAX // 250 + 1):
        os.mkdir("d" * 250, dir_fd=descriptor)
        below = os.open("d" * 250, os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = below
    os.close(descriptor)
    report = sync(folder, site.store, delete=True)
    assert (False, 0, 4) == (report.ok, report.counts.deleted, len(site.held()))


@pytest.mark.parametrize("most", [2, "50%"])
def test_too_many_deletions_are_none(site: Site, folder: Path, most: int | str) -> None:
    """They are counted before the first: all or nothing, and a dry run says the same."""
    sync(folder, site.store)
    for name in ("maps/keep.webp", "maps/tower.webp"):
        (folder / name).rename(folder / name.replace("maps/", "new-"))
        (folder / name.replace("maps/", "new-")).write_bytes(name.encode())
    site.store.upload(b"", "alone")
    for dry_run in (True, False):
        with pytest.raises(SyncRefusedError):
            sync(folder, site.store, delete=True, max_delete=most, dry_run=dry_run)
    assert ["alone", "catalogue.json", "maps/keep.webp", "maps/tower.webp"] == site.held()
    assert 3 == sync(folder, site.store, delete=True, max_delete=3).counts.deleted


def test_what_is_left_out_is_never_deleted(site: Site, folder: Path) -> None:
    """Globs hold for both sides, and a name without a slash means a folder or file anywhere."""
    for key in ("cache/a", "maps/cache/b", "alone", "maps/x.psd"):
        site.store.upload(b"", key)
    write(folder / "maps/cache/c", b"")
    sync(folder, site.store, delete=True, exclude=["cache", "*.psd"])
    assert ["cache/a", "catalogue.json", "maps/cache/b", "maps/keep.webp", "maps/tower.webp", "maps/x.psd"] == site.held()


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_target_is_a_folder_with_or_without_a_slash(
    site: Site, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, slash: str
) -> None:
    """``site`` is neither ``site-old/`` nor ``site.html``, and no key gets two slashes."""
    given = settings(site.server, site.proxy.url)
    lines = [f"{name} = {given[name]!r}" for name in ("url", "access_key", "secret_key")]
    (tmp_path / "assetstore.toml").write_text("\n".join(["[stores.b]", *lines]))
    (tmp_path / "assetstore.toml").chmod(0o600)
    monkeypatch.setenv("ASSETSTORE_CONFIG", str(tmp_path / "assetstore.toml"))
    for key in ("site-old/a", "site.html", "site/gone"):
        site.store.upload(b"", key)
    sync(str(folder), f"b:{site.prefix}site{slash}", delete=True)
    here = ["site-old/a", "site.html", *(f"site/{name}" for name in ("catalogue.json", "maps/keep.webp", "maps/tower.webp"))]
    assert here == site.held()


@pytest.mark.parametrize(("one", "other"), [("art/", "art/"), ("", "art/"), ("art/", "")])
def test_a_store_is_not_synced_with_a_part_of_itself(site: Site, one: str, other: str) -> None:
    """Overlapping sides are refused before the first request, also when the store was opened twice."""
    site.store.upload(b"", "art/a")
    with open_store(settings(site.server, site.proxy.url)) as again:
        for second in (site.whole, again):
            before = len(site.proxy.requests)
            with pytest.raises(SyncRefusedError):
                sync(site.whole.scoped(site.prefix + one), second.scoped(site.prefix + other), delete=True)
            assert before == len(site.proxy.requests)
    assert ["art/a"] == site.held()


def test_a_service_that_lists_folder_by_folder_is_synced(site: Site, tmp_path: Path) -> None:
    """This server lists ``a/x`` before ``a-b/x``; nothing is taken for missing, sent again or deleted because of it."""
    for key in ("a/x", "a-b/x", "a.txt", "ab/y"):
        write(tmp_path / "tree" / key, key.encode())
    assert 4 == sync(tmp_path / "tree", site.store.scoped("here/"), delete=True).counts.new
    for source in (tmp_path / "tree", site.store.scoped("here/")):
        sync(source, site.store.scoped("there/"), delete=True)
        again = sync(source, site.store.scoped("there/"), delete=True)
        assert (4, 0, 0) == (again.counts.unchanged, again.bytes, again.counts.deleted)
    assert check(tmp_path / "tree", site.store.scoped("here/")).same


@pytest.mark.parametrize(
    ("server", "pair"),
    [
        ("emulator", ("a/b", "a//b")),
        ("seaweedfs", ("\u00e9", "e\u0301")),
        ("seaweedfs", ("a", "a/b")),
        ("emulator", ("x", "/x")),
        ("emulator", ("x", "y" * 250 + "é" * 3)),
    ],
    ids=["two slashes", "NFC and NFD", "file and folder", "slash first", "name too long"],
    indirect=["server"],
)
def test_keys_that_a_disk_cannot_hold_are_named_before_anything_is_fetched(
    site: Site, tmp_path: Path, pair: tuple[str, str]
) -> None:
    """Neither of a pair is fetched silently; the error names the keys."""
    with site.server.client() as client:
        for key in pair:
            client.put_object(Bucket=site.server.bucket, Key=site.prefix + key, Body=key.encode())
    assert sorted(pair) == site.held()
    before = len(site.proxy.requests)
    with pytest.raises(SyncRefusedError) as refused:
        sync(site.store, tmp_path / "down")
    assert [request for request in site.proxy.requests[before:] if "list-type" not in request.target] == []
    assert pair[1] in {refusal.key for refusal in refused.value.refusals}
    assert not (tmp_path / "down").exists()


@pytest.mark.parametrize("age", [-5, 7200], ids=["newer", "older"])
def test_other_bytes_of_the_same_size_are_sent(site: Site, folder: Path, age: int) -> None:
    """A size alone decides nothing: neither a newer nor an unpacked, older file of the same size is missed."""
    sync(folder, site.store)
    write(folder / "maps/keep.webp", b"THE BYTES OF maps/keep.webp", age)
    assert 1 == sync(folder, site.store).counts.changed
    assert b"THE BYTES" == site.store.read("maps/keep.webp")[:9]


def test_other_bytes_of_the_same_size_and_time_are_sent(site: Site, folder: Path) -> None:
    """The system knows that a file was written, although its time was set back."""
    sync(folder, site.store)
    path = folder / "maps/keep.webp"
    before = path.stat()
    path.write_bytes(b"THE BYTES OF maps/keep.webp")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert 1 == sync(folder, site.store).counts.changed
    assert b"THE BYTES" == site.store.read("maps/keep.webp")[:9]


def test_update_does_not_switch_off_the_test_of_sizes(site: Site, folder: Path) -> None:
    """A file that is newer is sent with ``update``, whatever its size."""
    sync(folder, site.store)
    write(folder / "maps/keep.webp", b"shorter", -5)
    assert 1 == sync(folder, site.store, update=True).counts.changed


def test_down_and_then_up_sends_nothing(site: Site, folder: Path, tmp_path: Path) -> None:
    """What was just fetched is not sent back, also on another machine that knows nothing of it."""
    sync(folder, site.store)
    sync(site.store, tmp_path / "down")
    for _ in range(2):
        before = len(site.proxy.requests)
        assert (0, 3) == ((report := sync(tmp_path / "down", site.store)).bytes, report.counts.unchanged)
        assert not site.since(before)["PUT"]
    assert {"GET": 1} == dict(site.since(before))


def test_a_second_run_asks_for_listings_alone(site: Site, folder: Path) -> None:
    """Neither a folder nor a bucket needs a request for each asset that did not change."""
    sync(folder, site.store.scoped("art/"))
    # Copies of the second in which their originals were written are looked at, since the listing has whole seconds.
    for number in itertools.count():
        copies = site.store.scoped(f"copy-{number}/")
        sync(site.store.scoped("art/"), copies)
        if times(site.store.scoped("art/")).isdisjoint(times(copies)):
            break
    before = len(site.proxy.requests)
    sync(folder, site.store.scoped("art/"))
    assert {"GET": 1} == dict(site.since(before))
    sync(site.store.scoped("art/"), copies)
    assert all("list-type=2" in request.target for request in site.proxy.requests[before:])
    assert {"GET": 3} == dict(site.since(before))


def test_a_file_that_changes_while_it_is_sent_is_never_a_mix(site: Site, folder: Path) -> None:
    """Whatever was read before, what is stored in the end is the newest bytes."""
    size = 20 << 20
    write(folder / "big.bin", b"a" * size)
    changed = threading.Event()

    def change(_: int) -> None:
        if not changed.is_set():
            changed.set()
            (folder / "big.bin").write_bytes(b"b" * size)

    report = sync(folder, site.store, progress=change)
    assert report.ok
    assert {ord("b")} == set(site.store.read("big.bin"))


@pytest.mark.parametrize("status", [429, 503])
def test_a_storm_of_refusals_loses_nothing(site: Site, tmp_path: Path, status: int) -> None:
    """Many refused requests in a row are tried again at one pace; the report says that the store asked for it."""
    folder = tmp_path / "many"
    for number in range(60):
        write(folder / f"{number:02}", str(number).encode())
    site.proxy.inject(Status(method="PUT", status=status, retry_after=0, times=90))
    report = sync(folder, site.store)
    assert (True, 60, True) == (report.ok, report.counts.new, report.slowed)
    assert 60 == len(site.held())


def test_nothing_of_this_machine_gets_into_metadata(site: Site, folder: Path) -> None:
    """No user, group, mode or path is stored, and the time only where it is asked for."""
    sync(folder, site.store)
    assert not site.store.stat("catalogue.json").metadata
    sync(folder, site.store.scoped("timed/"), times=True)
    assert {"mtime"} == set(site.store.scoped("timed/").stat("catalogue.json").metadata or {})


def test_damaged_bytes_never_become_a_file(site: Site, folder: Path, tmp_path: Path) -> None:
    """A download is verified by the digest; what does not match is fetched again, or is no file at all."""
    sync(folder, site.store)
    site.proxy.inject(FlipBit(method="GET", target="keep.webp", times=None))
    report = sync(site.store, tmp_path / "down")
    assert [("maps/keep.webp", IntegrityError)] == [(each.key, type(each.error)) for each in report.errors]
    assert ["catalogue.json", "maps", "maps/tower.webp"] == names(tmp_path / "down")
    site.proxy.inject()
    assert sync(site.store, tmp_path / "down").ok
    assert 0 == check(folder, site.store).differences


def names(folder: Path) -> list[str]:
    """Return all paths below a folder."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_no_request_needs_more_than_the_service_gives(site: Site, folder: Path) -> None:
    """Nothing asks for ACLs, which many services refuse, so a good copy never counts as failed."""
    sync(folder, site.store.scoped("a/"))
    sync(site.store.scoped("a/"), site.store.scoped("b/"))
    assert not [request for request in site.proxy.requests if "acl" in request.target]


def test_what_comes_last_comes_last(site: Site, folder: Path) -> None:
    """The catalogue is written when all that it names is there."""
    sync(folder, site.store, last=["catalogue*"])
    written = [request.target.partition("?")[0] for request in site.proxy.requests if request.method == "PUT"]
    assert ["catalogue.json"] == [target.rpartition("/")[2] for target in written[2:]]


def test_after_a_failure_the_old_catalogue_stays(site: Site, folder: Path) -> None:
    """What is to come last is not written, and nothing is deleted, when anything before failed."""
    sync(folder, site.store)
    site.store.upload(b"", "alone")
    for path in (folder / "catalogue.json", folder / "maps/keep.webp"):
        write(path, b"new", -5)
    site.proxy.inject(Status(method="PUT", target="keep.webp", status=403, times=None))
    report = sync(folder, site.store, last=["catalogue*"], delete=True)
    assert (False, 2) == (report.ok, report.withheld)
    assert b"the bytes of catalogue.json" == site.store.read("catalogue.json")
    assert "alone" in site.held()
    site.proxy.inject()
    assert (True, 1) == ((again := sync(folder, site.store, last=["catalogue*"], delete=True)).ok, again.counts.deleted)
    assert b"new" == site.store.read("catalogue.json")


def test_a_renamed_file_is_copied_at_the_service(site: Site, folder: Path) -> None:
    """No byte is sent again for another name."""
    sync(folder, site.store)
    (folder / "maps").rename(folder / "cards")
    report = sync(folder, site.store, delete=True)
    assert (0, 2, 2) == (report.bytes, report.counts.renamed, report.counts.deleted)
    assert ["cards/keep.webp", "cards/tower.webp", "catalogue.json"] == site.held()


def test_cut_connections_lose_nothing(site: Site, folder: Path) -> None:
    """Requests that were cut are sent again."""
    site.proxy.inject(Reset(method="PUT", direction="request", after=3, times=2))
    assert sync(folder, site.store).ok
    assert 0 == check(folder, site.store).differences


def test_what_a_rival_writes_meanwhile_is_not_overwritten(site: Site, folder: Path) -> None:
    """A key that was free when the sync looked is created, never replaced."""

    def rival(_: object) -> None:
        site.store.upload(b"of another", "maps/keep.webp")

    report = sync(folder, site.store, planned=rival)
    assert [("maps/keep.webp", AlreadyExistsError)] == [(each.key, type(each.error)) for each in report.errors]
    assert b"of another" == site.store.read("maps/keep.webp")


def times(store: AssetStore) -> set[Any]:
    """Return when its assets were written."""
    return {info.last_modified for info in store.list()}
