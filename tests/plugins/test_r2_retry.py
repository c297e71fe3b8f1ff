"""What follows an error, how long the client waits, and when it gives up."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from r2_stand_in import Reply, aged, backend_at, error_reply, get, put, stand_in

from assetstore import (
    AssetStoreError,
    ConfigError,
    CredentialsError,
    NotFoundError,
    StoreNotFoundError,
    UnavailableError,
)
from assetstore.plugin import StatOptions
from assetstore_r2.deadline import Deadline
from assetstore_r2.errors import BY_CODE, retry_after, translated
from assetstore_r2.retry import COST, REFUSALS, TOKENS, UNDECIDED, Retries, Verdict, verdict
from assetstore_r2.wire.errors import (
    CutAnswerError,
    NoAnswerError,
    NotHttpError,
    NotSentError,
    S3Error,
    TooSlowError,
    UntrustedError,
)

DATE = "Sun, 22 Nov 2026 19:53:47 GMT"


def raised(error: Exception) -> AssetStoreError:
    """Return our error for one of an engine's."""
    with pytest.raises(AssetStoreError) as caught, translated():
        raise error
    return caught.value


def answered(status: int, code: str = "", *, sent_whole: bool = True, **headers: str) -> AssetStoreError:
    """Return our error for an answer."""
    metadata = {"HTTPStatusCode": status, "HTTPHeaders": headers}
    response = {"Error": {"Code": code or str(status)}, "ResponseMetadata": metadata}
    return raised(S3Error(response, "PutObject", sent_whole=sent_whole))


@pytest.mark.parametrize("status", [500, 502, 503, 504, 507, 511, *range(520, 531), 599, 408, 499])
def test_a_status_without_a_known_code_is_in_doubt(status: int) -> None:
    """A gateway answers with any of these after the store has stored the asset."""
    assert Verdict.DOUBT is verdict(answered(status))
    assert Verdict.DOUBT is verdict(answered(status, "InternalError"))


@pytest.mark.parametrize("code", sorted(REFUSALS))
def test_a_known_refusal_stored_nothing(code: str) -> None:
    """The store says so itself, whatever the status is."""
    assert [Verdict.REFUSED] * 3 == [verdict(answered(status, code)) for status in (400, 429, 503)]


def test_each_code_of_the_table_has_one_verdict() -> None:
    """What is neither a refusal for now nor an internal error is final, even with a status of a gateway."""
    final = {code for code in BY_CODE if verdict(answered(500, code)) is Verdict.FINAL}
    assert BY_CODE.keys() - REFUSALS - UNDECIDED == final


@pytest.mark.parametrize("status", [301, 307, 308])
@pytest.mark.parametrize("engine", ["wire", "boto3"])
def test_a_redirect_is_not_followed_and_names_its_cure(status: int, engine: str) -> None:
    """A request signed for one host must not go to another: the region is wrong, and nothing was stored."""
    moved = Reply(status, {"location": "http://127.0.0.1:1/"})
    with stand_in(script=lambda request, forward: moved) as server:
        backend = backend_at(server.url, engine=engine)
        for call in (lambda: put(backend, "a", b"abc"), lambda: get(backend, "a")):
            with pytest.raises(ConfigError, match="region"):
                call()
        backend.assetstore_close()
        assert {"PUT", "GET"} <= {request.method for request in server.requests}


def test_a_429_is_a_refusal_and_a_501_is_final() -> None:
    """With and without a body."""
    assert [Verdict.REFUSED, Verdict.FINAL] == [verdict(answered(429)), verdict(answered(501))]
    assert [Verdict.REFUSED, Verdict.FINAL] == [verdict(answered(429, "Odd")), verdict(answered(501, "Odd"))]


@pytest.mark.parametrize("status", [400, 403, 404, 412, 413, 500, 503])
def test_any_error_after_a_broken_send_is_in_doubt(status: int) -> None:
    """Servers answer half a body with anything, even with 404."""
    assert Verdict.DOUBT is verdict(answered(status, "NoSuchKey", sent_whole=False))
    assert Verdict.DOUBT is verdict(answered(status, sent_whole=False))


