"""A write whose response is lost succeeds, fails, or reports that its outcome is unknown."""

from __future__ import annotations

import threading
from typing import Any

import attrs
import pytest
from r2_stand_in import (
    PART,
    SETTINGS,
    Forward,
    Reply,
    Request,
    Script,
    aged,
    backend_at,
    backend_on,
    error_reply,
    get,
    put,
    stand_in,
)

from assetstore import (
    AlreadyExistsError,
    AssetStoreError,
    NotFoundError,
    PreconditionError,
    UnavailableError,
    UnknownOutcomeError,
)
from assetstore.plugin import CopyOptions, DeleteOptions, StatOptions


@pytest.fixture(autouse=True, params=["wire", "boto3"])
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Open every backend of a test with each of the engines in turn."""
    monkeypatch.setitem(SETTINGS, "engine", request.param)


def losing(method: str, part_of_path: str, *, count: int = 1) -> Script:
    """Return a script that handles `count` requests but breaks the connection instead of responding."""
    left = iter(range(count))

    def script(request: Request, forward: Forward) -> Reply | None:
        reply = forward()
        if request.method == method and part_of_path in request.path and next(left, None) is not None:
            return None
        return reply

    return script


@pytest.fixture(params=["seaweedfs", "emulator"])
def server(request: pytest.FixtureRequest) -> Any:
    """Give each of the two servers."""
    return request.getfixturevalue(request.param)


def test_our_own_create_only_write_is_no_clash(server: Any, unique_prefix: str) -> None:
    """A look after the lost response finds our mark: success, and nothing is sent again."""
    key = f"{unique_prefix}a"
    with stand_in(server.endpoint_url, losing("PUT", key)) as proxy:
        backend = backend_on(server, proxy.url)
        info = put(backend, key, b"mine", overwrite=False)
        assert ["PUT", "HEAD"] == [request.method for request in proxy.requests]
        stat = backend.assetstore_stat(key=key, options=StatOptions())
        assert stat is not None
        assert (stat.etag, 4) == (info.etag, info.size)
        backend.assetstore_close()


def test_a_compare_and_swap_whose_answer_was_lost_succeeded(server: Any, unique_prefix: str) -> None:
    """Reading back finds our new version."""
    key = f"{unique_prefix}a"
    with stand_in(server.endpoint_url) as proxy:
        backend = backend_on(server, proxy.url)
        etag = put(backend, key, b"old").etag
        proxy.script = losing("PUT", key)
        put(backend, key, b"new", if_match=etag)
        assert b"new" == get(backend, key)
        with pytest.raises(PreconditionError):
            put(backend, key, b"newer", if_match=etag)
        backend.assetstore_close()


@pytest.mark.parametrize(("age", "error"), [(aged, AlreadyExistsError), (lambda reply: reply, UnknownOutcomeError)])
def test_equal_bytes_of_another_are_not_taken_for_ours(
    server: Any, unique_prefix: str, age: Any, error: type[AssetStoreError]
) -> None:
    """A create-only write loses to an older asset; a new one may have replaced ours, so the outcome is unknown."""
    key = f"{unique_prefix}a"
    other = backend_on(server)
    lost = iter(range(1))

    def script(request: Request, forward: Forward) -> Reply | None:
        if request.method == "PUT" and next(lost, None) is not None:
            put(other, key, b"same")
            return None
        return age(forward())

    with stand_in(server.endpoint_url, script) as proxy:
        backend = backend_on(server, proxy.url)
        with pytest.raises(error):
            put(backend, key, b"same", overwrite=False)
        backend.assetstore_close()
    other.assetstore_close()


def test_a_completed_upload_whose_answer_was_lost_succeeded(seaweedfs: Any, unique_prefix: str) -> None:
    """Reading back finds our asset, and nothing is completed twice."""
    data = bytes(PART + 1)
    for overwrite in (True, False):
        key = f"{unique_prefix}{overwrite}"
        with stand_in(seaweedfs.endpoint_url, losing("POST", "uploadId=")) as proxy:
            backend = backend_on(seaweedfs, proxy.url)
            assert len(data) == put(backend, key, data, overwrite=overwrite).size
            assert data == get(backend, key)
            backend.assetstore_close()


def test_a_completed_upload_is_found_behind_no_such_upload(emulator: Any, unique_prefix: str) -> None:
    """When reading back comes too early, R2 responds to the retry with NoSuchUpload, and a second look finds our asset."""
    key, data = f"{unique_prefix}a", bytes(PART + 1)
    lose, missing = losing("POST", "uploadId="), iter([Reply(404)])

    def script(request: Request, forward: Forward) -> Reply | None:
        early = next(missing, None) if request.method == "HEAD" else None
        return early or lose(request, forward)

    with stand_in(emulator.endpoint_url, script) as proxy:
        backend = backend_on(emulator, proxy.url)
        put(backend, key, data)
        assert data == get(backend, key)
        backend.assetstore_close()


def test_a_write_that_answers_500_but_happened_succeeded(seaweedfs: Any, unique_prefix: str) -> None:
    """A gateway loses all responses; the asset is stored with our mark."""
    key = f"{unique_prefix}a"

    def script(request: Request, forward: Forward) -> Reply:
        reply = forward()
        return error_reply(500, "InternalError") if request.method == "PUT" else reply

    with stand_in(seaweedfs.endpoint_url, script) as proxy:
        backend = backend_on(seaweedfs, proxy.url, max_attempts=2)
        assert 3 == put(backend, key, b"abc").size
        backend.assetstore_close()


def test_a_write_that_did_not_happen_raises_its_own_error(seaweedfs: Any, unique_prefix: str) -> None:
    """The connection breaks before the request arrives, each time: unavailable, and nothing is stored."""
    key = f"{unique_prefix}a"
    with stand_in(seaweedfs.endpoint_url) as proxy:
        proxy.script = lambda request, forward: None if request.method == "PUT" else forward()
        backend = backend_on(seaweedfs, proxy.url, max_attempts=2)
        with pytest.raises(UnavailableError):
            put(backend, key, b"abc")
        with pytest.raises(NotFoundError):
            backend.assetstore_stat(key=key, options=StatOptions())
        backend.assetstore_close()


def test_a_write_that_cannot_be_looked_up_has_an_unknown_outcome() -> None:
    """Write and reading back both get no response: neither success nor failure is claimed."""
    with stand_in(script=lambda request, forward: None) as server:
        backend = backend_at(server.url, max_attempts=2)
        with pytest.raises(UnknownOutcomeError, match="reading back"):
            put(backend, "a", b"abc")
        backend.assetstore_close()


def test_a_write_that_took_too_long_is_still_looked_for() -> None:
    """The store never answers the write; when the time is over, a look tells that it happened."""
    ended = threading.Event()
    marks: list[str] = []

    def script(request: Request, forward: Forward) -> Reply:
        if request.method == "PUT":
            marks.append(request.headers["x-amz-meta-assetstore-write"])
            ended.wait(600)
        return Reply(200, {"etag": '"x-1"', "content-length": "3", "x-amz-meta-assetstore-write": marks[0]})

    with stand_in(script=script) as server:
        backend = backend_at(server.url, timeout=3, engine="wire")
        assert 3 == put(backend, "a", b"abc").size
        assert ["PUT", "HEAD"] == [request.method for request in server.requests]
        ended.set()
        backend.assetstore_close()


def test_a_batch_in_doubt_is_settled_key_by_key(seaweedfs: Any, unique_prefix: str) -> None:
    """What is gone is deleted; what is old is deleted again; what may be another client's new asset is left and named."""
    gone, old, new = keys = [f"{unique_prefix}{name}" for name in ("gone", "old", "new")]

    def script(request: Request, forward: Forward) -> Reply | None:
        if request.method == "POST":
            return None
        return aged(forward()) if request.path.endswith("/old") else forward()

    with stand_in(seaweedfs.endpoint_url) as proxy:
        backend = backend_on(seaweedfs, proxy.url)
        put(backend, old, b"x")
        put(backend, new, b"x")
        proxy.script = script
        report = backend.assetstore_delete(keys=keys, options=DeleteOptions())
        assert report is not None
        assert (gone, old) == report.deleted
        assert [(new, UnknownOutcomeError)] == [(failure.key, type(failure.error)) for failure in report.failed]
        assert b"x" == get(backend, new)
        backend.assetstore_close()


