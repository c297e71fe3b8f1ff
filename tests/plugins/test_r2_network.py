"""R2's plugin on a failing network: each operation ends with the right result or a truthful error of ours.

Every fault of the proxy meets every operation, once and without end. Whatever happens, no wrong byte is handed out, no half
asset is stored, and an error means that nothing was written.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assetstore import (
    AccessDeniedError,
    AlreadyExistsError,
    AssetStore,
    AssetStoreError,
    CredentialsError,
    IntegrityError,
    PreconditionError,
    UnavailableError,
    UnknownOutcomeError,
)
from assetstore_r2.testing import (
    ExpireCredentials,
    FaultProxy,
    FlipBit,
    LoseResponse,
    R2Personality,
    Reset,
    Stall,
    Status,
    Truncate,
)
from score.network_cases import (
    ATTEMPTS,
    BIG,
    FAULTS,
    LASTING,
    OPERATIONS,
    PART,
    SMALL,
    Aged,
    allowed,
    failing,
    store_at,
    stored,
)

ENGINES = ["wire", "boto3"]


@pytest.fixture(scope="module", params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    """Give each of the two engines."""
    return str(request.param)


@pytest.fixture(scope="module")
def proxy(seaweedfs: Any) -> Iterator[FaultProxy]:
    """Give one proxy for the module, whose faults each test sets."""
    with FaultProxy(seaweedfs.endpoint_url) as running:
        yield running


@pytest.fixture(scope="module")
def behind_proxy(seaweedfs: Any, proxy: FaultProxy, engine: str) -> Iterator[AssetStore]:
    """Give one store behind the proxy for the module."""
    with store_at(seaweedfs, proxy.url, engine=engine) as opened:
        yield opened


@pytest.fixture(scope="module")
def impatient(seaweedfs: Any, proxy: FaultProxy, engine: str) -> Iterator[AssetStore]:
    """Give one store behind the proxy that tries twice."""
    with store_at(seaweedfs, proxy.url, max_attempts=2, engine=engine) as opened:
        yield opened


@pytest.fixture
def store(behind_proxy: AssetStore, unique_prefix: str) -> AssetStore:
    """Give the store behind the proxy, in a prefix of the test's own."""
    return behind_proxy.scoped(unique_prefix)


def check(store: AssetStore, proxy: FaultProxy, folder: Path, op: str, fault: str, times: int | None) -> None:
    """Run an operation under a fault; its outcome must be allowed, and true."""
    operation = OPERATIONS[op]
    for key, data in operation.before.items():
        store.upload(data, key)
    outcome: Any = "right"
    struck = attrs.evolve(FAULTS[fault], method=operation.method, target=operation.target, times=times)
    with failing(proxy, struck, Aged()) as made:
        try:
            value = operation.run(store, folder)
        except AssetStoreError as error:
            outcome = type(error)
        else:
            assert operation.value == value
    assert outcome in allowed(op, fault, always=times is None)
    assert outcome == "right" or len(made) <= 10
    if outcome == "right":
        assert operation.after == stored(store)
    elif op.startswith("delete"):  # may be repeated, so both are true
        assert stored(store) in (operation.before, operation.after)
    else:
        assert operation.before == stored(store)
    assert outcome == "right" or [] == list(folder.iterdir())


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("op", OPERATIONS)
def test_a_fault_that_passes_is_survived(store: AssetStore, proxy: FaultProxy, tmp_path: Path, op: str, fault: str) -> None:
    """One request fails in one way: the operation succeeds, or truthfully reports that it did not."""
    check(store, proxy, tmp_path, op, fault, times=1)


@pytest.mark.parametrize("fault", LASTING)
@pytest.mark.parametrize("op", [op for op in OPERATIONS if op not in ("begin", "part", "download")])
def test_a_fault_that_lasts_ends_in_one_of_our_errors(
    impatient: AssetStore, unique_prefix: str, proxy: FaultProxy, tmp_path: Path, op: str, fault: str
) -> None:
    """Each such request fails: after a few attempts the operation truthfully reports its outcome."""
    check(impatient.scoped(unique_prefix), proxy, tmp_path, op, fault, times=None)


