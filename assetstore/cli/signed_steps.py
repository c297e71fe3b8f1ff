"""The steps of ``doctor`` that send signed requests and fetch public URLs, without credentials. They show no URL."""

from __future__ import annotations

import contextlib
import re
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from http.client import HTTPException
from typing import TypeVar
from urllib.parse import SplitResult, urlsplit

import attrs

from assetstore.direct.send import Answer, Sender
from assetstore.errors import AssetStoreError, BackendError, IntegrityError, UnavailableError
from assetstore.options import Method
from assetstore.results import PresignedRequest
from assetstore.store import AssetStore

T = TypeVar("T")

EXPIRES = 60
WARN_SECONDS = 60
# R2 and S3 refuse signed requests beyond this (R2, "Limits").
FAIL_SECONDS = 15 * 60
TRIED_HEADER = "content-type"

_TIMEOUT_SECONDS = 10
_CODE = re.compile(rb"<Code>([A-Za-z]{1,40})</Code>")
_SET_CLOCK = "set this machine's clock, preferably by NTP"
_NEXT = {
    "SignatureDoesNotMatch": "check the secret key, and that no proxy changes the requests",
    "RequestTimeTooSkewed": _SET_CLOCK,
    "ExpiredRequest": _SET_CLOCK,
    "AccessDenied": "allow the credentials to read, write and delete objects",
    "Unauthorized": "check the access key; it may be unknown, expired or revoked",
    "NoSuchBucket": "check the bucket name and the address of the store",
}


class SkippedError(Exception):
    """A step has nothing to do: an earlier step failed, or there is nothing to test."""


class WarnedError(Exception):
    """A step found something that works now but may fail later.

    Attributes:
        hint: what to do next.
    """

    def __init__(self, detail: str, hint: str) -> None:
        super().__init__(detail)
        self.hint = hint