@pytest.mark.parametrize("reported", ["", "<Error><Key>{0}</Key><Code>InternalError</Code></Error>"])
def test_a_key_whose_delete_failed_half_way_is_deleted(seaweedfs: Any, unique_prefix: str, reported: str) -> None:
    """A key that the response leaves out, or reports with an internal error, is looked for and deleted on its own."""
    done, left = keys = [f"{unique_prefix}done", f"{unique_prefix}left"]
    answer = f"<DeleteResult><Deleted><Key>{done}</Key></Deleted>{reported.format(left)}</DeleteResult>"

    def script(request: Request, forward: Forward) -> Reply:
        if request.method == "POST":
            return Reply(200, {"content-type": "application/xml"}, answer.encode())
        return aged(forward())

    with stand_in(seaweedfs.endpoint_url) as proxy:
        backend = backend_on(seaweedfs, proxy.url)
        put(backend, left, b"x")
        proxy.script = script
        report = backend.assetstore_delete(keys=keys, options=DeleteOptions())
        assert report is not None
        assert (tuple(keys), ()) == (report.deleted, report.failed)
        assert ["PUT", "POST", "HEAD", "DELETE"] == [request.method for request in proxy.requests]
        backend.assetstore_close()


def test_a_refusal_for_the_rate_is_no_unknown_outcome() -> None:
    """429 and 503 were decided before anything was written: unavailable, without reading back."""
    for status, code in ((429, "TooManyRequests"), (503, "ServiceUnavailable")):
        with stand_in(script=lambda request, forward, a=(status, code): error_reply(*a)) as server:  # type: ignore[misc]  # bound now
            backend = backend_at(server.url, max_attempts=2)
            with pytest.raises(UnavailableError):
                put(backend, "a", b"abc", overwrite=False)
            backend.assetstore_close()
            assert ["PUT", "PUT"] == [request.method for request in server.requests]