@pytest.mark.parametrize("op", ["upload", "create", "part"])
def test_a_bit_flipped_on_the_way_up_is_refused(
    emulator: Any, engine: str, unique_prefix: str, tmp_path: Path, op: str
) -> None:
    """The digest of each body is signed or sent, so R2 refuses the damaged one and the asset stays as it was."""
    operation = OPERATIONS[op]
    with (
        FaultProxy(emulator.endpoint_url) as proxy,
        store_at(emulator, proxy.url, unique_prefix, engine=engine) as store,
    ):
        for key, data in operation.before.items():
            store.upload(data, key)
        for seed in range(3):
            flip = FlipBit(direction="request", method="PUT", target=operation.target, bit=100_003 * seed)
            with failing(proxy, flip), pytest.raises(IntegrityError):
                operation.run(store, tmp_path)
            assert operation.before == stored(store)


@settings(max_examples=25, suppress_health_check=list(HealthCheck))
@given(bit=st.integers(0, 8 * len(SMALL) - 1))
def test_a_flipped_bit_is_never_read(store: AssetStore, proxy: FaultProxy, tmp_path: Path, bit: int) -> None:
    """The reader detects any flipped bit of a whole asset, and no file appears."""
    store.upload(SMALL, "a")
    flip = FlipBit(method="GET", bit=bit, times=None)
    with failing(proxy, flip), pytest.raises(IntegrityError):
        store.read("a")
    with failing(proxy, flip), pytest.raises(IntegrityError):
        store.download("a", tmp_path / "a")
    assert [] == list(tmp_path.iterdir())


def test_a_flipped_bit_of_an_asset_in_parts_is_never_read(store: AssetStore, proxy: FaultProxy) -> None:
    """Its ETag is not an MD5, but its metadata contains a digest."""
    store.upload(BIG, "a")
    with failing(proxy, FlipBit(method="GET")), pytest.raises(IntegrityError):
        store.read("a")
    assert BIG == store.read("a")


@pytest.mark.parametrize("kind", [Truncate, Reset])
def test_a_broken_download_goes_on_where_it_broke(store: AssetStore, proxy: FaultProxy, kind: Any) -> None:
    """Received bytes are not requested again."""
    store.upload(BIG, "a")
    with failing(proxy, kind(method="GET", after=1_000_000, times=2)) as made:
        assert BIG == store.read("a")
    assert [200, 206, 206] == [request.status for request in made]


def test_a_download_never_mixes_two_versions(
    seaweedfs: Any, store: AssetStore, proxy: FaultProxy, unique_prefix: str
) -> None:
    """The asset is replaced before the rest is requested: an error, and no part of either version."""
    store.upload(BIG, "a")
    with store_at(seaweedfs, seaweedfs.endpoint_url, unique_prefix) as other:
        with failing(proxy, Truncate(method="GET", after=3_000_000)) as made, store.open("a") as reader:
            reader.read(1000)
            other.upload(BIG[::-1], "a")
            with pytest.raises(PreconditionError):
                reader.read()
        assert [200, 412] == [request.status for request in made]


@pytest.mark.parametrize("op", ["upload", "read", "list", "copy"])
def test_silence_ends_after_the_timeout(seaweedfs: Any, unique_prefix: str, tmp_path: Path, op: str) -> None:
    """The engine boto3 gives up a silent connection, and the operation succeeds on another one; the wire has a timeout."""
    operation = OPERATIONS[op]
    stall = Stall(after=100, method=operation.method, target=operation.target)
    if op == "upload":  # its answer has no body on which to stall
        stall = attrs.evolve(stall, direction="request")
    with (
        FaultProxy(seaweedfs.endpoint_url) as proxy,
        store_at(seaweedfs, proxy.url, unique_prefix, read_timeout=2.0, engine="boto3") as store,
    ):
        for key, data in operation.before.items():
            store.upload(data, key)
        with failing(proxy, stall, Aged()) as made:
            assert operation.value == operation.run(store, tmp_path)
        assert operation.after == stored(store)
    assert len(made) <= 3


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_storm_is_waited_out_or_given_up(store: AssetStore, proxy: FaultProxy, status: int) -> None:
    """Two failures are survived by three attempts, three are not, and there is no fourth."""
    with failing(proxy, Status(status=status, method="PUT", times=ATTEMPTS - 1)) as made:
        store.upload(SMALL, "a")
    assert [status, status, 200] == [request.status for request in made if request.method == "PUT"]
    with failing(proxy, Status(status=status, method="GET", times=None)) as made, pytest.raises(UnavailableError):
        store.read("a")
    assert [status] * ATTEMPTS == [request.status for request in made]


