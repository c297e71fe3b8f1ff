"""Every error that R2 is known to answer becomes one class of ours."""

from __future__ import annotations

import time
from email.utils import formatdate

import pytest
from r2_stand_in import SETTINGS, Reply, backend_at, error_reply, get, put, stand_in

from assetstore import (
    AccessDeniedError,
    AssetStoreError,
    BackendError,
    ConfigError,
    CredentialsError,
    IntegrityError,
    InvalidKeyError,
    InvalidOptionError,
    NotFoundError,
    PreconditionError,
    SourceError,
    StoreNotFoundError,
    UnavailableError,
    UnsupportedError,
)
from assetstore.plugin import ListOptions, StatOptions
from assetstore_r2.errors import BY_CODE, retry_after
from kept_ports import kept_port

R2_CODES = {
    "Unauthorized": (401, CredentialsError),
    "AccessDenied": (403, AccessDeniedError),
    "ExpiredRequest": (403, CredentialsError),
    "SignatureDoesNotMatch": (403, CredentialsError),
    "NotEntitled": (403, AccessDeniedError),
    "ObjectLockedByBucketPolicy": (403, AccessDeniedError),
    "InvalidBucketName": (400, ConfigError),
    "TooManyBuckets": (400, BackendError),
    "InvalidObjectName": (400, InvalidKeyError),
    "EntityTooLarge": (400, SourceError),
    "MetadataTooLarge": (400, InvalidOptionError),
    "NoSuchBucket": (404, StoreNotFoundError),
    "NoSuchKey": (404, NotFoundError),
    "NoSuchUpload": (404, BackendError),
    "BucketNotEmpty": (409, BackendError),
    "BucketConflict": (409, BackendError),
    "MissingContentLength": (411, BackendError),
    "IncompleteBody": (400, UnavailableError),
    "ClientDisconnect": (400, UnavailableError),
    "InvalidDigest": (400, BackendError),
    "BadDigest": (400, IntegrityError),
    "PreconditionFailed": (412, PreconditionError),
    "EntityTooSmall": (400, BackendError),
    "InvalidPart": (400, BackendError),
    "TooManyRequests": (429, UnavailableError),
    "InternalError": (500, UnavailableError),
    "ServiceUnavailable": (503, UnavailableError),
    "InvalidArgument": (400, BackendError),
    "InvalidRegionName": (400, ConfigError),
    "InvalidRequest": (400, BackendError),
    "RequestTimeTooSkewed": (403, CredentialsError),
    "XAmzContentSHA256Mismatch": (400, IntegrityError),
    "MalformedXML": (400, BackendError),
    "InvalidMaxKeys": (400, InvalidOptionError),
    "InvalidStorageClass": (400, InvalidOptionError),
    "InvalidEncryptionAlgorithmError": (400, BackendError),
    "NotImplemented": (501, UnsupportedError),
    "RouteNotFound": (404, ConfigError),
    "TooMuchConcurrency": (503, UnavailableError),
}
BY_STATUS = {
    401: CredentialsError,
    403: AccessDeniedError,
    404: NotFoundError,
    412: PreconditionError,
    418: BackendError,
    429: UnavailableError,
    500: UnavailableError,
    503: UnavailableError,
    507: AssetStoreError,
    599: UnavailableError,
}


@pytest.fixture(autouse=True, params=["wire", "boto3"])
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Open every backend of a test with each of the engines in turn."""
    monkeypatch.setitem(SETTINGS, "engine", request.param)


def test_each_code_of_r2_becomes_its_class_over_the_wire() -> None:
    """Every row of R2's table is raised as one class, with our own message."""
    with stand_in() as server:
        backend = backend_at(server.url, max_attempts=1)
        raised = {}
        for code, (status, _) in R2_CODES.items():
            server.script = lambda request, forward, status=status, code=code: error_reply(status, code)  # type: ignore[misc]  # bound now
            with pytest.raises(AssetStoreError) as caught:
                get(backend, "a")
            raised[code] = type(caught.value)
        backend.assetstore_close()
    assert {code: kind for code, (_, kind) in R2_CODES.items()} == raised
    assert set() == R2_CODES.keys() - BY_CODE.keys() - {"InvalidRange"}


def test_answers_without_a_body_are_told_apart_by_their_status() -> None:
    """Errors of HEAD have no code; the status alone decides."""
    with stand_in() as server:
        backend = backend_at(server.url, max_attempts=1)
        raised = {}
        for status in BY_STATUS:
            server.script = lambda request, forward, status=status: Reply(status)  # type: ignore[misc]  # bound now
            with pytest.raises(BY_STATUS[status]) as caught:
                backend.assetstore_stat(key="a", options=StatOptions())
            raised[status] = issubclass(type(caught.value), BY_STATUS[status])
        backend.assetstore_close()
    assert dict.fromkeys(BY_STATUS, True) == raised


@pytest.mark.parametrize("row", BY_CODE.items(), ids=lambda row: row[0])
def test_each_row_of_the_table_makes_a_sentence(row: tuple[str, tuple[type[AssetStoreError], str, str | None]]) -> None:
    """Each row names a class of ours and a sentence without capital and full stop, as all messages are."""
    _, (kind, message, hint) = row
    assert issubclass(kind, AssetStoreError)
    assert all(text and text[0] == text[0].lower() and not text.endswith(".") for text in (message, hint or "x"))


