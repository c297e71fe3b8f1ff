"""Uploads and copies in parts: exact bytes, equal sizes, nothing left behind."""

from __future__ import annotations

import hashlib
import io
import itertools
import random
import re
import signal
import threading
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from r2_stand_in import PART, Forward, Reply, Request, backend_at, backend_on, error_reply, get, opened, put, stand_in

from assetstore import (
    AlreadyExistsError,
    AssetInfo,
    AssetStore,
    BackendError,
    NotFoundError,
    PreconditionError,
    SourceError,
    UnavailableError,
)
from assetstore.limits import MAX_ASSET, MAX_PART, MAX_PARTS
from assetstore.plugin import CopyOptions, ListOptions, Source, StatOptions, UploadOptions
from assetstore_r2.copy import copy
from assetstore_r2.multipart_write import Part, part_size_for, send_parts
from score.zeros import zeros

MIB = 1 << 20


@pytest.fixture(params=["seaweedfs", "emulator"])
def server(request: pytest.FixtureRequest) -> Any:
    """Give each of the two servers."""
    return request.getfixturevalue(request.param)


def some(size: int) -> bytes:
    """Return bytes whose parts all differ."""
    return random.Random(size).randbytes(size)


def pieces_of(data: bytes, length: int) -> Iterator[bytes]:
    """Yield data as a stream of unknown length would."""
    view = io.BytesIO(data)
    yield from iter(lambda: view.read(length), b"")