@pytest.mark.parametrize("code", ["SignatureDoesNotMatch", "AccessDenied", "NoSuchBucket", "EntityTooLarge"])
def test_what_is_refused_by_the_head_is_refused_before_the_body_is_out(code: str) -> None:
    """Services answer at once who may not write, and stop to read: that is no doubt."""
    assert Verdict.FINAL is verdict(answered(403, code, sent_whole=False))


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (NotSentError("x"), Verdict.REFUSED),
        (UntrustedError("x"), Verdict.FINAL),
        (NoAnswerError("x"), Verdict.DOUBT),
        (CutAnswerError("x"), Verdict.DOUBT),
        (NotHttpError("x"), Verdict.DOUBT),
        (TooSlowError("x"), Verdict.DOUBT),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_lost_answer_is_in_doubt_unless_nothing_was_sent(error: Exception, expected: Verdict) -> None:
    """The wire knows how far a request had come."""
    assert expected is verdict(raised(error))


def test_every_form_of_retry_after_is_read() -> None:
    """Seconds, dates by the store's own clock, milliseconds; of several the longest; anything else is ignored."""
    later = "Sun, 22 Nov 2026 19:54:47 GMT"
    forms: list[tuple[dict[str, str], float | None]] = [
        ({"retry-after": "3"}, 3.0),
        ({"retry-after": later, "date": DATE}, 60.0),
        ({"retry-after": DATE, "date": later}, 0.0),
        ({"x-amz-retry-after": "250"}, 0.25),
        ({"x-amz-retry-after-millis": "1500"}, 1.5),
        ({"retry-after-ms": "750"}, 0.75),
        ({"retry-after": "1, 7"}, 7.0),
        ({"retry-after": f"{later}, 7", "date": DATE}, 60.0),
        ({"retry-after": "2", "retry-after-ms": "5000"}, 5.0),
        ({"retry-after": "soon", "date": DATE}, None),
        ({"retry-after": "-1"}, None),
        ({"retry-after": later, "date": "yesterday"}, None),
        ({}, None),
    ]
    assert [expected for _, expected in forms] == [retry_after(headers) for headers, _ in forms]


@given(st.text(max_size=60), st.text(max_size=60))
def test_no_retry_after_breaks_the_client(value: str, date: str) -> None:
    """Whatever a gateway sends, the result is a time or nothing."""
    seconds = retry_after({"retry-after": value, "date": date})
    assert seconds is None or 0.0 <= seconds


@pytest.mark.parametrize("engine", ["wire", "boto3"])
@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
@pytest.mark.parametrize("headers", [{"retry-after": "120"}, {"retry-after-ms": "120000"}])
def test_a_wait_beyond_the_end_is_left_to_the_caller(status: int, headers: dict[str, str], engine: str) -> None:
    """The error is raised at once, says how long to wait, and the request is not repeated."""
    reply = Reply(status, headers)
    with stand_in(script=lambda request, forward: reply) as server:
        backend = backend_at(server.url, engine=engine)
        with pytest.raises(UnavailableError) as caught:
            get(backend, "a")
        backend.assetstore_close()
        assert (120.0, 1) == (caught.value.retry_after, len(server.requests))


def test_a_storm_ends_when_the_tokens_are_spent() -> None:
    """After a hundred retries in vain a store is asked once per call; successes earn retries back."""
    retries, error = Retries(max_attempts=2), answered(503, x_amz_retry_after="0")
    with Deadline(timeout=600):
        assert TOKENS // COST == sum(retries._take() for _ in range(TOKENS))
        assert not retries.again(error, 1)
        for _ in range(COST):
            retries.succeeded()
        assert retries.again(error, 1)
        assert not retries.again(error, 1)
    assert retries.answered


def test_tokens_never_exceed_their_number() -> None:
    """A thousand successes do not buy a storm."""
    retries = Retries(max_attempts=2)
    for _ in range(1000):
        retries.succeeded()
    assert TOKENS == retries.tokens


def test_a_fault_that_can_be_mended_is_retried_once() -> None:
    """For example expired credentials: once they are new, the request is sent again, and only once."""
    mended: list[AssetStoreError] = []

    def mend(error: AssetStoreError) -> bool:
        mended.append(error)
        return True

    retries = Retries(max_attempts=5, mend=mend)
    sent = []

    def send() -> None:
        sent.append(1)
        raise answered(400, "ExpiredToken")

    with pytest.raises(CredentialsError):
        retries.ask(send)
    assert (2, 1) == (len(sent), len(mended))