def test_a_delete_whose_answer_was_lost_succeeded(server: Any, unique_prefix: str) -> None:
    """Deleting a missing asset is a success."""
    keys = [f"{unique_prefix}a", f"{unique_prefix}b"]
    with stand_in(server.endpoint_url) as proxy:
        backend = backend_on(server, proxy.url)
        for batch in (keys[:1], keys):
            for key in batch:
                put(backend, key, b"x")
            proxy.script = losing("DELETE" if len(batch) == 1 else "POST", "")
            report = backend.assetstore_delete(keys=batch, options=DeleteOptions())
            assert report is not None
            assert (tuple(batch), ()) == (report.deleted, report.failed)
        backend.assetstore_close()


@pytest.mark.parametrize("options", [CopyOptions(), CopyOptions(content_type="image/png")], ids=["plain", "changed"])
def test_a_copy_whose_every_answer_was_lost_succeeded(seaweedfs: Any, unique_prefix: str, options: CopyOptions) -> None:
    """The copy is stored with the requested changes."""
    with stand_in(seaweedfs.endpoint_url) as proxy:
        backend = backend_on(seaweedfs, proxy.url, max_attempts=2)
        put(backend, f"{unique_prefix}a", b"abc", content_type="text/plain")
        proxy.script = losing("PUT", "", count=2)
        info = backend.assetstore_copy(source=f"{unique_prefix}a", destination=f"{unique_prefix}b", options=options)
        stat = backend.assetstore_stat(key=f"{unique_prefix}b", options=StatOptions())
        backend.assetstore_close()
    assert info is not None
    assert stat is not None
    assert attrs.evolve(info, last_modified=None) == attrs.evolve(stat, last_modified=None)
