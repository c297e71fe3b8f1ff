"""One asset goes from one store to another: all that it is, of one version, verified, by as few requests as can be."""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from assetstore import (
    AlreadyExistsError,
    AssetInfo,
    AssetStore,
    AssetStoreError,
    IntegrityError,
    InvalidKeyError,
    InvalidOptionError,
    NotFoundError,
    PreconditionError,
    UnavailableError,
    UnknownOutcomeError,
)
from assetstore.content.ranges import RANGE
from assetstore.plugin import AccessDeniedError, Wrapper, hookimpl
from assetstore.sync import copy_between, move_between
from assetstore.sync.transfer import carried
from assetstore.testing import FaultyBackend, MemoryBackend, RecordingObserver
from assetstore.testing.faults import Flip, Raise
from assetstore_local import LocalBackend
from assetstore_r2 import R2Backend
from assetstore_r2.testing import FaultProxy, Status

sys.path.insert(0, str(Path(__file__).parents[1] / "plugins"))

from r2_stand_in import stand_in

SMALL = b"stone and mortar"
LARGE = b"".join(hashlib.sha256(b"%d" % number).digest() for number in range(2 * RANGE // 32)) + b"the last range is short"
HEADERS: dict[str, Any] = {
    "content_type": "image/webp",
    "cache_control": "max-age=60",
    "content_disposition": "attachment",
    "content_language": "de",
    "metadata": {"by": "gm", "place": "Überwald"},
}
WORLDS = ["memory", "local", "memory and local", "local and memory"]
WORLDS += ["s3", "s3 of two services", "s3 and local", "local and s3"]


@attrs.frozen
class World:
    """Two stores, and what was asked of S3 where one is such a store."""

    source: AssetStore
    destination: AssetStore
    proxies: tuple[FaultProxy, ...] = ()
    seen: list[str] = attrs.field(factory=list)

    def requests(self) -> list[str]:
        """Return method and bucket of each request since the last call."""
        found = sorted((each for proxy in self.proxies for each in proxy.requests), key=lambda each: each.at)
        named = [f"{each.method} {each.target.split('/')[1].partition('?')[0]}" for each in found]
        fresh = named[len(self.seen) :]
        self.seen[:] = named
        return fresh


@pytest.fixture(params=WORLDS)
def world(request: pytest.FixtureRequest, tmp_path: Path, unique_prefix: str) -> Iterator[World]:
    """Give two stores: of one kind and place, of one kind and two places, or of two kinds."""
    names = request.param.split(" and ") if "services" not in request.param else ["s3"]
    kinds = [*names, *names][:2]
    server = request.getfixturevalue("seaweedfs") if "s3" in kinds else None
    proxies: list[FaultProxy] = []
    exits = contextlib.ExitStack()
    stores = []
    for number, kind in enumerate(kinds):
        if kind == "memory":
            stores.append(AssetStore(MemoryBackend(), name=f"memory {number}"))
        elif kind == "local":
            stores.append(AssetStore(LocalBackend(root=tmp_path / str(number), durable=False), name=f"local {number}"))
        else:
            assert server is not None
            if not proxies or "services" in request.param:
                proxies.append(exits.enter_context(FaultProxy(server.endpoint_url)))
            backend = R2Backend(
                bucket=(server.bucket, server.other_bucket)[number],
                endpoint_url=proxies[-1].url,
                access_key=server.access_key,
                secret_key=server.secret_key,
                part_size=5 << 20,
            )
            stores.append(AssetStore(backend, name=f"s3 {number}").scoped(unique_prefix))
    with exits:
        yield World(stores[0], stores[1], tuple(proxies))
        for store in stores:
            store.close()


def alike(info: AssetInfo) -> dict[str, Any]:
    """Return what a copy must have of its source."""
    return {**info.given(), "metadata": dict(info.metadata or {}), "size": info.size}


@pytest.mark.parametrize("data", [b"", SMALL, LARGE], ids=["empty", "small", "large"])
def test_a_copy_is_all_that_its_source_is(world: World, data: bytes) -> None:
    """Bytes, type, headers and metadata stand under the new key, and the source is as it was."""
    before = world.source.upload(data, "maps/keep.webp", **HEADERS)
    moved: list[int] = []
    info = copy_between(world.source, "maps/keep.webp", world.destination, "art/käse.webp", progress=moved.append)
    stored = world.destination.stat("art/käse.webp")
    assert ["art/käse.webp", len(data)] == [info.key, sum(moved)]
    assert alike(world.source.stat("maps/keep.webp")) == alike(stored) == alike(info)
    assert data == world.destination.read("art/käse.webp")
    assert before.etag == world.source.stat("maps/keep.webp").etag


@pytest.mark.parametrize("data", [SMALL, LARGE], ids=["small", "large"])
def test_a_digest_travels(world: World, data: bytes) -> None:
    """The destination knows the SHA-256 that the source knew, of one part and of many."""
    expected = f"sha256:{hashlib.sha256(data).hexdigest()}"
    assert expected == world.source.upload(data, "a", **HEADERS).digest
    assert expected == copy_between(world.source, "a", world.destination).digest
    assert expected == world.destination.stat("a").digest


def test_a_name_adds_no_header(world: World) -> None:
    """What the source has no encoding for gets none, whatever the new name tells."""
    packed = b"\x1f\x8b\x08\x00" + bytes(20)
    world.source.upload(packed, "a", content_type="image/svg+xml")
    copy_between(world.source, "a", world.destination, "a.svgz")
    found = world.destination.stat("a.svgz")
    assert ["image/svg+xml", None] == [found.content_type, found.content_encoding or None]


def test_a_time_travels_where_it_is_asked_for(world: World) -> None:
    """``times`` keeps when the source was written as ``mtime``; one that it has stays, and without it nothing is added."""
    world.source.upload(SMALL, "a", metadata={"by": "gm"})
    written = world.source.stat("a")
    world.source.upload(SMALL, "b", metadata={"mtime": "1.5"})
    for key in ("a", "b"):
        copy_between(world.source, key, world.destination, times=True)
    assert written.last_modified is not None
    found = dict(world.destination.stat("a").metadata or {})
    assert {"by": "gm"} == {name: value for name, value in found.items() if name != "mtime"}
    assert abs(float(found["mtime"]) - written.last_modified.timestamp()) < 1e-5
    assert {"mtime": "1.5"} == world.destination.stat("b").metadata
    copy_between(world.source, "a", world.destination, "c")
    assert {"by": "gm"} == world.destination.stat("c").metadata


def test_a_taken_key_can_be_kept(world: World) -> None:
    """``overwrite=False`` leaves what is there, also when a large asset would replace it."""
    world.destination.upload(b"old", "a")
    for data in (SMALL, LARGE):
        world.source.upload(data, "a")
        with pytest.raises(AlreadyExistsError):
            copy_between(world.source, "a", world.destination, overwrite=False)
        assert b"old" == world.destination.read("a")
        copy_between(world.source, "a", world.destination, "b", overwrite=False)
        assert data == world.destination.read("b")
        world.destination.delete("b")


def test_a_version_can_be_asked_for(world: World) -> None:
    """``if_match`` is the ETag of the source; another one writes nothing."""
    info = world.source.upload(SMALL, "a")
    with pytest.raises(PreconditionError):
        copy_between(world.source, "a", world.destination, if_match="0" * 32)
    assert not world.destination.exists("a")
    copy_between(world.source, "a", world.destination, if_match=info.etag)
    assert SMALL == world.destination.read("a")


def test_a_missing_source_is_named(world: World) -> None:
    """The error names the key and the store that lacks it; nothing is written."""
    with pytest.raises(NotFoundError) as caught:
        copy_between(world.source, "a", world.destination, "b")
    assert ["a", world.source.name] == [caught.value.key, caught.value.store]
    assert [] == list(world.destination.list())


@pytest.mark.parametrize("keys", [("../a", "b"), ("a", "/b"), ("a", "")])
def test_a_bad_key_is_refused_before_anything_is_sent(world: World, keys: tuple[str, str]) -> None:
    """Both keys are looked at first."""
    with pytest.raises(InvalidKeyError):
        copy_between(world.source, keys[0], world.destination, keys[1])
    assert [] == world.requests()


def test_a_move_leaves_no_source(world: World) -> None:
    """The asset is at its destination alone, with all that it was."""
    world.source.upload(SMALL, "a", **HEADERS)
    before = alike(world.source.stat("a"))
    move_between(world.source, "a", world.destination, "b", times=False)
    assert [[], ["b"]] == [[info.key for info in store.list()] for store in (world.source, world.destination)]
    assert (before, SMALL) == (alike(world.destination.stat("b")), world.destination.read("b"))


@pytest.mark.parametrize("world", [name for name in WORLDS if "s3" in name], indirect=True)
def test_a_small_asset_takes_one_request_on_each_side(world: World) -> None:
    """What streams is read and written once and asked for never; what the service copies is looked up and copied."""
    world.source.upload(SMALL, "a", **HEADERS)
    world.requests()
    copy_between(world.source, "a", world.destination)
    reads, writes = (store.name.startswith("s3") for store in (world.source, world.destination))
    inside = reads and writes and len(world.proxies) == 1
    here, there = "assets", "other-assets"
    streamed = [f"GET {here}"] * reads + [f"PUT {there}"] * writes
    assert ([f"HEAD {here}", f"PUT {there}"] if inside else streamed) == world.requests()
    move_between(world.source, "a", world.destination, "b")
    if not inside:
        assert len(streamed) + 2 * reads == len(world.requests())


@pytest.mark.parametrize("transfer", [copy_between, move_between])
def test_an_asset_is_never_its_own_destination(seaweedfs: Any, tmp_path: Path, transfer: Any) -> None:
    """Two names, two URLs, two scopes and two wrappings of one place are one; it is refused before the first request."""
    (tmp_path / "here").mkdir()
    (tmp_path / "link").symlink_to("here")
    memory = MemoryBackend()
    with FaultProxy(seaweedfs.endpoint_url) as proxy:

        def bucket(url: str = proxy.url) -> R2Backend:
            keys = {"access_key": seaweedfs.access_key, "secret_key": seaweedfs.secret_key}
            return R2Backend(bucket=seaweedfs.bucket, endpoint_url=url, **keys)

        pairs = [
            (AssetStore(memory), AssetStore(memory, name="other", wrappers=[Wrapper])),
            (AssetStore(LocalBackend(root=tmp_path / "here")), AssetStore(LocalBackend(root=tmp_path / "link"))),
            (AssetStore(bucket()), AssetStore(bucket(f"{proxy.url}/"), name="other")),
        ]
        for one, other in pairs:
            one.upload(SMALL, "x/a") if one is not pairs[2][0] else None
            for source, key, destination, to in (
                (one, "x/a", other, "x/a"),
                (one, "x/a", one, None),
                (one.scoped("x/"), "a", other, "x/a"),
                (one, "x/a", other.scoped("x/"), "a"),
            ):
                with pytest.raises(InvalidOptionError, match="must not be its own destination"):
                    transfer(source, key, destination, to)
        assert () == proxy.requests
        for one, other in pairs:
            one.close(), other.close()


def test_other_credentials_stream(seaweedfs: Any) -> None:
    """A service is not asked to copy for an account that may see less; whose asset it is tells the place all the same."""
    with FaultProxy(seaweedfs.endpoint_url) as proxy:
        mine, other = (
            R2Backend(bucket=bucket, endpoint_url=proxy.url, access_key=key, secret_key=seaweedfs.secret_key)
            for bucket, key in ((seaweedfs.bucket, seaweedfs.access_key), (seaweedfs.other_bucket, "another"))
        )
        places = [AssetStore(backend)._stack.container() for backend in (mine, other)]
        assert places[0] is not None
        assert places[1] is not None
        assert not places[0].is_reached_from(places[1])
        assert seaweedfs.access_key not in repr(places)


@pytest.mark.parametrize("status", [403, 501])
def test_a_service_that_refuses_to_copy_is_streamed_around(seaweedfs: Any, unique_prefix: str, status: int) -> None:
    """Its first refusal is the last: the copies go through this machine, and the next ones ask for none."""
    with FaultProxy(seaweedfs.endpoint_url) as proxy:
        keys = {"endpoint_url": proxy.url, "access_key": seaweedfs.access_key, "secret_key": seaweedfs.secret_key}
        source, destination = (
            AssetStore(R2Backend(bucket=bucket, **keys)).scoped(unique_prefix)
            for bucket in (seaweedfs.bucket, seaweedfs.other_bucket)
        )
        for key in ("a", "b"):
            source.upload(SMALL, key, **HEADERS)
        proxy.inject(Status(method="PUT", status=status))
        before = len(proxy.requests)
        for key in ("a", "b"):
            copy_between(source, key, destination)
        assert ["HEAD", "PUT", "GET", "PUT", "GET", "PUT"] == [request.method for request in proxy.requests[before:]]
        assert [alike(source.stat(key)) for key in "ab"] == [alike(destination.stat(key)) for key in "ab"]
        source.close()
        destination.close()


@attrs.define(eq=False)
class Noting(Wrapper):
    """Notes each upload and each read."""

    supports = frozenset({"upload.*", "read.*"})
    noted: list[str] = attrs.field(factory=list)

    @hookimpl
    def assetstore_upload(self, key: str, source: Any, options: Any) -> Any:
        """Note it."""
        self.noted.append(f"upload {key}")
        return self.inner.assetstore_upload(key=key, source=source, options=options)

    @hookimpl
    def assetstore_read(self, key: str, options: Any) -> Any:
        """Note it."""
        self.noted.append(f"read {key}")
        return self.inner.assetstore_read(key=key, options=options)


def test_no_wrapper_is_bypassed(tmp_path: Path) -> None:
    """A wrapper that does not pass its place on sees every copy, as source and as destination."""
    noted: list[str] = []
    plain = AssetStore(LocalBackend(root=tmp_path / "plain"))
    wrapped = AssetStore(LocalBackend(root=tmp_path / "wrapped"), wrappers=[lambda inner: Noting(inner, noted)])
    plain.upload(SMALL, "a")
    copy_between(plain, "a", wrapped, "b")
    copy_between(wrapped, "b", plain, "c")
    assert ["upload b", "read b"] == noted


def test_a_source_that_is_replaced_meanwhile_is_copied_anew() -> None:
    """No copy mixes two versions: it begins again, and gives up after some attempts."""
    memory = MemoryBackend()
    spy = FaultyBackend(memory)
    source, destination = AssetStore(spy), AssetStore(MemoryBackend())
    source.upload(LARGE, "a")
    writer = AssetStore(memory)
    other = LARGE[::-1]
    with spy.failing(Raise(op="read", nth=2, error=PreconditionError("replaced"))):
        writer.upload(other, "a")
        copy_between(source, "a", destination)
    assert other == destination.read("a")
    with (
        spy.failing(Raise(op="read", nth=None, error=PreconditionError("replaced"))),
        pytest.raises(PreconditionError, match="replaced"),
    ):
        copy_between(source, "a", destination, "b")
    assert not destination.exists("b")


@pytest.mark.parametrize("data", [SMALL, LARGE], ids=["small", "large"])
def test_damage_is_noticed_before_the_copy_is_stored(data: bytes) -> None:
    """Bytes that differ from the source's digest become no asset."""
    spy = FaultyBackend(MemoryBackend())
    source, destination = AssetStore(spy), AssetStore(MemoryBackend())
    source.upload(data, "a")
    with spy.failing(Flip(op="read", nth=1)), pytest.raises(IntegrityError, match="digest"):
        copy_between(source, "a", destination)
    assert not destination.exists("a")


def test_a_source_that_was_replaced_after_the_copy_is_not_deleted() -> None:
    """A move deletes what it has copied and nothing else; the error says what is where."""
    spy = FaultyBackend(MemoryBackend())
    source = AssetStore(spy, name="here")
    source.upload(SMALL, "a")

    class Late(MemoryBackend):
        """Somebody replaces the source just when the copy is stored."""

        @hookimpl
        def assetstore_upload(self, key: str, source: Any, options: Any) -> Any:
            """Store, and let the rival write."""
            info = super().assetstore_upload(key, source, options)
            AssetStore(spy).upload(b"newer", "a")
            return info

    destination = AssetStore(Late(), name="there")
    with pytest.raises(UnknownOutcomeError, match=r"'a' of here was copied and could not be .* replaced") as caught:
        move_between(source, "a", destination)
    assert ["move", "a", "there"] == [caught.value.op, caught.value.key, caught.value.store]
    assert [b"newer", SMALL] == [source.read("a"), destination.read("a")]


def test_a_source_that_cannot_be_deleted_stays() -> None:
    """The copy is there, the original too, and the error says so."""
    spy = FaultyBackend(MemoryBackend())
    source, destination = AssetStore(spy, name="here"), AssetStore(MemoryBackend(), name="there")
    source.upload(SMALL, "a")
    with spy.failing(Raise(op="delete", nth=1, error=AccessDeniedError("no"))), pytest.raises(UnknownOutcomeError):
        move_between(source, "a", destination)
    assert [SMALL, SMALL] == [source.read("a"), destination.read("a")]


@pytest.mark.parametrize("fault", [UnavailableError("down"), IntegrityError("damaged"), AccessDeniedError("no")])
def test_a_move_that_fails_keeps_its_source(fault: AssetStoreError) -> None:
    """Nothing is deleted before the copy is verified."""
    source, spy = AssetStore(MemoryBackend()), FaultyBackend(MemoryBackend())
    source.upload(SMALL, "a")
    with spy.failing(Raise(op="upload", nth=1, error=fault, late=True)), pytest.raises(type(fault)):
        move_between(source, "a", AssetStore(spy))
    assert SMALL == source.read("a")


def test_a_large_asset_is_read_by_ranges_of_one_version() -> None:
    """The ranges are bound to the ETag of the first, and each byte is asked for once."""
    spy, observer = FaultyBackend(MemoryBackend()), RecordingObserver()
    source = AssetStore(spy, plugins=[observer])
    info = source.upload(LARGE, "a")
    copy_between(source, "a", AssetStore(MemoryBackend()))
    asked = [arguments["options"] for op, arguments in spy.calls if op == "read"]
    assert [(0, RANGE), (RANGE, RANGE), (2 * RANGE, 23)] == sorted((options.offset, options.length) for options in asked)
    assert [None, info.etag, info.etag] == [options.if_match for options in sorted(asked, key=lambda each: each.offset)]
    assert [("upload", len(LARGE)), ("read", len(LARGE))] == [(event.op, event.bytes) for event in observer.events]


def test_folders_share_their_blocks_or_copy_in_the_kernel(tmp_path: Path) -> None:
    """Of two folders on one machine the destination copies the file itself: nothing is read through the store."""
    spy = FaultyBackend(LocalBackend(root=tmp_path / "one"))
    other = FaultyBackend(LocalBackend(root=tmp_path / "two"))
    source, destination = AssetStore(spy), AssetStore(other)
    source.upload(LARGE, "a", **HEADERS)
    copy_between(source, "a", destination, "deep/b")
    assert "read" not in [op for op, _ in spy.calls]
    assert ["container", "copy"] == [op for op, _ in other.calls if op != "stat"][-2:]
    assert (LARGE, alike(source.stat("a"))) == (destination.read("deep/b"), alike(destination.stat("deep/b")))
    assert os.path.getsize(tmp_path / "two" / "deep" / "b") == len(LARGE)


def test_carried_headers_are_those_of_an_asset() -> None:
    """What is not known is not given, except that no encoding is guessed."""
    info = AssetInfo(key="a", size=1, content_type="text/plain", metadata={"by": "gm"})
    assert {"content_type": "text/plain", "content_encoding": "", "metadata": {"by": "gm"}} == carried(info)


def test_an_asset_too_large_for_one_copy_is_copied_in_parts(seaweedfs: Any, unique_prefix: str) -> None:
    """The service copies its parts from one bucket to another; type, headers and metadata are set when it begins."""
    with FaultProxy(seaweedfs.endpoint_url) as proxy:
        keys = {"endpoint_url": proxy.url, "access_key": seaweedfs.access_key, "secret_key": seaweedfs.secret_key}
        first, second = (R2Backend(bucket=bucket, **keys) for bucket in (seaweedfs.bucket, seaweedfs.other_bucket))
        # No test stores 5 GiB.
        object.__setattr__(second._opened.get(), "copy_limit", RANGE)
        source, destination = AssetStore(first).scoped(unique_prefix), AssetStore(second).scoped(unique_prefix)
        source.upload(LARGE, "a", **HEADERS)
        before = len(proxy.requests)
        copy_between(source, "a", destination, "b")
        asked = [request.method for request in proxy.requests[before:]]
        assert ["HEAD", "POST", "PUT", "PUT", "PUT", "HEAD", "POST"] == asked
        assert (LARGE, alike(source.stat("a"))) == (destination.read("b"), alike(destination.stat("b")))
        source.close()
        destination.close()


@pytest.mark.parametrize("transfer", [copy_between, move_between])
@pytest.mark.parametrize("limit", [len(LARGE), RANGE], ids=["whole", "in parts"])
def test_a_source_that_is_replaced_while_the_service_copies_is_copied_anew(
    seaweedfs: Any, unique_prefix: str, transfer: Any, limit: int
) -> None:
    """As one that streams: in one request and in parts, what arrives is the newer version with its own headers."""
    left = [1]

    def replace(request: Any, forward: Any) -> Any:
        if "x-amz-copy-source" in request.headers and left:
            left.clear()
            rival.upload(LARGE[::-1], "a", content_language="en")
        return forward()

    with stand_in(seaweedfs.endpoint_url, replace) as proxy:
        keys = {"access_key": seaweedfs.access_key, "secret_key": seaweedfs.secret_key}
        first, second, third = (
            R2Backend(bucket=bucket, endpoint_url=url, **keys)
            for bucket, url in (
                (seaweedfs.bucket, proxy.url),
                (seaweedfs.other_bucket, proxy.url),
                (seaweedfs.bucket, seaweedfs.endpoint_url),
            )
        )
        object.__setattr__(second._opened.get(), "copy_limit", limit)
        source, destination, rival = (AssetStore(each).scoped(unique_prefix) for each in (first, second, third))
        source.upload(LARGE, "a", **HEADERS)
        transfer(source, "a", destination)
        assert (LARGE[::-1], "en") == (destination.read("a"), destination.stat("a").content_language)
        assert (transfer is copy_between) == source.exists("a")
        for store in (source, destination, rival):
            store.close()