@pytest.mark.parametrize("engine", ["wire", "boto3"])
@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (error_reply(500, "InternalError"), ["PUT", "HEAD", "PUT"]),
        (Reply(522, {}, b"<html>origin is unreachable</html>"), ["PUT", "HEAD", "PUT"]),
        (Reply(200, {}, b"<html>log in</html>"), ["PUT", "HEAD", "PUT"]),
        (error_reply(503, "SlowDown"), ["PUT", "PUT"]),
        (error_reply(400, "RequestTimeout"), ["PUT", "PUT"]),
        (error_reply(501, "NotImplemented"), ["PUT"]),
        (error_reply(507, "QuotaExceeded"), ["PUT"]),
    ],
    ids=lambda value: str(getattr(value, "status", "")),
)
def test_a_write_in_doubt_is_looked_for_before_it_is_sent_again(reply: Reply, expected: list[str], engine: str) -> None:
    """A refusal is repeated without a look; the repetition of a doubtful write only creates, because nothing was there."""
    stored = Reply(200, {"etag": '"900150983cd24fb0d6963f7d28e17f72"'})
    puts = iter([reply])

    def script(request: Any, forward: Any) -> Reply:
        if request.method == "HEAD":
            return Reply(404 if request.path.endswith("/a") else 200)
        return next(puts, stored)

    with stand_in(script=script) as server:
        backend = backend_at(server.url, engine=engine)
        if expected[-1] != expected[0] or len(expected) > 1:
            assert 3 == put(backend, "a", b"abc").size
        else:
            with pytest.raises(AssetStoreError):
                put(backend, "a", b"abc")
        backend.assetstore_close()
        sent = [request for request in server.requests if request.path.endswith("/a")]
    assert expected == [request.method for request in sent]
    bound = [request.headers.get("if-none-match") for request in sent if request.method == "PUT"]
    assert [None, "*" if "HEAD" in expected else None][: len(bound)] == bound


@pytest.mark.parametrize("engine", ["wire", "boto3"])
def test_an_older_asset_is_overwritten_only_as_it_was_seen(engine: str) -> None:
    """The repetition of an overwrite names the version that the look found."""
    there = aged(Reply(200, {"etag": '"old"', "content-length": "3"}))
    puts = iter([Reply(500), Reply(200, {"etag": '"900150983cd24fb0d6963f7d28e17f72"'})])
    with stand_in(script=lambda request, forward: there if request.method == "HEAD" else next(puts)) as server:
        backend = backend_at(server.url, engine=engine)
        put(backend, "a", b"abc")
        backend.assetstore_close()
        assert [None, None, '"old"'] == [request.headers.get("if-match") for request in server.requests]


@pytest.mark.parametrize(("status", "error"), [(404, StoreNotFoundError), (403, NotFoundError), (500, NotFoundError)])
def test_a_missing_bucket_is_told_from_a_missing_asset(status: int, error: type[AssetStoreError]) -> None:
    """A 404 to HEAD does not tell, so the client asks for the bucket too; who may not ask still learns of the asset."""
    with stand_in(script=lambda request, forward: Reply(404 if request.path.endswith("/a") else status)) as server:
        backend = backend_at(server.url, max_attempts=1)
        with pytest.raises(NotFoundError) as caught:
            backend.assetstore_stat(key="a", options=StatOptions())
        backend.assetstore_close()
    assert error is type(caught.value)


def test_the_bucket_is_asked_for_once() -> None:
    """Once the bucket is known to exist, or not to be asked for, a missing asset costs one request."""
    for status in (200, 403):
        script = lambda request, forward, status=status: Reply(404 if request.path.endswith("/a") else status)  # type: ignore[misc]  # noqa: E731 - bound now
        with stand_in(script=script) as server:
            backend = backend_at(server.url)
            for _ in range(3):
                with pytest.raises(NotFoundError):
                    backend.assetstore_stat(key="a", options=StatOptions())
            backend.assetstore_close()
            assert 4 == len(server.requests)
