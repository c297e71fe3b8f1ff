"""Settles what is in doubt: looks at the key before a write or delete is sent a second time, and tells what happened.

A second attempt is bound to what the look saw: to nothing, or to an asset that is older than the first attempt. So it
cannot undo what another client wrote in between. What is neither ours nor older decides nothing: UnknownOutcomeError.
"""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeAlias

import attrs

from assetstore.plugin import (
    AlreadyExistsError,
    AssetStoreError,
    NotFoundError,
    PreconditionError,
    UnknownOutcomeError,
)
from assetstore_r2.bucket import Bucket
from assetstore_r2.deadline import Deadline, current
from assetstore_r2.errors import code_of, mismatched, taken
from assetstore_r2.headers import WRITE, quoted, unquoted
from assetstore_r2.retry import Verdict, verdict
from assetstore_r2.wire.errors import CancelledError, TooSlowError

Head: TypeAlias = Mapping[str, Any]
Conditions: TypeAlias = Mapping[str, str]
Send: TypeAlias = Callable[[Conditions], Head]
Decide: TypeAlias = Callable[["Found"], Head | None]
"""Returns the result if the request was carried out, ``None`` if it was not; raises what else is certain."""

ABSENT: Conditions = {"IfNoneMatch": "*"}
_MARGIN = 2.0
_MOMENT = 0.8
_UNCHECKED = 900.0


@attrs.frozen
class Doubt:
    """An attempt in doubt.

    Attributes:
        error: why it is.
        began: when the first attempt began, on the monotonic clock.
    """

    error: AssetStoreError
    began: float


@attrs.frozen
class Found:
    """What the look at a key found.

    Attributes:
        head: the answer to a HEAD; ``None`` if there is no asset.
        older: whether the asset was certainly stored before the first attempt.
        unknown: the error to raise if what was found decides nothing.
    """

    head: Head | None
    older: bool
    unknown: UnknownOutcomeError

    @property
    def conditions(self) -> Conditions:
        """The conditions that bind a request to what was found."""
        if self.head is None:
            return ABSENT
        etag = self.head.get("ETag")
        return {} if etag is None else {"IfMatch": quoted(etag)}


def write(bucket: Bucket, key: str, mark: str, send: Send, conditions: Conditions, began: float | None = None) -> Head:
    """Write an asset whose metadata have a unique mark, so that another writer's equal bytes are never taken for ours.

    Args:
        bucket: the bucket.
        key: the key.
        mark: the mark.
        send: makes one attempt under the given conditions and returns the answer.
        conditions: those of the caller, for the first attempt.
        began: when the first attempt began, on the monotonic clock; by default now.
    """
    return settled(bucket, key, send, lambda found: written(found, mark, conditions), conditions, began=began)


def written(found: Found, mark: str, conditions: Conditions, before: Head | None = None) -> Head | None:
    """Decide about a write in doubt; ``before`` is what was there before it, if that is known."""
    if found.head is not None and found.head["Metadata"].get(WRITE) == mark:
        return found.head
    wanted = conditions.get("IfMatch")
    if found.head is None:
        if wanted is not None:
            raise found.unknown
        return None
    if wanted is not None and unquoted(wanted) == unquoted(found.head.get("ETag")):
        return None
    if before is not None and _is_same(before, found.head):
        return None
    if not found.older:
        raise found.unknown
    if "IfNoneMatch" in conditions:
        raise taken()
    if wanted not in (None, "*"):
        raise mismatched()
    return None


def _is_same(one: Head, other: Head) -> bool:
    """Return whether two heads are of one write: the ETag alone is that of the bytes."""
    marks = [head.get("Metadata", {}).get(WRITE) for head in (one, other)]
    return one.get("ETag") == other.get("ETag") and marks[0] is not None and marks[0] == marks[1]


def removed(found: Found) -> Head | None:
    """Decide about a delete in doubt."""
    if found.head is None:
        return {}
    if not found.older:
        raise found.unknown
    return None


