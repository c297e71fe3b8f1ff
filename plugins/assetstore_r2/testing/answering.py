"""The faults of a service: errors, rate limits, false successes and expired credentials."""

from __future__ import annotations

import time
from collections.abc import Hashable
from email.utils import formatdate
from typing import Literal, TypeAlias

import attrs

from assetstore_r2.testing.faults import Fault
from assetstore_r2.testing.messages import Answer, Fields, Request, error_answer

RetryAfterForm: TypeAlias = Literal["seconds", "date", "milliseconds"]

_CODES = {
    401: "Unauthorized",
    403: "AccessDenied",
    404: "NoSuchKey",
    412: "PreconditionFailed",
    429: "TooManyRequests",
    500: "InternalError",
    501: "NotImplemented",
    503: "ServiceUnavailable",
}


@attrs.frozen(kw_only=True)
class Status(Fault):
    """Answers with an error.

    Attributes:
        status: the HTTP status, for example 429, 500 or 503.
        code: the error code; by default R2's for the status.
        message: the error message.
        retry_after: seconds that the client is asked to wait.
        form: how to ask: ``Retry-After`` in whole seconds or as a date, or ``x-amz-retry-after`` in milliseconds.
        late: let the upstream server handle the request first.
    """

    status: int = 503
    code: str | None = None
    message: str = "This error was injected by a test."
    retry_after: float | None = None
    form: RetryAfterForm = "seconds"
    late: bool = False

    def respond(self, request: Request) -> Answer | None:
        """Return the error, unless late."""
        return None if self.late else self._answer()

    def amend(self, request: Request, answer: Answer) -> Answer:
        """Return the error after the request was handled, if late."""
        return self._answer() if self.late else answer

    def _answer(self) -> Answer:
        now = time.time()
        code = self.code or _CODES.get(self.status, "InternalError")
        return error_answer(self.status, code, self.message, self._patience(now), now=now)

    def _patience(self, now: float) -> Fields:
        if self.retry_after is None:
            return ()
        if self.form == "milliseconds":
            return (("x-amz-retry-after", str(round(self.retry_after * 1000))),)
        if self.form == "date":
            return (("retry-after", formatdate(now + self.retry_after, usegmt=True)),)
        return (("retry-after", str(round(self.retry_after))),)


@attrs.frozen(kw_only=True)
class ErrorBody(Fault):
    """Answers 200 with an ``<Error>``, or with what a proxy might send.

    Attributes:
        code: the error code.
        body: the body instead of an ``<Error>``, for example ``b""`` or an HTML page.
        late: let the upstream server handle the request first.
    """

    code: str = "InternalError"
    body: bytes | None = None
    late: bool = False

    def respond(self, request: Request) -> Answer | None:
        """Return the false success, unless late."""
        return None if self.late else self._answer()

    def amend(self, request: Request, answer: Answer) -> Answer:
        """Return the false success after the request was handled, if late."""
        return self._answer() if self.late else answer

    def _answer(self) -> Answer:
        answer = error_answer(200, self.code, "We encountered an internal error. Please try again.")
        return answer if self.body is None else Answer(status=200, fields=(("content-type", "text/html"),), body=self.body)


@attrs.frozen(kw_only=True)
class ExpireCredentials(Fault):
    """Refuses a credential after some matching requests; a renewed one is accepted for as many again.

    Attributes:
        requests: how many requests pass.
        status: 401 as from R2, 400 as from AWS.
        code: ``Unauthorized`` as from R2, ``ExpiredToken`` as from AWS.
    """

    requests: int = 0
    status: int = 401
    code: str = "Unauthorized"

    def group(self, request: Request) -> Hashable:
        """Count by credential."""
        return request.credential

    def strikes(self, count: int) -> bool:
        """Strike all requests after the first ones."""
        return count > self.requests

    def respond(self, request: Request) -> Answer | None:
        """Return the refusal."""
        return error_answer(self.status, self.code, "The credential expired.")
