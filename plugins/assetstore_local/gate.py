"""What the application does with a request, whichever interface it came by: prove it, then serve it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from assetstore import DeleteOptions
from assetstore_local.answers import FORGED, SAFE, Answer, FileRun, Refusal, headers_of, refusing
from assetstore_local.arriving import META, Arriving
from assetstore_local.conditions import is_unmodified, run_of
from assetstore_local.proving import METHODS, Proved, Request, prove
from assetstore_local.signing import DISPOSITION, TYPE

if TYPE_CHECKING:
    from assetstore_local.backend import LocalBackend

# R2 takes no more in one request (R2, "Limits").
MAX_BODY = (5 << 30) - (5 << 20)
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_PORTS = {"http": 80, "https": 443}
_EXPOSED = "ETag, Content-Length, Content-Range, Accept-Ranges, Content-Disposition, Last-Modified"
_SPARE_BYTES = 1 << 20
_MAX_DIGITS = 19
# What would change the bytes or the asset, were it understood here: refused rather than passed over.
_NOT_HERE = frozenset({"content-encoding", "content-range", "expires"})
_AMZ = "x-amz-"
_HERE = frozenset({"x-amz-checksum-sha256", "x-amz-content-sha256", "x-amz-date", "x-amz-user-agent"})


class Gate:
    """Answers requests for one backend; safe across threads."""

    def __init__(self, backend: LocalBackend, *, max_body: int = MAX_BODY) -> None:
        """Open it; ``max_body`` is the most bytes that one upload may have."""
        self.backend = backend
        self._max_body = max_body
        self._scheme = urlsplit(backend.serve_url).scheme
        self._host = self._named(urlsplit(backend.serve_url).netloc)

    def open(self, request: Request) -> Answer | Arriving:
        """Return the answer, or what takes the body of an upload first."""
        try:
            self._check_host(request.headers.get("host", ""))
            if request.method == "OPTIONS":
                return self._preflight(request.headers)
            with refusing():
                ring = self.backend.ring()
            answer = self._serve(request, prove(request, ring))
        except Refusal as refusal:
            return self.refused(refusal, request)
        return answer if isinstance(answer, Arriving) else self._dressed(answer, request.headers)

    def refused(self, refusal: Refusal, request: Request) -> Answer:
        """Return the answer to what was refused; one to a HEAD has no body."""
        answer = refusal.answer()
        if request.method == "HEAD":
            answer.body = b""
        return self._dressed(answer, request.headers)

    def _dressed(self, answer: Answer, headers: Mapping[str, str]) -> Answer:
        """Add what every answer has: what tames browsers, and leave for pages of the store's origins."""
        answer.measure()
        answer.headers |= SAFE
        origins = self.backend.origins
        if origins:
            answer.headers["vary"] = "Origin"
        if (origin := headers.get("origin")) and ("*" in origins or origin in origins):
            metadata = ", ".join(name for name in answer.headers if name.startswith(META))
            answer.headers["access-control-allow-origin"] = "*" if "*" in origins else origin
            answer.headers["access-control-expose-headers"] = f"{_EXPOSED}, {metadata}" if metadata else _EXPOSED
        return answer

    def _named(self, netloc: str) -> tuple[str | None, int | None]:
        """Return host and port that a browser would call so."""
        parts = urlsplit(f"//{netloc}")
        return parts.hostname, parts.port or _PORTS[self._scheme]

    def _check_host(self, host: str) -> None:
        try:
            named = self._named(host) if "@" not in host and "/" not in host else (None, None)
        except ValueError:
            named = (None, None)
        # On loopback, a port may be forwarded from another one.
        if named != self._host and not (self._host[0] in _LOOPBACK and named[0] in _LOOPBACK):
            raise Refusal(400, "InvalidRequest", "The Host is not the one of the store's serve_url.")

    def _preflight(self, headers: Mapping[str, str]) -> Answer:
        method = headers.get("access-control-request-method", "")
        answer = self._dressed(Answer(204), headers)
        if "access-control-allow-origin" not in answer.headers or method not in METHODS:
            raise Refusal(403, "AccessForbidden", "This origin, method or header is not allowed.")
        answer.headers["access-control-allow-methods"] = method
        if asked := headers.get("access-control-request-headers"):
            answer.headers["access-control-allow-headers"] = asked
        answer.headers["access-control-max-age"] = "3600"
        return answer

    def _serve(self, request: Request, proved: Proved) -> Answer | Arriving:
        if request.method == "PUT":
            return self._take(request.headers, proved)
        if request.method == "DELETE":
            with refusing():
                report = self.backend.assetstore_delete(keys=[proved.key], options=DeleteOptions())
                for failure in report.failed if report else ():
                    raise failure.error
            return Answer(204)
        return self._show(request, proved)

    def _take(self, headers: Mapping[str, str], proved: Proved) -> Arriving:
        text = headers.get("content-length", "")
        if not (text.isascii() and text.isdecimal()) or "transfer-encoding" in headers:
            raise Refusal(411, "MissingContentLength", "You must provide the Content-Length HTTP header.")
        stray = headers.keys() - proved.bound
        if any(name.startswith(META) for name in stray):
            # What nobody signed shall not be stored.
            raise Refusal(*FORGED)
        for name in stray:
            if name in _NOT_HERE or (name.startswith(_AMZ) and name not in _HERE):
                raise Refusal(501, "NotImplemented", f"Header '{name}' not implemented")
        if len(text) > _MAX_DIGITS or int(text) > self._max_body:
            raise Refusal(413, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed object size.")
        with refusing():
            free = self.backend.free_bytes()
        if int(text) > free - _SPARE_BYTES:
            raise Refusal(413, "EntityTooLarge", "There is not enough space left for the upload.")
        return Arriving(self.backend, proved, headers, int(text), lambda answer: self._dressed(answer, headers))

    def _show(self, request: Request, proved: Proved) -> Answer:
        overrides = {
            name: proved.query[parameter]
            for name, parameter in (("content-type", TYPE), ("content-disposition", DISPOSITION))
            if parameter in proved.query
        }
        with refusing():
            info, descriptor = self.backend.opened(proved.key)
        body = FileRun(descriptor, 0, info.size)
        try:
            headers = headers_of(info, overrides)
            if is_unmodified(info, request.headers):
                body.close()
                kept = ("etag", "last-modified", "cache-control")
                return Answer(304, {name: headers[name] for name in kept if name in headers})
            status = 200
            if run := run_of(info, request.headers):
                body.offset, body.length = run
                headers["content-range"] = f"bytes {run[0]}-{run[0] + run[1] - 1}/{info.size}"
                status = 206
        except BaseException:
            body.close()
            raise
        answer = Answer(status, headers, body)
        answer.measure()
        if request.method == "HEAD":
            answer.close()
            answer.body = b""
        return answer
