"""Retries, batches and checks with busy, odd or wrong servers; threads and forks."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from r2_stand_in import (
    KEYS,
    SETTINGS,
    Forward,
    Reply,
    Request,
    Script,
    backend_at,
    backend_on,
    error_reply,
    get,
    put,
    stand_in,
)

from assetstore import (
    AccessDeniedError,
    AssetStore,
    InvalidKeyError,
    InvalidOptionError,
    PreconditionError,
    StoreNotFoundError,
    UnavailableError,
    UnsupportedError,
)
from assetstore.plugin import (
    BeginPartsOptions,
    CheckOptions,
    CopyOptions,
    DeleteOptions,
    ListOptions,
    StatOptions,
)
from assetstore_r2 import R2Backend, S3Backend

STORED = Reply(200, {"etag": '"900150983cd24fb0d6963f7d28e17f72"'})


@pytest.fixture(autouse=True, params=["wire", "boto3"])
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Open every backend of a test with each of the engines in turn."""
    monkeypatch.setitem(SETTINGS, "engine", request.param)


def first(*replies: Reply, then: Reply = STORED) -> Script:
    """Return a script that sends these replies, then repeats the last."""
    left: Iterator[Reply] = iter(replies)
    return lambda request, forward: next(left, then)


@pytest.mark.parametrize(
    "reply",
    [
        error_reply(429, "TooManyRequests"),
        error_reply(429, "TooManyRequests", headers={"retry-after": "1"}),
        error_reply(503, "ServiceUnavailable", headers={"retry-after": "1"}),
        error_reply(400, "RequestTimeout"),
        error_reply(409, "ConditionalRequestConflict"),
        error_reply(400, "IncompleteBody"),
        error_reply(400, "ClientDisconnect"),
        Reply(429),
    ],
    ids=lambda reply: f"{reply.status}",
)
def test_what_may_pass_is_tried_again(reply: Reply) -> None:
    """Each temporary error of R2 is retried with the same bytes."""
    with stand_in(script=first(reply)) as server:
        backend = backend_at(server.url)
        assert 3 == put(backend, "a", b"abc").size
        backend.assetstore_close()
        assert [b"abc", b"abc"] == [request.body for request in server.requests]


@pytest.mark.parametrize("status", [429, 503])
def test_a_long_retry_after_is_left_to_the_caller(status: int) -> None:
    """A Retry-After longer than a call may wait is raised at once, with the seconds."""
    reply = error_reply(status, "TooManyRequests", headers={"retry-after": "120"})
    with stand_in(script=lambda request, forward: reply) as server:
        backend = backend_at(server.url)
        with pytest.raises(UnavailableError) as caught:
            put(backend, "a", b"abc")
        backend.assetstore_close()
        assert (120.0, 1) == (caught.value.retry_after, len(server.requests))


def test_attempts_are_bounded() -> None:
    """A store that stays busy is tried as often as configured."""
    with stand_in(script=lambda request, forward: error_reply(429, "TooManyRequests")) as server:
        backend = backend_at(server.url, max_attempts=2)
        with pytest.raises(UnavailableError):
            get(backend, "a")
        backend.assetstore_close()
        assert 2 == len(server.requests)


@pytest.mark.parametrize("status", [401, 403, 404, 412, 501])
def test_what_cannot_pass_is_not_tried_again(status: int) -> None:
    """A refusal is final at once."""
    with stand_in(script=lambda request, forward: Reply(status)) as server:
        backend = backend_at(server.url)
        with pytest.raises(Exception, match=r".") as caught:
            get(backend, "a")
        backend.assetstore_close()
        assert not isinstance(caught.value, UnavailableError)
        assert 1 == len(server.requests)


def test_each_key_of_a_batch_has_its_own_error() -> None:
    """Errors inside a 200 response are reported for their keys; an unnamed key is looked for, and is not a success."""
    answer = (
        b"<DeleteResult><Deleted><Key>a</Key></Deleted>"
        b"<Error><Key>b</Key><Code>AccessDenied</Code><Message>no</Message></Error></DeleteResult>"
    )
    with stand_in(script=lambda request, forward: Reply(200, {"content-type": "application/xml"}, answer)) as server:
        backend = backend_at(server.url, max_attempts=1)
        report = backend.assetstore_delete(keys=["a", "b", "c"], options=DeleteOptions())
        backend.assetstore_close()
    assert report is not None
    assert (("a",), ["b", "c"]) == (report.deleted, [failure.key for failure in report.failed])
    assert isinstance(report.failed[0].error, AccessDeniedError)


def test_a_service_without_batches_gets_single_deletes() -> None:
    """If DeleteObjects is missing or requires another digest, each key is deleted on its own."""

    def script(request: Request, forward: Forward) -> Reply:
        return error_reply(400, "MissingContentMD5") if request.method == "POST" else Reply(204)

    with stand_in(script=script) as server:
        backend = backend_at(server.url)
        report = backend.assetstore_delete(keys=["a", "b"], options=DeleteOptions())
        backend.assetstore_close()
        assert ["POST", "DELETE", "DELETE"] == [request.method for request in server.requests]
    assert report is not None
    assert ("a", "b") == report.deleted


