"""Downloads to a file: large assets come by several ranges at a time, and the file is whole and verified, or not there."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
import pytest
from r2_stand_in import PART, Forward, Reply, Request, Script, StandIn, backend_on, put, stand_in

from assetstore import AssetStore, IntegrityError, NotFoundError, PreconditionError

BIG = bytes(range(256)) * (3 * PART // 256) + b"end"


@contextmanager
def store_behind(server: Any, script: Script | None = None, **settings: Any) -> Iterator[tuple[AssetStore, StandIn]]:
    """Give a store on a server behind a stand-in, and the stand-in."""
    with stand_in(server.endpoint_url, script) as proxy, AssetStore(backend_on(server, proxy.url, **settings)) as store:
        yield store, proxy


def ranges(proxy: StandIn) -> list[str | None]:
    """Return the ranges of all GETs."""
    return sorted(sent.headers.get("range", "") for sent in proxy.requests if sent.method == "GET")


@pytest.mark.parametrize("engine", ["wire", "boto3"])
def test_a_large_asset_comes_by_ranges(seaweedfs: Any, unique_prefix: str, tmp_path: Path, engine: str) -> None:
    """Each range is asked for once; the file has all bytes, and progress counts each once."""
    with store_behind(seaweedfs, engine=engine) as (store, proxy):
        info = store.upload(BIG, key := f"{unique_prefix}a")
        counts: list[int] = []
        assert info.size == store.download(key, tmp_path / "a", progress=counts.append).size
        edges = [0, PART, 2 * PART, 3 * PART]
        assert sorted(f"bytes={first}-{min(first + PART, len(BIG)) - 1}" for first in edges[1:]) == ranges(proxy)[1:]
        assert f"bytes=0-{PART - 1}" == ranges(proxy)[0]
    assert BIG == (tmp_path / "a").read_bytes()
    assert len(BIG) == sum(counts)


@pytest.mark.parametrize("data", [b"", b"x", b"x" * PART], ids=len)
def test_a_small_asset_takes_one_read(seaweedfs: Any, unique_prefix: str, tmp_path: Path, data: bytes) -> None:
    """An asset that fits into a part is read by one request."""
    with store_behind(seaweedfs) as (store, proxy):
        store.upload(data, key := f"{unique_prefix}a")
        store.download(key, tmp_path / "a")
        assert 1 == len(ranges(proxy))
    assert data == (tmp_path / "a").read_bytes()


def test_a_damaged_range_leaves_no_file(seaweedfs: Any, unique_prefix: str, tmp_path: Path) -> None:
    """One wrong byte in a later range is found by the digest of the whole."""

    def damage(request: Request, forward: Forward) -> Reply:
        reply = forward()
        if request.headers.get("range", "").startswith(f"bytes={PART}-"):
            return attrs.evolve(reply, body=b"!" + reply.body[1:])
        return reply

    with store_behind(seaweedfs, damage) as (store, _):
        store.upload(BIG, key := f"{unique_prefix}a")
        with pytest.raises(IntegrityError, match="sha256"):
            store.download(key, tmp_path / "a")
    assert [] == list(tmp_path.iterdir())


def test_two_versions_are_not_mixed(seaweedfs: Any, unique_prefix: str, tmp_path: Path) -> None:
    """An asset that is replaced between two ranges is refused, and an older file stays."""
    key = f"{unique_prefix}a"
    other = backend_on(seaweedfs)
    (tmp_path / "a").write_bytes(b"older")

    def replace(request: Request, forward: Forward) -> Reply:
        reply = forward()
        if request.headers.get("range") == f"bytes=0-{PART - 1}":
            put(other, key, BIG[::-1])
        return reply

    with store_behind(seaweedfs, replace) as (store, _):
        store.upload(BIG, key)
        with pytest.raises(PreconditionError):
            store.download(key, tmp_path / "a")
    other.assetstore_close()
    assert b"older" == (tmp_path / "a").read_bytes()


def test_an_interrupted_download_ends_at_once(seaweedfs: Any, unique_prefix: str, tmp_path: Path) -> None:
    """Ctrl-C while ranges are on their way cancels them: no file, no thread, and the store can be used again."""
    held = threading.Event()

    def hold(request: Request, forward: Forward) -> Reply:
        if request.headers.get("range", "").startswith(f"bytes={2 * PART}-"):
            held.wait()
        return forward()

    def interrupt(_: int) -> None:
        if len(calls) > PART // (1 << 20):
            raise KeyboardInterrupt
        calls.append(1)

    calls: list[int] = []
    before = {thread for thread in threading.enumerate() if thread.name.startswith("assetstore-part")}
    with store_behind(seaweedfs, hold) as (store, _):
        store.upload(BIG, key := f"{unique_prefix}a")
        with pytest.raises(KeyboardInterrupt):
            store.download(key, tmp_path / "a", progress=interrupt)
        held.set()
        assert [] == list(tmp_path.iterdir())
        started = {thread for thread in threading.enumerate() if thread.name.startswith("assetstore-part")} - before
        for thread in started:
            thread.join(600)  # one that has let go of its request has still to end
        assert [] == [thread for thread in started if thread.is_alive()]
        assert len(BIG) == store.download(key, tmp_path / "a").size


def test_a_part_that_outlives_its_download_writes_to_no_other_file(
    seaweedfs: Any, unique_prefix: str, tmp_path: Path
) -> None:
    """After Ctrl-C the files that are opened next are safe from a thread that could not be stopped in time."""
    held = threading.Event()

    def progress(_: int) -> None:
        part = threading.current_thread()
        if part is threading.main_thread():
            return
        if part not in parts:
            parts.append(part)
            if len(parts) == 1:
                signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
                held.wait()

    parts: list[threading.Thread] = []
    with store_behind(seaweedfs, max_concurrency=1) as (store, _):
        store.upload(BIG, key := f"{unique_prefix}a")
        with pytest.raises(KeyboardInterrupt):
            store.download(key, tmp_path / "a", progress=progress)
        others = [(tmp_path / str(number)).open("w+b") for number in range(16)]
        held.set()
        parts[0].join()
        for other in others:
            other.close()
    assert [0] * 16 == [other.stat().st_size for other in tmp_path.iterdir()]


def test_a_missing_asset_makes_no_file(seaweedfs: Any, unique_prefix: str, tmp_path: Path) -> None:
    """The error names the key."""
    with store_behind(seaweedfs) as (store, _), pytest.raises(NotFoundError, match=f"{unique_prefix}a"):
        store.download(f"{unique_prefix}a", tmp_path / "a")
    assert [] == list(tmp_path.iterdir())