def test_a_401_on_a_write_alone_names_the_checksum_trailer() -> None:
    """R2 responds to an added trailer with Unauthorized; the hint mentions it for writes only."""
    with stand_in(script=lambda request, forward: error_reply(401, "Unauthorized")) as server:
        backend = backend_at(server.url)
        with pytest.raises(CredentialsError, match="checksum trailer"):
            put(backend, "a", b"")
        with pytest.raises(CredentialsError) as caught:
            get(backend, "a")
        backend.assetstore_close()
    assert "checksum" not in str(caught.value)


@pytest.mark.parametrize(("status", "code"), [(404, "NoSuchBucket"), (403, "AccessDenied")])
def test_a_wrong_jurisdiction_is_hinted_at(status: int, code: str) -> None:
    """For both errors of a bucket in another jurisdiction the hint names the jurisdiction."""
    with stand_in(script=lambda request, forward: error_reply(status, code)) as server:
        backend = backend_at(server.url)
        with pytest.raises(AssetStoreError, match=r"jurisdiction \(eu, fedramp or us\)"):
            get(backend, "a")
        backend.assetstore_close()


def test_a_skewed_clock_is_told_with_the_time_of_the_store() -> None:
    """The message contains the store's date."""
    date = "Sun, 22 Nov 2026 19:53:47 GMT"
    with stand_in(
        script=lambda request, forward: error_reply(403, "RequestTimeTooSkewed", headers={"date": date})
    ) as server:
        backend = backend_at(server.url)
        with pytest.raises(CredentialsError, match=date):
            get(backend, "a")
        backend.assetstore_close()


def test_a_skewed_clock_is_told_even_by_an_answer_without_a_code() -> None:
    """The date of an answer to HEAD shows it; one whose clock agrees means what it says."""
    for ahead, kind in ((1200, CredentialsError), (0, AccessDeniedError)):
        date = formatdate(time.time() + ahead, usegmt=True)
        with stand_in(script=lambda request, forward, date=date: Reply(403, {"date": date})) as server:  # type: ignore[misc]
            backend = backend_at(server.url)
            with pytest.raises(kind) as told:
                backend.assetstore_stat(key="a", options=StatOptions())
            assert (kind, ahead > 0) == (type(told.value), date in str(told.value))
            backend.assetstore_close()


@pytest.mark.parametrize(
    "text", ["Authorization", "Credential access key has length 20, should be 32", "X-Amz-Security-Token"]
)
def test_an_invalid_argument_about_credentials_is_a_credentials_error(text: str) -> None:
    """R2 has no code of its own for a malformed key id or token."""
    with stand_in(script=lambda request, forward: error_reply(400, "InvalidArgument", text)) as server:
        backend = backend_at(server.url)
        with pytest.raises(CredentialsError):
            get(backend, "a")
        backend.assetstore_close()


def test_an_endpoint_that_refuses_is_unavailable() -> None:
    """Nothing listens: a retryable error, after bounded tries."""
    with kept_port() as port:
        backend = backend_at(f"http://127.0.0.1:{port}", max_attempts=2)
        with pytest.raises(UnavailableError, match="cannot be reached"):
            put(backend, "a", b"x")
        backend.assetstore_close()


def test_an_answer_of_something_else_is_no_success() -> None:
    """An HTML page with status 200 is neither an upload, nor an asset, nor an empty listing."""
    html = Reply(200, {"content-type": "text/html"}, b"<html>log in</html>")
    with stand_in(script=lambda request, forward: html) as server:
        backend = backend_at(server.url, max_attempts=1)
        with pytest.raises(AssetStoreError):
            put(backend, "a", b"x")
        with pytest.raises(UnavailableError):
            get(backend, "a")
        with pytest.raises(UnavailableError):
            backend.assetstore_list(prefix="", options=ListOptions())
        server.script = lambda request, forward: Reply(200)
        with pytest.raises(UnavailableError):
            backend.assetstore_list(prefix="", options=ListOptions())
        backend.assetstore_close()


def test_a_vendor_text_cannot_steer_a_terminal() -> None:
    """Control characters in the store's message are escaped."""
    with stand_in(script=lambda request, forward: error_reply(400, "Strange", "&#27;[31mred\u202e")) as server:
        backend = backend_at(server.url)
        with pytest.raises(BackendError) as caught:
            get(backend, "a")
        backend.assetstore_close()
    assert str(caught.value).isascii()
    assert str(caught.value).isprintable()


def test_retry_after_is_read_as_seconds_and_as_a_date() -> None:
    """Both HTTP forms are converted to seconds; any other is ignored."""
    date = "Sun, 22 Nov 2026 19:53:47 GMT"
    assert 3.0 == retry_after({"retry-after": "3"})
    assert 60.0 == retry_after({"retry-after": "Sun, 22 Nov 2026 19:54:47 GMT", "date": date})
    assert None is retry_after({"retry-after": "soon", "date": date})
    assert None is retry_after({})