def test_foreign_keys_are_deleted_as_they_are_listed(seaweedfs: Any, unique_prefix: str) -> None:
    """A key with a control character is listed as invalid and can be deleted."""
    backend = backend_on(seaweedfs)
    client = backend._opened.get().client
    keys = [f"{unique_prefix}a\x01b", f"{unique_prefix}a\nb", f"{unique_prefix}fine"]
    for key in keys:
        client.put_object(Bucket=seaweedfs.bucket, Key=key, Body=b"x")
    page = backend.assetstore_list(prefix=unique_prefix, options=ListOptions())
    assert page is not None
    assert [(key, key.endswith("fine")) for key in keys] == [(item.key, item.valid) for item in page.items]
    report = backend.assetstore_delete(keys=keys, options=DeleteOptions(foreign=True))
    page = backend.assetstore_list(prefix=unique_prefix, options=ListOptions())
    backend.assetstore_close()
    assert report is not None
    assert page is not None
    assert (set(keys), ()) == (set(report.deleted), page.items)


@pytest.mark.parametrize("kind", [S3Backend, R2Backend])
def test_an_update_with_a_condition_is_refused_unsent(kind: type[S3Backend]) -> None:
    """Its ETag outlives an update, so every rival would win: nothing is sent, and the error says what is guarded instead."""
    with stand_in() as server, AssetStore(kind(bucket="assets", endpoint_url=server.url, **KEYS, **SETTINGS)) as store:
        with pytest.raises(UnsupportedError, match="bytes: upload with if_match"):
            store.update("a", metadata={"by": "gm"}, if_match="0" * 32)
        assert ([], False, True) == (server.requests, store.can("update.if_match"), store.can("upload.if_match"))


def test_a_copy_of_another_version_is_refused(seaweedfs: Any, unique_prefix: str) -> None:
    """The source's ETag is compared by the store; without if_match a source that is replaced each time may be retried."""
    backend = backend_on(seaweedfs)
    put(backend, f"{unique_prefix}a", b"abc")
    with pytest.raises(PreconditionError):
        backend.assetstore_copy(
            source=f"{unique_prefix}a", destination=f"{unique_prefix}b", options=CopyOptions(if_match="0")
        )

    def script(request: Request, forward: Forward) -> Reply:
        if "x-amz-copy-source" in request.headers:
            put(backend, f"{unique_prefix}a", b"abc%d" % len(proxy.requests))
        return forward()

    with stand_in(seaweedfs.endpoint_url, script) as proxy:
        copying = backend_on(seaweedfs, proxy.url)
        with pytest.raises(UnavailableError, match="replaced"):
            copying.assetstore_copy(source=f"{unique_prefix}a", destination=f"{unique_prefix}b", options=CopyOptions())
        copying.assetstore_close()
    backend.assetstore_close()


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        (
            lambda request, forward: error_reply(403, "AccessDenied"),
            [("credentials", True), ("endpoint", True), ("bucket", False), ("clock", True)],
        ),
        (lambda request, forward: None, [("credentials", True), ("endpoint", False)]),
        (
            lambda request, forward: Reply(
                200,
                {"date": "Sun, 22 Nov 2015 19:53:47 GMT"},
                b"<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>",
            ),
            [("credentials", True), ("endpoint", True), ("bucket", True), ("clock", False)],
        ),
    ],
    ids=["denied", "broken", "skewed"],
)
def test_a_check_reports_step_by_step(script: Script, expected: list[tuple[str, bool]]) -> None:
    """Nothing is raised; each failure has a hint, and no step a secret."""
    with stand_in(script=script) as server:
        backend = backend_at(server.url, max_attempts=1)
        report = backend.assetstore_check(options=CheckOptions())
        backend.assetstore_close()
    assert report is not None
    assert expected == [(step.name, step.ok) for step in report.steps]
    assert all(step.ok or step.hint for step in report.steps)
    assert str(backend.secret_key) not in str(report)


def test_a_check_of_a_real_server_is_content(seaweedfs: Any, emulator: Any) -> None:
    """Both servers pass every step."""
    for server in (seaweedfs, emulator):
        backend = backend_on(server)
        report = backend.assetstore_check(options=CheckOptions())
        backend.assetstore_close()
        assert report is not None
        assert [] == [step for step in report.steps if not step.ok]


def test_a_store_without_a_clock_is_not_called_right(emulator: Any) -> None:
    """Cloudflare's emulator sends no Date; the step says that nothing was compared."""
    backend = backend_on(emulator)
    report = backend.assetstore_check(options=CheckOptions())
    backend.assetstore_close()
    assert report is not None
    assert "not compared: the store sends no Date" == report.steps[-1].detail