@pytest.mark.parametrize(
    ("status", "form"),
    [(429, "seconds"), (429, "date"), (429, "milliseconds"), (503, "seconds"), (503, "date"), (503, "milliseconds")],
)
def test_the_wait_that_is_asked_for_is_kept(store: AssetStore, proxy: FaultProxy, status: int, form: Any) -> None:
    """In each of its forms; the proxy's clock measures the time between the two requests."""
    fault = Status(status=status, retry_after=1.0, form=form, method="PUT")
    with failing(proxy, fault) as made:
        store.upload(SMALL, "a")
    refused, done = made
    assert (status, 200) == (refused.status, done.status)
    assert done.at - refused.at >= 1.0


@pytest.mark.parametrize("status", [429, 503])
def test_a_long_wait_is_left_to_the_caller(store: AssetStore, proxy: FaultProxy, status: int) -> None:
    """The error is raised at once and says how long to wait."""
    with failing(proxy, Status(status=status, retry_after=600)) as made, pytest.raises(UnavailableError) as refused:
        store.upload(SMALL, "a")
    assert (600.0, 1) == (refused.value.retry_after, len(made))


def test_a_write_of_another_is_not_taken_for_ours(
    seaweedfs: Any, store: AssetStore, proxy: FaultProxy, unique_prefix: str
) -> None:
    """Our create-only write never arrived and another writer was faster, with equal bytes: the key is taken."""
    with store_at(seaweedfs, seaweedfs.endpoint_url, unique_prefix) as other:
        other.upload(SMALL, "a", metadata={"by": "another"})
    with failing(proxy, Reset(method="PUT", direction="request"), Aged()), pytest.raises(AlreadyExistsError):
        store.upload(SMALL, "a", overwrite=False)
    assert {"by": "another"} == store.stat("a").metadata


def test_a_write_that_cannot_be_looked_up_has_an_unknown_outcome(store: AssetStore, proxy: FaultProxy) -> None:
    """The response is lost and reading back fails too: no kind of write claims success or failure."""
    store.upload(SMALL, "source")
    store.upload(SMALL, "d")
    for write, nth in (
        (lambda: store.upload(SMALL, "a"), 1),
        (lambda: store.upload(BIG, "b"), 1),
        (lambda: store.copy("source", "c"), 1),
        (lambda: store.update("d", content_type="image/png"), 2),  # the first request is a HEAD
    ):
        lost = LoseResponse(target=r"/[abcd](\?uploadId=[^&]*)?$", nth=nth, times=None)
        with failing(proxy, lost), pytest.raises(UnknownOutcomeError):
            write()
    assert {"source", "a", "b", "c", "d"} == set(stored(store))


def test_a_move_never_loses_both(store: AssetStore, proxy: FaultProxy) -> None:
    """Whichever response is lost, the bytes are at one of the two keys at least."""
    for number, fault in enumerate(
        [LoseResponse(), LoseResponse(nth=2), LoseResponse(nth=3), LoseResponse(times=None), Status(status=500, times=None)]
    ):
        store.upload(SMALL, f"from{number}")
        with failing(proxy, fault), contextlib.suppress(AssetStoreError):
            store.move(f"from{number}", f"to{number}")
        found = stored(store)
        assert SMALL in (found.get(f"from{number}"), found.get(f"to{number}"))


def uploads(server: Any, prefix: str) -> list[str]:
    """List the uploads in parts that were neither completed nor aborted."""
    with server.client() as client:
        answer = client.list_multipart_uploads(Bucket=server.bucket, Prefix=prefix)
    return [found["Key"] for found in answer.get("Uploads", [])]


@pytest.mark.parametrize("aborts", [True, False], ids=["aborted", "left"])
def test_an_upload_of_which_one_part_fails_is_called_off(
    seaweedfs: Any, store: AssetStore, proxy: FaultProxy, unique_prefix: str, aborts: bool
) -> None:
    """The earlier parts are not an asset; if the abort fails too, the first error is still raised."""
    store.upload(b"old", "a")
    part = Status(status=403, target=r"partNumber=2", times=None)
    abort = Status(status=500, method="DELETE", times=0 if aborts else None)
    with failing(proxy, part, abort), pytest.raises(AccessDeniedError):
        store.upload(BIG, "a")
    assert {"a": b"old"} == stored(store)
    assert ([] if aborts else [f"{unique_prefix}a"]) == uploads(seaweedfs, unique_prefix)


