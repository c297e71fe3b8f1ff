"""Decides what follows a failed request, and sends it again: the one layer that does, above both engines.

An engine makes one attempt. After it, a request was refused for good, or was refused for now and stored nothing, or is in
doubt: its answer was lost, or does not say whether it was carried out. ``settle`` looks before it repeats a write in doubt.
"""

from __future__ import annotations

import enum
import random
import threading
from collections.abc import Callable
from typing import TypeVar

import attrs

from assetstore.plugin import (
    AccessDeniedError,
    AssetStoreError,
    CredentialsError,
    SourceError,
    StoreNotFoundError,
    UnavailableError,
    slow_down,
)
from assetstore_r2 import deadline
from assetstore_r2.errors import BY_CODE, answer_of
from assetstore_r2.wire.errors import CancelledError, NotSentError, TooSlowError

T = TypeVar("T")

TOKENS, COST, REFUND = 500, 5, 1
"""A store has so many tokens; a retry costs some, and a success gives one back: a store that fails gets no storm."""
SHORTEST, LONGEST = 0.25, 20.0
"""Seconds: the longest pause before the first retry, and before any."""
A_SECOND = 1.0
"""R2 takes one write of a key a second, so a pause after a refusal for the rate is longer."""


class Verdict(enum.Enum):
    """What is known after a failed request."""

    FINAL = "refused for good"
    REFUSED = "refused for now; nothing was stored"
    DOUBT = "it may have been carried out"


REFUSALS = frozenset(
    {
        *("TooManyRequests", "SlowDown", "TooMuchConcurrency", "ServiceUnavailable", "Throttling", "RequestLimitExceeded"),
        *("RequestTimeout", "IncompleteBody", "ClientDisconnect", "ConditionalRequestConflict", "OperationAborted"),
    }
)
"""Error codes by which a service says that it stored nothing and that a repetition may succeed."""
UNDECIDED = frozenset({"InternalError"})
"""Error codes by which a service says that it does not know."""
STATUSES = {
    **dict.fromkeys((301, 302, 303, 307, 308), Verdict.FINAL),
    408: Verdict.DOUBT,
    429: Verdict.REFUSED,
    499: Verdict.DOUBT,
    501: Verdict.FINAL,
}
"""Statuses that count whatever the code; of the others, below 400 and from 500 on are in doubt, 400 to 499 are final."""
NEVER_SENT = frozenset({"EndpointConnectionError", "ConnectTimeoutError", "ProxyConnectionError"})
"""Errors of botocore, by the names of their classes, after which not a byte of the request had left."""

BY_HEAD = (CredentialsError, AccessDeniedError, StoreNotFoundError, SourceError)
"""What a service refuses by the head of a request alone, often before it has received the body."""


def verdict(error: AssetStoreError) -> Verdict:
    """Return what is known after an error; a known code says more than a status, because gateways send statuses too."""
    cause, answer = error.__cause__, answer_of(error)
    if not answer:
        if not isinstance(error, UnavailableError):
            return Verdict.FINAL
        unsent = isinstance(cause, NotSentError) or type(cause).__name__ in NEVER_SENT
        return Verdict.REFUSED if unsent else Verdict.DOUBT
    code, status = answer.get("Error", {}).get("Code", ""), answer["ResponseMetadata"]["HTTPStatusCode"]
    if getattr(cause, "assetstore_doubt", False) and not (code in BY_CODE and isinstance(error, BY_HEAD)):
        return Verdict.DOUBT  # the connection broke while the request was sent: servers then answer anything from 400 on
    if code in REFUSALS:
        return Verdict.REFUSED
    if code in BY_CODE and code not in UNDECIDED:
        return Verdict.FINAL
    return STATUSES.get(status, Verdict.FINAL if 400 <= status < 500 else Verdict.DOUBT)


def _never(_: AssetStoreError) -> bool:
    return False


@attrs.define(eq=False, kw_only=True)
class Retries:
    """The patience of one store; threads share it.

    Attributes:
        max_attempts: how often a request is sent at most.
        mend: given a final error, removes its cause and returns whether it could, for example by new credentials.
        tokens: what is left for retries.
        answered: whether any request has succeeded, so that the bucket is known to exist.
    """

    max_attempts: int
    mend: Callable[[AssetStoreError], bool] = _never
    tokens: int = attrs.field(init=False, default=TOKENS)
    answered: bool = attrs.field(init=False, default=False)
    _lock: threading.Lock = attrs.field(init=False, repr=False, factory=threading.Lock)

    def ask(self, send: Callable[[], T], *, in_doubt: bool = True) -> T:
        """Send a request until it succeeds or must not be repeated.

        Args:
            send: makes one attempt.
            in_doubt: repeat it in doubt too, because it may safely be carried out twice.
        """
        made = 1
        while True:
            try:
                answer = send()
            except AssetStoreError as error:
                if (not in_doubt and verdict(error) is Verdict.DOUBT) or not self.again(error, made):
                    raise
                made += 1
            else:
                self.succeeded()
                return answer

    def again(self, error: AssetStoreError, made: int) -> bool:
        """Wait, and return whether to send a request again after ``made`` attempts."""
        what = verdict(error)
        if made >= self.max_attempts or isinstance(error.__cause__, TooSlowError):
            return False
        if what is Verdict.FINAL:
            return made == 1 and self.mend(error)
        if what is Verdict.REFUSED and answer_of(error):
            slow_down(getattr(error, "retry_after", None))
        wait, limit = _pause(error, what, made), deadline.current()
        try:
            if wait >= limit.left() or not self._take():
                return False
            limit.sleep(wait)
        except (TooSlowError, CancelledError):
            return False
        return True

    def succeeded(self) -> None:
        """Give back a token, and note that the bucket exists."""
        self.answered = True
        if self.tokens < TOKENS:
            with self._lock:
                self.tokens = min(TOKENS, self.tokens + REFUND)

    def _take(self) -> bool:
        with self._lock:
            if self.tokens < COST:
                return False
            self.tokens -= COST
            return True


def _pause(error: AssetStoreError, what: Verdict, made: int) -> float:
    """Return the seconds to wait: at random, so that clients do not come back together, and not less than asked for."""
    asked = getattr(error, "retry_after", None) or 0.0
    rate = what is Verdict.REFUSED and bool(answer_of(error))
    longest = min(LONGEST, (A_SECOND if rate else SHORTEST) * 2.0 ** (made - 1))
    chosen = random.uniform(longest / 2 if rate else 0.0, longest)  # noqa: S311 - jitter, not a secret
    return max(asked, chosen)