def settled(
    bucket: Bucket,
    key: str,
    send: Send,
    decide: Decide,
    conditions: Conditions,
    doubt: Doubt | None = None,
    began: float | None = None,
) -> Head:
    """Send a request until it succeeds or must not be repeated; once it is in doubt, look before each further attempt.

    Args:
        bucket: the bucket.
        key: the key.
        send: makes one attempt under the given conditions and returns the answer.
        decide: tells from what a look found what happened.
        conditions: those of the first attempt.
        doubt: a first attempt that was made already.
        began: when the first attempt that ``send`` makes began, on the monotonic clock; by default now.

    Raises:
        UnknownOutcomeError: nobody can tell whether the request was carried out.
    """
    began = time.monotonic() if began is None else began
    if doubt is not None:
        found = look(bucket, key, doubt)
        if (result := decide(found)) is not None:
            return result
        conditions = found.conditions
    for made in itertools.count(1):
        try:
            answer = send(conditions)
        except AssetStoreError as error:
            if doubt is None and verdict(error) is Verdict.DOUBT:
                doubt = Doubt(error, began)
            if doubt is None:
                if not bucket.retries.again(error, made):
                    raise
                continue
            # A condition may fail now because of our own first attempt.
            unmet = isinstance(error, PreconditionError | AlreadyExistsError)
            again = bucket.retries.again(doubt.error if unmet else error, made)
            found = look(bucket, key, doubt)
            if (result := decide(found)) is not None:
                return result
            if code_of(error) == "NoSuchUpload":  # so it was completed, and another client has changed the key
                raise found.unknown from error
            if unmet and not again:
                raise doubt.error from doubt.error.__cause__
            if not again:
                raise
            conditions = found.conditions
        else:
            bucket.retries.succeeded()
            return answer
    raise AssertionError


def look(bucket: Bucket, key: str, doubt: Doubt) -> Found:
    """Look at a key after a request in doubt.

    Raises:
        UnknownOutcomeError: looking failed too.
    """
    try:
        with _time_to_look():
            head: Head | None = bucket.head(key)
    except NotFoundError:
        head = None
    except AssetStoreError as silence:
        raise UnknownOutcomeError(
            f"it may have happened ({doubt.error.message}), and reading back failed ({silence.message})",
            hint="look at the asset once the store responds again",
        ) from doubt.error
    unknown = UnknownOutcomeError(
        f"it may have happened ({doubt.error.message}), and what is there now may be another client's later write",
        hint="look at the asset, then decide",
    )
    unknown.__cause__ = doubt.error
    return Found(head, head is not None and is_older(head, time.monotonic() - doubt.began), unknown)


def _time_to_look() -> contextlib.AbstractContextManager[object]:
    """Give the look a moment of its own when the time of the operation is over: the truth is worth it."""
    limit = current()
    try:
        enough = limit.left() >= _MOMENT
    except CancelledError:
        enough = True
    except TooSlowError:
        enough = False
    return contextlib.nullcontext() if enough else Deadline(_MOMENT, limit.min_rate, limit)


def is_older(head: Head, elapsed: float) -> bool:
    """Return whether an asset was certainly stored more than ``elapsed`` seconds before its HEAD was answered.

    The store's own clock decides, whose times are whole seconds. If it sends none, this machine's does, which differs from
    the store's by at most the 15 minutes that signatures may.
    """
    stored = head.get("LastModified")
    if stored is None:
        return False
    try:
        now, doubtful = parsedate_to_datetime(head["ResponseMetadata"]["HTTPHeaders"]["date"]), _MARGIN
    except (KeyError, TypeError, ValueError):
        now, doubtful = datetime.now(UTC), _MARGIN + _UNCHECKED
    if now.tzinfo is None:
        now = now.replace(tzinfo=UTC)
    age: float = (now - stored).total_seconds()
    return age >= elapsed + doubtful
