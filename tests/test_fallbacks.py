"""Downloads and copies through this machine: what arrives is whole, or an error."""

from __future__ import annotations

import errno
import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from assetstore import (
    AssetInfo,
    AssetStore,
    IntegrityError,
    NoSpaceError,
    PreconditionError,
    UnavailableError,
    UnsupportedError,
)
from assetstore.plugin import HEADERS
from assetstore.testing import FaultyBackend, Flip, MemoryBackend, Raise, Return, Truncate
from assetstore.testing.samples import OTHER_SAMPLES, SAMPLES

DATA = bytes(range(256)) * 40


def faulty(*faults, without=("download", "copy")):
    """Return a store with one asset, whose reads meet these faults."""
    backend = MemoryBackend()
    AssetStore(backend).upload(DATA, "a.bin", metadata={"by": "gm"}, cache_control="no-store")
    return AssetStore(FaultyBackend(backend, *faults, without=without))


@pytest.mark.parametrize(
    "fault", [Truncate(nth=None), Truncate(nth=None, count=5000), *(Flip(nth=None, seed=seed) for seed in range(9))]
)
def test_damaged_bytes_are_an_error_however_they_are_read(fault, tmp_path):
    """Short or flipped bytes are IntegrityError from read, a stream, a download and a copy; no file and no copy is left."""
    store = faulty(fault)
    for operation in (
        lambda: store.read("a.bin"),
        lambda: b"".join(store.open("a.bin").chunks(1000)),
        lambda: store.download("a.bin", tmp_path / "file"),
        lambda: store.copy("a.bin", "b.bin"),
        lambda: store.update("a.bin", metadata={}),
    ):
        with pytest.raises(IntegrityError):
            operation()
    assert [] == list(tmp_path.iterdir())
    assert ["a.bin"] == [item.key for item in store.list()]


def test_a_native_download_of_another_size_is_an_error(tmp_path):
    """A native download that writes fewer bytes than it reports is IntegrityError and leaves no file."""
    store = faulty(Return(op="download", value=AssetInfo(key="a.bin", size=1)), without=())
    with pytest.raises(IntegrityError, match="arrived"):
        store.download("a.bin", tmp_path / "file")
    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
@pytest.mark.parametrize("op", ["download", "read", "upload"])
def test_a_full_disk_below_a_plugin_is_no_fault_of_the_plugin(number, op, tmp_path):
    """Where a backend writes a file of its own, a full disk is NoSpaceError with what to do, and leaves no file."""
    store = faulty(Raise(op=op, error=OSError(number, os.strerror(number)), nth=None), without=["copy"])
    calls = {
        "download": [lambda: store.download("a.bin", tmp_path / "file"), lambda: store.as_local("a.bin").__enter__()],
        "read": [lambda: store.read("a.bin")],
        "upload": [lambda: store.upload(DATA, "b.bin")],
    }
    for call in calls[op]:
        with pytest.raises(NoSpaceError, match=r"on this machine: .*; free some space$"):
            call()
    assert [] == list(tmp_path.iterdir())


def test_an_upload_of_another_size_is_an_error():
    """When a backend stored fewer bytes than were sent, the upload fails."""
    store = faulty(Return(op="upload", value=AssetInfo(key="b", size=2), nth=None))
    for source in (b"abc", iter([b"abc"])):
        with pytest.raises(IntegrityError, match="3 bytes were sent and 2 stored"):
            store.upload(source, "b")


def test_a_lost_answer_is_told_and_the_asset_is_there():
    """When the backend fails after its work, the error comes out; a create-only retry then finds the key taken."""
    store = faulty(Raise(op="upload", error=UnavailableError("no answer"), late=True))
    with pytest.raises(UnavailableError):
        store.upload(b"new", "b", overwrite=False)
    with pytest.raises(FileExistsError):
        store.upload(b"new", "b", overwrite=False)
    assert b"new" == store.read("b")


def test_a_copy_through_this_machine_equals_a_native_one():
    """Without a native copy, bytes, headers and metadata arrive all the same, and updates too."""
    store = faulty()
    store.copy("a.bin", "b.bin")
    info = store.stat("b.bin")
    assert ("no-store", {"by": "gm"}, DATA) == (info.cache_control, dict(info.metadata), store.read("b.bin"))
    store.update("b.bin", cache_control="", metadata={"by": "me"})
    info = store.stat("b.bin")
    assert (None, {"by": "me"}, DATA) == (info.cache_control, dict(info.metadata), store.read("b.bin"))
    with pytest.raises(PreconditionError):
        store.copy("a.bin", "c.bin", if_match="other")