@attrs.define(eq=False)
class SignedSteps:
    """Sends signed requests for its own test asset.

    Attributes:
        store: the store.
        key: the key of the test asset.
        payload: the bytes of the test asset.
    """

    store: AssetStore
    key: str
    payload: bytes = attrs.field(repr=False)
    _send: Sender = attrs.field(init=False)
    _in_process: bool = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        """Choose how the signed requests are sent: over HTTP, or to the store's application in this process."""
        self._send = Sender.to(self.store)
        self._in_process = self._send.in_process

    def round_trip(self) -> str:
        """Write, read, stat and delete the test asset by signed requests."""
        put = self._sign("PUT")
        self._expect(put, (200,), self.payload)
        try:
            answer = self._expect(self._sign("GET"), (200,))
            if answer.body != self.payload:
                raise IntegrityError("a signed GET returned other bytes than the PUT sent", hint="do not use this store")
            head = self._sign("HEAD")
            self._expect(head, (200,))
            by_whom = f", by the store's application in this process\n{self._listener(head)}" if self._in_process else ""
            self._expect(self._sign("DELETE"), (200, 204))
        except BaseException:
            with contextlib.suppress(AssetStoreError):
                self.store.delete(self.key)
            raise
        self._expect(self._sign("GET"), (404,))
        return f"PUT, GET, HEAD and DELETE work{by_whom}"

    def clocks(self) -> str:
        """Compare this machine's clock with the server's."""
        if self._in_process:
            raise SkippedError("signed URLs expire by this machine's own clock")
        began = time.time()
        answer = self._exchange(self._sign("HEAD"))
        half = (time.time() - began) / 2
        try:
            server_time = parsedate_to_datetime(answer.headers["date"]).timestamp()
        except (KeyError, ValueError):
            raise SkippedError("the server does not send its time") from None
        # A Date header has whole seconds, so on average it is half a second old.
        ahead = round(began + half - server_time - 0.5)
        detail = f"this machine's clock is {abs(ahead):,} s {'ahead of' if ahead > 0 else 'behind'} the server's"
        if abs(ahead) > FAIL_SECONDS:
            raise BackendError(f"{detail}; more than 15 minutes is refused", hint=_SET_CLOCK)
        if abs(ahead) > WARN_SECONDS:
            raise WarnedError(f"{detail}; signed URLs start and expire that much too early or too late", _SET_CLOCK)
        # The server may have read its clock at any moment of the exchange.
        return detail if abs(ahead) > 1 + half else "both clocks agree"

    def preflight(self, origins: Sequence[str]) -> str:
        """Send the preflight of a signed PUT for each origin, as a browser does."""
        if not origins:
            raise SkippedError("no origin is known; --origin https://app.example tests one")
        for origin in origins:
            headers = {
                "Origin": origin,
                "Access-Control-Request-Method": "PUT",
                "Access-Control-Request-Headers": TRIED_HEADER,
            }
            answer = self._exchange(self._sign("PUT"), method="OPTIONS", headers=headers)
            if refused := _refusal(origin, answer):
                why = f"a browser would block a PUT from a page of {origin}: {refused}"
                raise BackendError(why, hint=self._allow(origin))
        return f"pages of {', '.join(origins)} may send a PUT with {TRIED_HEADER}"

    def _allow(self, origin: str) -> str:
        if self._in_process:
            return f'add "{origin}" to origins in the store\'s settings'
        if any(command.name == "cors" for command in self.store.commands()):
            return f"allow it in the bucket's CORS rules: assetstore cors set --origin {origin}"
        return "allow it in the CORS rules of the storage service"

    def _sign(self, method: Method) -> PresignedRequest:
        return self.store.presign(self.key, method=method, expires=EXPIRES)

    def _expect(self, request: PresignedRequest, statuses: Sequence[int], body: bytes | None = None) -> Answer:
        answer = self._exchange(request, body)
        if answer.status not in statuses:
            code = match[1].decode() if (match := _CODE.search(answer.body)) else ""
            why = f"a signed {request.method} returned status {answer.status} {code}".rstrip()
            raise BackendError(why, hint=_NEXT.get(code, "check that signed URLs lead to this store"))
        return answer

    def _exchange(
        self,
        request: PresignedRequest,
        body: bytes | None = None,
        *,
        method: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        return _reaching(request.url, lambda: self._send(request, body, method=method, headers=headers))

    def _listener(self, request: PresignedRequest) -> str:
        """Return whether a server listens where signed URLs lead, and whether it serves this store."""
        parts = urlsplit(request.url)
        try:
            with socket.create_connection((parts.hostname, _port(parts)), timeout=1):
                pass
        except OSError:
            return f"nothing listens at {parts.netloc} now; start assetstore serve to answer signed URLs"
        try:
            honoured = Sender.over_http()(request).status == HTTPStatus.OK
        except (OSError, HTTPException):
            honoured = False
        if honoured:
            return f"the server at {parts.netloc} answers them too"
        return f"the server at {parts.netloc} does not serve this store; correct serve_url, or start assetstore serve"


def read_publicly(url: str, payload: bytes) -> str:
    """Read the test asset by its public URL."""
    parts = urlsplit(url)
    request = urllib.request.Request(url)  # noqa: S310 - the store's own public URL

    def get() -> bytes:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310 - as above
            return bytes(answer.read(len(payload) + 1))

    try:
        found = _reaching(url, get)
    except urllib.error.HTTPError as error:
        with error:
            hint = "check public_url, and that the assets are public there"
            raise BackendError(f"the public URL returned status {error.code}", hint=hint) from None
    if found != payload:
        raise IntegrityError("the public URL returns other bytes", hint="correct public_url, so that it leads to this store")
    return f"found at {parts.scheme}://{parts.netloc}"


def _reaching(url: str, exchange: Callable[[], T]) -> T:
    try:
        return exchange()
    except urllib.error.HTTPError:
        raise
    except (OSError, HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        why = f"no answer from {urlsplit(url).netloc}: {getattr(reason, 'strerror', None) or type(reason).__name__}"
        raise UnavailableError(why, hint="check the network and the address in the store's settings") from None


def _refusal(origin: str, answer: Answer) -> str | None:
    """Return why a browser would block the PUT, by the rules of Fetch ("CORS-preflight fetch")."""
    allowed = answer.headers.get("access-control-allow-origin")
    methods = _words(answer, "access-control-allow-methods")
    headers = {name.lower() for name in _words(answer, "access-control-allow-headers")}
    if not 200 <= answer.status < 300:
        return f"the preflight returned status {answer.status}"
    if allowed not in (origin, "*"):
        return "the origin is not allowed"
    if not methods & {"PUT", "*"}:
        return "the method is not allowed"
    return None if headers & {TRIED_HEADER, "*"} else f"the header {TRIED_HEADER} is not allowed"


def _words(answer: Answer, name: str) -> set[str]:
    return {word.strip() for word in answer.headers.get(name, "").split(",")}


def _port(parts: SplitResult) -> int:
    return parts.port or (443 if parts.scheme == "https" else 80)