@pytest.mark.parametrize("name", ["seaweedfs", "emulator"])
def test_a_mistyped_bucket_is_named_and_not_made(name: str, request: pytest.FixtureRequest) -> None:
    """Looking, listing and the check all say that there is no such bucket, and none of them creates it."""
    server = request.getfixturevalue(name)
    backend = backend_on(server, bucket=f"{server.bucket}-missing")
    with pytest.raises(StoreNotFoundError):
        backend.assetstore_stat(key="a", options=StatOptions())
    report = backend.assetstore_check(options=CheckOptions())
    assert report is not None
    assert ("bucket", False) in [(step.name, step.ok) for step in report.steps]
    with pytest.raises(StoreNotFoundError):
        backend.assetstore_list(prefix="", options=ListOptions())
    backend.assetstore_close()


@pytest.mark.parametrize("name", ["seaweedfs", "emulator"])
def test_a_condition_on_a_missing_asset_says_that_it_is_missing(
    name: str, request: pytest.FixtureRequest, unique_prefix: str
) -> None:
    """Servers answer 412 as if another version were stored; a look tells."""
    backend = backend_on(request.getfixturevalue(name))
    with pytest.raises(PreconditionError, match="there is no asset"):
        put(backend, f"{unique_prefix}a", b"abc", if_match="0" * 32)
    put(backend, f"{unique_prefix}a", b"abc")
    with pytest.raises(PreconditionError, match="stored version"):
        put(backend, f"{unique_prefix}a", b"abc", if_match="0" * 32)
    backend.assetstore_close()


def test_a_key_that_the_server_can_never_store_is_named(seaweedfs: Any, unique_prefix: str) -> None:
    """A folder beside an asset of its name is refused for good, not because of another write."""
    backend = backend_on(seaweedfs)
    put(backend, f"{unique_prefix}k", b"abc")
    with pytest.raises(InvalidKeyError, match="folders"):
        put(backend, f"{unique_prefix}k/", b"abc")
    backend.assetstore_close()


def test_more_metadata_than_r2_takes_is_refused_before_anything_is_sent() -> None:
    """By R2's own count, with assetstore's marks; other services say themselves what they take."""
    fitting, larger = {"name": "v" * 8059}, {"name": "v" * 8060}
    with stand_in(script=lambda request, forward: STORED) as server:
        backend = backend_at(server.url)
        put(backend, "a", b"abc", metadata=fitting)
        sent = len(server.requests)
        for refused in (larger, {"name": "\u65e5" * 4030}):
            with pytest.raises(InvalidOptionError, match="metadata"):
                put(backend, "a", b"abc", metadata=refused)
            with pytest.raises(InvalidOptionError, match="metadata"):
                backend.assetstore_copy(source="a", destination="b", options=CopyOptions(metadata=refused))
            with pytest.raises(InvalidOptionError, match="metadata"):
                backend.assetstore_begin_parts(key="a", options=BeginPartsOptions(metadata=refused))
        backend.assetstore_close()
        assert sent == len(server.requests)


def test_64_threads_share_one_client(seaweedfs: Any, unique_prefix: str, caplog: pytest.LogCaptureFixture) -> None:
    """Simultaneous first calls make one client; all bytes are right, and the pool does not overflow."""
    backend = backend_on(seaweedfs)
    barrier = threading.Barrier(64)
    clients = set()

    def work(number: int) -> bytes:
        barrier.wait()
        clients.add(id(backend._opened.get()))
        put(backend, f"{unique_prefix}{number}", b"%d" % number)
        return get(backend, f"{unique_prefix}{number}")

    with ThreadPoolExecutor(64) as pool:
        assert [b"%d" % number for number in range(64)] == list(pool.map(work, range(64)))
    backend.assetstore_close()
    assert 1 == len(clients)
    assert [] == [record.message for record in caplog.records if "pool is full" in record.message]


def test_a_fork_makes_a_client_of_its_own(seaweedfs: Any, unique_prefix: str) -> None:
    """The child shares no connection with its parent, and both go on."""
    backend = backend_on(seaweedfs)
    put(backend, f"{unique_prefix}a", b"parent")
    mine = backend._opened.get()
    child = os.fork()
    if child == 0:
        os._exit(child_exit_code(backend, f"{unique_prefix}a", mine))
    _, status = os.waitpid(child, 0)
    assert 0 == os.waitstatus_to_exitcode(status)
    assert b"child" == get(backend, f"{unique_prefix}a")
    assert mine is backend._opened.get()
    backend.assetstore_close()


def child_exit_code(backend: S3Backend, key: str, parents: object) -> int:
    """Return 0 when a forked child can read and write by a client of its own."""
    try:
        if get(backend, key) != b"parent" or backend._opened.get() is parents:
            return 1
        put(backend, key, b"child")
    except Exception:
        return 2
    return 0


def test_a_closed_backend_opens_again(seaweedfs: Any, unique_prefix: str) -> None:
    """Closing twice, or before the first request, is not an error."""
    backend = backend_on(seaweedfs)
    backend.assetstore_close()
    put(backend, f"{unique_prefix}a", b"abc")
    backend.assetstore_close()
    backend.assetstore_close()
