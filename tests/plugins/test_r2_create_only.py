"""A copy to a free key, for which only R2 has a condition, by its own header."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from botocore.exceptions import ParamValidationError
from r2_stand_in import PART, SETTINGS, Forward, Reply, Request, backend_at, backend_on, error_reply, get, put, stand_in

from assetstore import AlreadyExistsError, AssetStore, AssetStoreError, UnavailableError, UnknownOutcomeError
from assetstore.plugin import CopyOptions
from assetstore_r2 import R2Backend, S3Backend
from assetstore_r2.copy import copy
from assetstore_r2.testing import FaultProxy, LoseResponse, R2Personality

HEADER = "cf-copy-destination-if-none-match"


@pytest.fixture(autouse=True, params=["wire", "boto3"])
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Open every backend of a test with each of the engines in turn."""
    monkeypatch.setitem(SETTINGS, "engine", request.param)


def create_only(backend: S3Backend, prefix: str) -> Any:
    """Copy from `a` to the free key `b` through the hook."""
    return backend.assetstore_copy(source=f"{prefix}a", destination=f"{prefix}b", options=CopyOptions(overwrite=False))


def test_only_r2_claims_it() -> None:
    """Other services lack the header, so the store copies there by an upload, which is create-only everywhere."""
    assert {"copy.overwrite"} == R2Backend.supports - S3Backend.supports


def test_the_header_is_signed_and_sent_with_a_create_only_copy_alone(emulator: Any, unique_prefix: str) -> None:
    """A proxy can neither add nor drop it; a copy that may overwrite does not send it."""
    with stand_in(emulator.endpoint_url) as proxy:
        backend = backend_on(emulator, proxy.url)
        put(backend, f"{unique_prefix}a", b"abc")
        info = create_only(backend, unique_prefix)
        backend.assetstore_copy(source=f"{unique_prefix}a", destination=f"{unique_prefix}b", options=CopyOptions())
        conditional, plain = [request for request in proxy.requests if "x-amz-copy-source" in request.headers]
        backend.assetstore_close()
    assert 3 == info.size
    assert "*" == conditional.headers[HEADER]
    assert f"SignedHeaders={HEADER};" in conditional.headers["authorization"]
    assert HEADER not in plain.headers


def test_a_taken_key_is_seen_before_anything_is_copied(emulator: Any, unique_prefix: str) -> None:
    """A HEAD of the key saves the request, and refuses on servers that ignore the header."""
    with stand_in(emulator.endpoint_url) as proxy:
        backend = backend_on(emulator, proxy.url)
        for name in "ab":
            put(backend, unique_prefix + name, name.encode())
        proxy.requests.clear()
        with pytest.raises(AlreadyExistsError):
            create_only(backend, unique_prefix)
        assert ["HEAD", "HEAD"] == [request.method for request in proxy.requests]
        assert b"b" == get(backend, f"{unique_prefix}b")
        backend.assetstore_close()


def test_our_own_copy_whose_answer_was_lost_is_no_clash(emulator: Any, unique_prefix: str) -> None:
    """A look finds the mark of this copy, so it is not sent again."""
    personality = R2Personality(write_interval=0)
    with FaultProxy(emulator.endpoint_url, personality=personality) as proxy:
        backend = backend_on(emulator, proxy.url)
        put(backend, f"{unique_prefix}a", b"abc", content_type="image/png", metadata={"by": "gm"})
        proxy.inject(LoseResponse(method="PUT"))
        info = create_only(backend, unique_prefix)
        statuses = [request.status for request in proxy.requests if request.method == "PUT"]
        backend.assetstore_close()
    assert [200, 200] == statuses
    assert (3, "image/png", {"by": "gm"}) == (info.size, info.content_type, dict(info.metadata))


@pytest.mark.parametrize(("lost", "error"), [(False, AlreadyExistsError), (True, UnknownOutcomeError)])
def test_somebody_elses_equal_copy_is_a_clash(
    emulator: Any, unique_prefix: str, lost: bool, error: type[AssetStoreError]
) -> None:
    """Equal bytes at the key do not prove our success; after a lost response nobody knows which copy came first."""
    with stand_in(emulator.endpoint_url) as proxy:
        backend = backend_on(emulator, proxy.url)
        put(backend, f"{unique_prefix}a", b"abc")

        def script(request: Request, forward: Forward) -> Reply | None:
            if request.method != "PUT":
                return forward()
            put(other, f"{unique_prefix}b", b"abc")
            return None if lost else error_reply(412, "PreconditionFailed")

        other = backend_on(emulator)
        proxy.script = script
        with pytest.raises(error):
            create_only(backend, unique_prefix)
        for opened in (backend, other):
            opened.assetstore_close()


def test_a_source_that_was_replaced_is_no_taken_key(emulator: Any, unique_prefix: str) -> None:
    """Both conditions fail alike; a HEAD of the key shows which one did."""

    def script(request: Request, forward: Forward) -> Reply:
        return error_reply(412, "PreconditionFailed") if "x-amz-copy-source" in request.headers else forward()

    with stand_in(emulator.endpoint_url, script) as proxy:
        backend = backend_on(emulator, proxy.url)
        put(backend, f"{unique_prefix}a", b"abc")
        with pytest.raises(UnavailableError, match="replaced"):
            create_only(backend, unique_prefix)
        backend.assetstore_close()


@pytest.mark.parametrize("late", [False, True])
def test_a_copy_in_parts_is_decided_at_its_end(seaweedfs: Any, unique_prefix: str, late: bool) -> None:
    """A key that is taken while the parts are copied is left as it is."""

    def script(request: Request, forward: Forward) -> Reply:
        if late and request.method == "POST" and "uploadId" in request.path:
            put(other, f"{unique_prefix}b", b"theirs")
        return forward()

    other = backend_on(seaweedfs)
    data = bytes(PART + 1)
    put(other, f"{unique_prefix}a", data)
    with stand_in(seaweedfs.endpoint_url, script) as proxy:
        backend = backend_on(seaweedfs, proxy.url)
        bucket = attrs.evolve(backend._opened.get(), copy_limit=PART)
        try:
            copy(bucket, f"{unique_prefix}a", f"{unique_prefix}b", CopyOptions(overwrite=False))
        except AlreadyExistsError:
            assert late
        backend.assetstore_close()
    assert (b"theirs" if late else data) == get(other, f"{unique_prefix}b")
    other.assetstore_close()


def test_another_services_store_copies_create_only_all_the_same(seaweedfs: Any, unique_prefix: str) -> None:
    """Without the native condition the store reads and makes a create-only upload."""
    backend = backend_on(seaweedfs)
    assert not isinstance(backend, R2Backend)
    with AssetStore(backend) as whole:
        store = whole.scoped(unique_prefix)
        store.upload(b"a", "a")
        store.copy("a", "b", overwrite=False)
        with pytest.raises(AlreadyExistsError):
            store.copy("a", "b", overwrite=False)


def test_the_parameter_reaches_no_other_call() -> None:
    """The client still refuses parameters that botocore does not know."""
    backend = backend_at("http://127.0.0.1:1")
    client = backend._opened.get().client
    with pytest.raises(ParamValidationError, match="AssetstoreCreateOnly"):
        client.put_object(Bucket="assets", Key="a", Body=b"", AssetstoreCreateOnly=True)
    backend.assetstore_close()