def test_credentials_that_expire_between_parts_are_named(store: AssetStore, proxy: FaultProxy) -> None:
    """The error names the credentials, the request is not retried, and nothing is stored."""
    with failing(proxy, ExpireCredentials(requests=2)) as made, pytest.raises(CredentialsError):
        store.upload(BIG, "a")
    assert [401] * (len(made) - 2) == [request.status for request in made if request.status != 200]
    assert {} == stored(store)


@contextmanager
def store_on_r2(server: Any, prefix: str, **rules: Any) -> Iterator[tuple[AssetStore, FaultProxy]]:
    """Open a store on the server with R2's rules in front."""
    with (
        FaultProxy(server.endpoint_url, personality=R2Personality(**rules)) as proxy,
        store_at(server, proxy.url, prefix) as store,
    ):
        yield store, proxy


def pieces(data: bytes, size: int) -> Iterator[bytes]:
    """Cut the data into pieces that do not fit into parts."""
    for start in range(0, len(data), size):
        yield data[start : start + size]


def test_every_operation_is_allowed_by_r2(seaweedfs: Any, unique_prefix: str, tmp_path: Path) -> None:
    """No request of the plugin breaks R2's rules."""
    with (
        store_at(seaweedfs, seaweedfs.endpoint_url, unique_prefix) as direct,
        store_on_r2(seaweedfs, unique_prefix, buckets=[seaweedfs.bucket]) as (strict, _),
    ):
        for op, operation in OPERATIONS.items():
            for key, data in operation.before.items():
                direct.upload(data, f"{op}/{key}")
            scoped = strict.scoped(f"{op}/")
            assert operation.value == operation.run(scoped, tmp_path)
            assert operation.after == stored(scoped)


@pytest.mark.parametrize("size", [1000, PART - 1, PART + 1])
def test_a_stream_of_uneven_pieces_becomes_equal_parts(seaweedfs: Any, unique_prefix: str, size: int) -> None:
    """R2 would refuse anything else when the upload is completed."""
    data = BIG + BIG
    with store_on_r2(seaweedfs, unique_prefix) as (store, proxy):
        store.upload(pieces(data, size), "a")
        assert data == store.read("a")
    assert 3 == sum("partNumber=" in request.target for request in proxy.requests)


def test_a_key_that_is_written_often_is_written_in_the_end(seaweedfs: Any, unique_prefix: str) -> None:
    """R2 takes one write a second; the second waits and is not lost."""
    begun = time.time()

    def clock() -> float:
        """Let a second pass with each refusal, and none before, however slow this machine is."""
        return begun + sum(request.status == 429 for request in proxy.requests)

    with store_on_r2(seaweedfs, unique_prefix, clock=clock) as (store, proxy):
        store.upload(b"first", "a")
        store.upload(b"second", "a")
        assert b"second" == store.read("a")
    assert [200, 429, 200] == [request.status for request in proxy.requests if request.method == "PUT"]


def test_a_wrong_clock_is_named(seaweedfs: Any, unique_prefix: str) -> None:
    """The error names the clock; the wire signs by the store's once, which does not help where two servers disagree."""
    for engine, count in (("boto3", 1), ("wire", 2)):
        with (
            FaultProxy(seaweedfs.endpoint_url, personality=R2Personality(clock_offset=1200.0)) as proxy,
            store_at(seaweedfs, proxy.url, unique_prefix, engine=engine) as store,
        ):
            with pytest.raises(CredentialsError, match="clock"):
                store.upload(SMALL, "a")
            assert count == len(proxy.requests)


def test_a_token_without_the_right_is_denied_once(seaweedfs: Any, unique_prefix: str) -> None:
    """A 403 is final: the request is not retried."""
    for rules in ({"buckets": ["other-assets"]}, {"read_only": True}):
        with store_on_r2(seaweedfs, unique_prefix, **rules) as (store, proxy):
            with pytest.raises(AccessDeniedError) as denied:
                store.upload(SMALL, "a")
            assert (AccessDeniedError, 1) == (type(denied.value), len(proxy.requests))


def test_a_batch_that_fails_leaves_the_others_deleted(store: AssetStore, proxy: FaultProxy) -> None:
    """1,001 keys go in two requests; the one that fails is reported key by key, the other is done."""
    keys = [f"{number:04}" for number in range(1001)]
    with failing(proxy, Status(status=403, method="POST")):
        report = store.delete_many(keys)
    assert (1, keys[:1000]) == (len(report.deleted), [failure.key for failure in report.failed])
    assert {AccessDeniedError} == {type(failure.error) for failure in report.failed}
