"""How often a request is sent, how long the client waits in between, and when it gives up: by a clock that only counts."""

from __future__ import annotations

import random

import attrs
import pytest

from assetstore import AssetStoreError, UnavailableError
from assetstore_r2 import deadline
from assetstore_r2.deadline import Deadline
from assetstore_r2.retry import COST, TOKENS, Retries, Verdict, verdict
from assetstore_r2.wire.errors import CancelledError, NoAnswerError, NotSentError, TooSlowError


@attrs.define(slots=False)
class Clock:
    """A clock that moves when somebody sleeps."""

    now: float = 1000.0

    def monotonic(self) -> float:
        """Return the time."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Return the clock of all deadlines."""
    clock = Clock()
    monkeypatch.setattr(deadline, "time", clock)
    return clock


@pytest.fixture
def longest(monkeypatch: pytest.MonkeyPatch) -> list[tuple[float, float]]:
    """Return the bounds between which pauses were chosen; the choice is the longest."""
    bounds: list[tuple[float, float]] = []
    monkeypatch.setattr(random, "uniform", lambda low, high: bounds.append((low, high)) or high)
    return bounds


def failed(cause: Exception | None = None, **values: object) -> AssetStoreError:
    """Return an error of the service, as a request raises it."""
    error = UnavailableError("x")
    for name, value in values.items():
        setattr(error, name, value)
    error.__cause__ = cause
    return error


def answered(status: int, code: str = "", **values: object) -> AssetStoreError:
    """Return an error for an answer."""
    cause = Exception()
    response = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    cause.response = response  # type: ignore[attr-defined]
    return failed(cause, **values)


class Service:
    """Fails with each of these errors in turn, then succeeds."""

    def __init__(self, *errors: AssetStoreError) -> None:
        self.errors = list(errors)
        self.asked = 0

    def __call__(self) -> str:
        """Answer."""
        self.asked += 1
        if self.errors:
            raise self.errors.pop(0)
        return "done"


LOST = failed(NoAnswerError("x"))
REFUSED = answered(429)


def test_a_request_is_sent_until_it_succeeds(clock: Clock) -> None:
    """At most so many times; the last error is the caller's."""
    for failures, attempts in ((0, 1), (2, 3), (4, 5)):
        service = Service(*[REFUSED] * failures)
        with Deadline(timeout=600):
            assert "done" == Retries(max_attempts=5).ask(service)
        assert attempts == service.asked
    service = Service(*[REFUSED] * 5)
    with Deadline(timeout=600), pytest.raises(UnavailableError):
        Retries(max_attempts=5).ask(service)
    assert 5 == service.asked


@pytest.mark.parametrize(("in_doubt", "error", "asked"), [(True, LOST, 2), (False, LOST, 1), (False, REFUSED, 2)])
def test_what_may_have_been_carried_out_is_repeated_only_where_that_is_safe(
    clock: Clock, in_doubt: bool, error: AssetStoreError, asked: int
) -> None:
    """A request that must not run twice is not repeated in doubt, and is after a refusal; by default it is safe."""
    service = Service(error)
    with Deadline(timeout=600):
        if asked == 1:
            with pytest.raises(UnavailableError):
                Retries(max_attempts=5).ask(service, in_doubt=in_doubt)
        else:
            Retries(max_attempts=5).ask(service, in_doubt=in_doubt)
            Retries(max_attempts=5).ask(Service(error), **({} if in_doubt else {"in_doubt": False}))
    assert asked == service.asked


def test_pauses_grow_to_twenty_seconds(clock: Clock, longest: list[tuple[float, float]]) -> None:
    """A quarter of a second doubles; at random from nothing on, so that clients do not come back together."""
    with Deadline(timeout=6000):
        for made in range(1, 10):
            before = clock.now
            assert Retries(max_attempts=99).again(LOST, made)
            assert pytest.approx(longest[-1][1]) == clock.now - before
    assert [(0.0, seconds) for seconds in (0.25, 0.5, 1, 2, 4, 8, 16, 20, 20)] == longest


def test_pauses_after_a_refusal_for_the_rate_are_a_second_and_more(
    clock: Clock, longest: list[tuple[float, float]]
) -> None:
    """R2 takes one write of a key a second; what was never sent was not refused for that."""
    with Deadline(timeout=6000):
        for made in (1, 2, 3, 9):
            Retries(max_attempts=99).again(REFUSED, made)
        Retries(max_attempts=99).again(failed(NotSentError("x")), 1)
    assert [(0.5, 1), (1, 2), (2, 4), (10, 20), (0.0, 0.25)] == longest