def test_an_update_that_cannot_be_stored_is_refused():
    """Where uploads honour no metadata, setting them is UnsupportedError, and a copy goes without."""
    backend = FaultyBackend(MemoryBackend(), without=["copy"])
    store = AssetStore(backend)
    store.upload(b"abc", "a", metadata={"by": "gm"})
    backend.supports = frozenset({"upload.content_type"})
    poor = AssetStore(backend)
    with pytest.raises(UnsupportedError, match="metadata"):
        poor.update("a", metadata={"by": "me"})
    poor.copy("a", "b")
    assert ({}, b"abc") == (dict(poor.stat("b").metadata), poor.read("b"))


def test_an_update_through_this_machine_has_one_winner():
    """Reading and uploading guard an update too, where every write gives the asset another ETag."""
    store = faulty()
    etag = store.stat("a.bin").etag
    start = threading.Barrier(16)

    def update(number):
        start.wait()
        try:
            store.update("a.bin", metadata={"by": str(number)}, if_match=etag)
        except PreconditionError:
            return None
        return {"by": str(number)}

    with ThreadPoolExecutor(16) as pool:
        won = [metadata for metadata in pool.map(update, range(16)) if metadata]
    assert [dict(store.stat("a.bin").metadata)] == won


@pytest.mark.parametrize("without", [(), ("copy",)])
@pytest.mark.parametrize("dropped", [{"update.if_match"}, {"copy.if_match", "upload.if_match"}])
def test_an_update_that_cannot_be_guarded_is_refused_before_anything_is_asked(without, dropped):
    """A backend whose ETag may outlive an update does not name ``update.if_match``; its other conditions stay."""
    backend = FaultyBackend(MemoryBackend(), without=without)
    backend.supports = backend.supports - dropped
    store = AssetStore(backend)
    etag = store.upload(b"abc", "a").etag
    backend.calls.clear()
    for change in (lambda: store.update("a", metadata={}, if_match=etag), lambda: store.copy("a", "a", if_match=etag)):
        with pytest.raises(UnsupportedError, match=r"update 'a'.* guard|copy 'a'.* guard"):
            change()
    assert ([], False, True) == (backend.calls, store.can("update.if_match"), store.can("update.metadata"))
    store.update("a", metadata={"by": "me"})
    store.copy("a", "b", if_match=store.stat("a").etag)


def test_a_download_here_tells_of_progress(tmp_path):
    """Progress adds up to the size also without a native download."""
    seen = []
    faulty().download("a.bin", tmp_path / "file", progress=seen.append)
    assert (len(DATA), DATA) == (sum(seen), (tmp_path / "file").read_bytes())


def test_a_copy_through_this_machine_keeps_every_header_that_there_is():
    """Reading and uploading keep each header that the backend stores, and take what update changes, whatever its name."""
    store = faulty()
    store.upload(DATA, "b.bin", metadata={"by": "gm"}, **SAMPLES)
    store.copy("b.bin", "c.bin")
    copied = store.stat("c.bin")
    assert {**SAMPLES, "metadata": {"by": "gm"}} == copied.given()
    assert set(HEADERS) == copied.given().keys()
    for name in SAMPLES:
        updated = store.update("c.bin", **{name: ""})
        assert (None, {"by": "gm"}) == (getattr(updated, name), updated.metadata)


@pytest.mark.parametrize("name", HEADERS)
def test_a_copy_leaves_a_header_that_cannot_be_stored(name):
    """A copy drops headers that the backend reports but cannot store; setting them is refused before a read."""
    backend = MemoryBackend()
    AssetStore(backend).upload(DATA, "a.bin", metadata={"by": "gm"}, **SAMPLES)
    poor = FaultyBackend(backend, without=("copy",))
    poor.supports = poor.supports - {f"upload.{name}", f"copy.{name}"}
    store = AssetStore(poor)
    store.copy("a.bin", "b.bin")
    kept = store.stat("b.bin").given().keys() | {"metadata"}
    assert set(HEADERS) - {name} | {"metadata"} == kept
    poor.calls.clear()
    with pytest.raises(UnsupportedError, match=name):
        store.update("a.bin", **{name: {"x": "y"} if name == "metadata" else OTHER_SAMPLES[name]})
    assert [] == [op for op, _ in poor.calls]