@given(st.integers(0, MAX_ASSET), st.integers(5 * MIB, 5 << 30))
def test_parts_are_as_small_as_asked_and_never_too_many(size: int, smallest: int) -> None:
    """No upload has more than 10,000 parts, none is above R2's limit, and parts grow only when they must."""
    part_size = part_size_for(size, smallest)
    assert -(-size // part_size) <= MAX_PARTS
    assert smallest <= part_size
    assert part_size == smallest or (size > smallest * MAX_PARTS and part_size % MIB == 0 and part_size < MAX_PART)


def test_a_part_of_a_pipe_is_in_memory_only_until_it_is_sent() -> None:
    """Beside the parts that are sent there is one that is read, which its pieces double for a moment."""
    with zeros() as url:
        backend = backend_at(url, part_size=PART, max_concurrency=1)
        pieces = (bytes(1 << 16) for _ in range(10 * PART >> 16))
        tracemalloc.start()
        try:
            put(backend, "a", pieces)
            most = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert most < 4 * PART


@pytest.mark.parametrize("size", [0, 1, PART - 1, PART, PART + 1, 2 * PART, 2 * PART + 1])
def test_sizes_around_a_part_are_stored_exactly(server: Any, size: int, unique_prefix: str) -> None:
    """Sources of known and unknown length come back whole: one request up to a part, equal parts beyond."""
    data, key = some(size), f"{unique_prefix}a"
    with stand_in(server.endpoint_url) as proxy:
        backend = backend_on(server, proxy.url)
        for what in (data, pieces_of(data, 1 << 20)):
            proxy.requests.clear()
            info = put(backend, key, what)
            sent = [(number, len(request.body)) for request in proxy.requests if (number := part_number(request.path))]
            assert (size, info.size) == (info.size, len(get(backend, key)))
            assert data == get(backend, key)
            parts = [(n + 1, min(PART, size - n * PART)) for n in range(-(-size // PART))] if size > PART else []
            assert parts == sorted(sent)
        backend.assetstore_close()


def part_number(path: str) -> int:
    """Return the number of the part that a request carries, or 0."""
    found = re.search(r"partNumber=(\d+)", path)
    return int(found[1]) if found else 0


def test_a_large_asset_keeps_its_sha256_out_of_sight(server: Any, unique_prefix: str, tmp_path: Path) -> None:
    """A rewindable source stores its digest, which verifies whole reads; users do not see our metadata."""
    data, key = some(PART + 1), f"{unique_prefix}a"
    (tmp_path / "a").write_bytes(data)
    backend = backend_on(server)
    written = put(backend, key, tmp_path / "a", metadata={"by": "gm"})
    info = backend.assetstore_stat(key=key, options=StatOptions())
    backend.assetstore_close()
    assert info is not None
    assert [f"sha256:{hashlib.sha256(data).hexdigest()}"] * 2 == [written.digest, info.digest]
    assert {"by": "gm"} == dict(info.metadata or {})


def test_a_failing_part_aborts_the_upload_and_leaves_the_old_asset(server: Any, unique_prefix: str) -> None:
    """The error of the part is raised, the parts are dropped, and the old bytes stay."""
    key = f"{unique_prefix}a"
    with stand_in(server.endpoint_url) as proxy:
        backend = backend_on(server, proxy.url)
        put(backend, key, b"old")
        proxy.script = lambda request, forward: (
            error_reply(400, "InvalidDigest") if part_number(request.path) == 2 else forward()
        )
        with pytest.raises(BackendError, match="digest"):
            put(backend, key, some(3 * PART))
        (abort,) = [request for request in proxy.requests if request.method == "DELETE"]
        assert "uploadId=" in abort.path
        assert b"old" == get(backend, key)
        backend.assetstore_close()


def test_a_failing_abort_hides_no_error() -> None:
    """The part's error is raised although the abort fails too."""
    with stand_in() as server:
        created = b"<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>"

        def script(request: Any, forward: Any) -> Any:
            if request.method == "POST":
                return Reply(200, {"content-type": "application/xml"}, created)
            return error_reply(403, "AccessDenied") if request.method == "DELETE" else error_reply(400, "BadDigest")

        server.script = script
        backend = backend_at(server.url, max_attempts=1)
        with pytest.raises(Exception, match="damaged"):
            put(backend, "a", some(PART + 1))
        backend.assetstore_close()


def test_a_source_that_raises_leaves_nothing(server: Any, unique_prefix: str) -> None:
    """The source's exception is raised, and no asset appears."""

    def broken() -> Iterator[bytes]:
        yield some(2 * PART)
        raise RuntimeError("the camera fell")

    backend = backend_on(server)
    with pytest.raises(RuntimeError, match="camera"):
        put(backend, f"{unique_prefix}a", broken())
    with pytest.raises(NotFoundError):
        backend.assetstore_stat(key=f"{unique_prefix}a", options=StatOptions())
    page = backend.assetstore_list(prefix=unique_prefix, options=ListOptions())
    backend.assetstore_close()
    assert page is not None
    assert () == page.items


@pytest.mark.parametrize("size", [3, PART + 3])
@pytest.mark.parametrize("known", [True, False])
def test_a_slow_source_takes_no_time_of_the_operation(
    seaweedfs: Any, unique_prefix: str, size: int, known: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long a source takes to be read, and all parts together, the requests keep their own time."""
    real, passed = time.monotonic, [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: real() + passed[0])

    class Slow(io.BytesIO):
        def read(self, count: int | None = -1, /) -> bytes:
            if not self.tell():  # later, another thread sends a part, whose own time would seem to be over
                passed[0] += 3600
            return super().read(count)

    data = Slow(some(size))
    backend = backend_on(seaweedfs, timeout=600)
    put(backend, key := f"{unique_prefix}a", data if known else iter(lambda: data.read(MIB), b""))
    assert some(size) == get(backend, key)
    backend.assetstore_close()


def test_an_endless_source_ends_with_an_error() -> None:
    """After 10,000 parts a source of unknown length is refused, and no more is read."""

    class Client:
        aborted = 0

        def create_multipart_upload(self, **_: object) -> dict[str, str]:
            return {"UploadId": "u"}

        def abort_multipart_upload(self, **_: object) -> None:
            self.aborted += 1

    client = Client()
    bucket = attrs.evolve(backend_at("http://127.0.0.1:1")._opened.get(), s3=client)
    numbers = iter(range(20_000))
    with pytest.raises(SourceError, match="10000 parts"):
        send_parts(
            bucket,
            "a",
            numbers,
            lambda upload_id, number, piece: Part(number=number, etag="x", md5=None),
            workers=4,
            params={},
            conditions={},
            write="w",
        )
    assert (1, 10_001) == (client.aborted, next(numbers))


def test_what_is_too_large_is_refused_before_the_first_byte() -> None:
    """A source above R2's limit sends nothing."""
    source = Source(b"x")
    source.size = MAX_ASSET + 1
    with stand_in() as server:
        backend = backend_at(server.url)
        with pytest.raises(SourceError, match="at most"):
            backend.assetstore_upload(key="a", source=source, options=UploadOptions())
        assert [] == server.requests


def test_a_large_create_only_upload_is_refused_early_and_late(server: Any, unique_prefix: str) -> None:
    """A taken key is refused before any part is sent, and the request that joins the parts still carries the condition."""
    with stand_in(server.endpoint_url) as proxy:
        backend = backend_on(server, proxy.url)
        put(backend, f"{unique_prefix}a", some(PART + 1), overwrite=False)
        joined = [sent for sent in proxy.requests if sent.method == "POST"][-1]
        assert "*" == joined.headers["if-none-match"]
        proxy.requests.clear()
        with pytest.raises(AlreadyExistsError):
            put(backend, f"{unique_prefix}a", some(PART + 1), overwrite=False)
        with pytest.raises(PreconditionError):
            put(backend, f"{unique_prefix}a", some(PART + 1), if_match="0" * 32)
        with pytest.raises(PreconditionError):
            put(backend, f"{unique_prefix}none", some(PART + 1), if_match="0" * 32)
        assert {"HEAD"} == {request.method for request in proxy.requests}
        backend.assetstore_close()


def test_the_condition_on_the_last_request_decides(seaweedfs: Any, unique_prefix: str) -> None:
    """Another writer who comes first while parts are sent wins; the upload ends with AlreadyExistsError."""
    key = f"{unique_prefix}a"
    other = backend_on(seaweedfs)

    def script(request: Any, forward: Any) -> Any:
        if part_number(request.path) == 1:
            put(other, key, b"first")
        return forward()

    with stand_in(seaweedfs.endpoint_url, script) as proxy:
        backend = backend_on(seaweedfs, proxy.url)
        with pytest.raises(AlreadyExistsError):
            put(backend, key, some(PART + 1), overwrite=False)
        assert b"first" == get(backend, key)
        backend.assetstore_close()
    other.assetstore_close()


def test_a_copy_above_the_limit_goes_in_parts(server: Any, unique_prefix: str) -> None:
    """A copy that is too large for one request keeps bytes, headers and digest."""
    data = some(2 * PART + 1)
    backend = backend_on(server)
    put(backend, f"{unique_prefix}a", data, content_type="image/png", metadata={"by": "Müller"})
    bucket = attrs.evolve(backend._opened.get(), copy_limit=PART)
    copied = copy(bucket, f"{unique_prefix}a", f"{unique_prefix}b", CopyOptions(cache_control="no-store"))
    stored = backend.assetstore_stat(key=f"{unique_prefix}b", options=StatOptions())
    assert isinstance(stored, AssetInfo)
    assert attrs.evolve(stored, last_modified=None) == copied
    assert ("image/png", "no-store", {"by": "Müller"}) == (
        stored.content_type,
        stored.cache_control,
        dict(stored.metadata or {}),
    )
    assert data == get(backend, f"{unique_prefix}b")
    backend.assetstore_close()


def test_a_copy_in_parts_notices_a_replaced_source(seaweedfs: Any, unique_prefix: str) -> None:
    """Two versions are never mixed."""
    other = backend_on(seaweedfs)
    put(other, f"{unique_prefix}a", some(2 * PART))

    def script(request: Any, forward: Any) -> Any:
        answer = forward()
        if part_number(request.path) == 1:
            put(other, f"{unique_prefix}a", some(2 * PART + next(replaced)))
        return answer

    replaced = itertools.count(1)
    with stand_in(seaweedfs.endpoint_url, script) as proxy:
        bucket = attrs.evolve(backend_on(seaweedfs, proxy.url)._opened.get(), copy_limit=PART)
        with pytest.raises(UnavailableError, match="replaced"):
            copy(bucket, f"{unique_prefix}a", f"{unique_prefix}b", CopyOptions())
        bucket.client.close()
    with pytest.raises(NotFoundError):
        opened(other, f"{unique_prefix}b")
    other.assetstore_close()


@pytest.mark.parametrize("moment", ["uploads", "partNumber"])
def test_a_closed_call_about_many_assets_leaves_no_upload(seaweedfs: Any, unique_prefix: str, moment: str) -> None:
    """What undoes an upload goes on when the call ends; an upload whose id is still on its way is aborted too."""
    reached, closing = threading.Event(), threading.Event()

    def script(request: Request, forward: Forward) -> Reply:
        reply = forward()
        if moment in request.path and request.method != "DELETE":
            reached.set()
            closing.wait()
        return reply

    def close() -> None:
        reached.wait()
        closing.set()
        results.close()

    with stand_in(seaweedfs.endpoint_url, script) as served:
        store = AssetStore(backend_on(seaweedfs, served.url))
        results = store.upload_many([(some(2 * PART + 1), f"{unique_prefix}{number}") for number in range(3)])
        closer = threading.Thread(target=close)
        closer.start()
        assert [] == list(results)
        closer.join()
    with seaweedfs.client() as client:
        assert [] == client.list_multipart_uploads(Bucket=seaweedfs.bucket, Prefix=unique_prefix).get("Uploads", [])


@pytest.mark.parametrize("engine", ["wire", "boto3"])
def test_ctrl_c_while_an_upload_begins_aborts_it(seaweedfs: Any, unique_prefix: str, engine: str) -> None:
    """Nobody else knows the id that is on its way."""

    def script(request: Request, forward: Forward) -> Reply:
        reply = forward()
        if "uploads" in request.path:
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        return reply

    with stand_in(seaweedfs.endpoint_url, script) as served:
        backend = backend_on(seaweedfs, served.url, engine=engine)
        with pytest.raises(KeyboardInterrupt):
            put(backend, f"{unique_prefix}a", some(2 * PART + 1))
        assert ["DELETE"] == [request.method for request in served.requests if "uploadId" in request.path]
    with seaweedfs.client() as client:
        assert [] == client.list_multipart_uploads(Bucket=seaweedfs.bucket, Prefix=unique_prefix).get("Uploads", [])