@pytest.mark.parametrize(("asked_for", "waited"), [(7.0, 7.0), (0.01, 1.0), (0.0, 1.0), (None, 1.0)])
def test_no_pause_is_shorter_than_the_service_asks_for(
    clock: Clock, longest: list[tuple[float, float]], asked_for: float | None, waited: float
) -> None:
    """The service's own number counts when it is the longer one."""
    with Deadline(timeout=600):
        assert Retries(max_attempts=2).again(answered(429, retry_after=asked_for), 1)
    assert pytest.approx(1000 + waited) == clock.now


def test_a_pause_that_would_outlast_the_operation_is_not_begun(clock: Clock) -> None:
    """The caller gets the error at once, and no retry is counted."""
    retries = Retries(max_attempts=2)
    for asked_for, again in ((10.0, False), (9.0, True)):
        with Deadline(timeout=10):
            assert again is retries.again(answered(503, retry_after=asked_for), 1)
    assert (1009.0, TOKENS - COST) == (pytest.approx(clock.now), retries.tokens)


@pytest.mark.parametrize("error", [TooSlowError("x"), CancelledError("x")])
def test_an_operation_that_ends_meanwhile_is_not_repeated(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """Whoever cancels, or has no time left, gets the error of the request."""

    def stop(*_: object) -> None:
        raise error

    monkeypatch.setattr(clock, "sleep", stop)
    with Deadline(timeout=600):
        assert not Retries(max_attempts=2).again(LOST, 1)


def test_what_was_too_slow_is_not_tried_again(clock: Clock) -> None:
    """The time of the operation is over, whatever is left of its attempts."""
    with Deadline(timeout=600):
        assert not Retries(max_attempts=5).again(failed(TooSlowError("x")), 1)
    assert 1000 == clock.now


@pytest.mark.parametrize(("made", "expected"), [(1, True), (2, False)])
def test_a_final_error_is_mended_after_the_first_attempt_alone(clock: Clock, made: int, expected: bool) -> None:
    """Mending is asked with the error, and its answer counts; without a way to mend nothing is repeated."""
    error, asked = answered(400, "ExpiredToken"), []
    retries = Retries(max_attempts=5, mend=lambda error: asked.append(error) or True)
    assert (expected, 1000) == (retries.again(error, made), clock.now)
    assert ([error] if expected else []) == asked
    assert not Retries(max_attempts=5, mend=lambda error: False).again(error, made)
    assert not Retries(max_attempts=5).again(error, made)


def test_retries_cost_and_successes_earn(clock: Clock) -> None:
    """Each retry costs five of 500 tokens and each success earns one; below five there is no retry."""
    retries = Retries(max_attempts=2)
    assert (500, False) == (retries.tokens, retries.answered)
    with Deadline(timeout=60_000):
        assert retries.again(LOST, 1)
        assert 495 == retries.tokens
        retries.succeeded()
        assert (496, True) == (retries.tokens, retries.answered)
        retries.tokens = 5
        assert (True, False) == (retries.again(LOST, 1), retries.again(LOST, 1))
        assert 0 == retries.tokens
        retries.tokens = 499
        for _ in range(3):
            retries.succeeded()
    assert 500 == retries.tokens


def test_only_a_service_that_cannot_be_reached_leaves_doubt_without_an_answer() -> None:
    """Botocore's errors before the first byte are refusals; what is no error of the service is final."""
    never_sent = type("ConnectTimeoutError", (Exception,), {})
    assert [Verdict.REFUSED, Verdict.REFUSED, Verdict.DOUBT, Verdict.DOUBT] == [
        verdict(failed(cause)) for cause in (never_sent(), NotSentError("x"), NoAnswerError("x"), None)
    ]
    assert Verdict.FINAL is verdict(AssetStoreError("x"))


@pytest.mark.parametrize(
    ("status", "expected"),
    [(399, Verdict.DOUBT), (400, Verdict.FINAL), (418, Verdict.FINAL), (499, Verdict.DOUBT), (500, Verdict.DOUBT)],
)
def test_an_unknown_status_is_final_from_400_to_498(status: int, expected: Verdict) -> None:
    """A gateway that refuses a request says so by 4xx; all else leaves doubt. An answer may have no code."""
    error = answered(status)
    assert expected is verdict(error)
    del error.__cause__.response["Error"]  # type: ignore[union-attr]
    assert expected is verdict(error)
