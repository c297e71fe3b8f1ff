"""What the application does with a request, whichever interface it came by: prove it, then serve it."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote_to_bytes, urlsplit

import attrs

from assetstore import (
    DeleteOptions,
    KeyRing,
    UploadOptions,
    decode_metadata,
    guess_content_type,
    is_valid_key,
    normalize_key,
)
from assetstore_local.answers import FORGED, SAFE, Answer, FileRun, Refusal, headers_of, refusing
from assetstore_local.conditions import is_unmodified, run_of
from assetstore_local.parts import save_part
from assetstore_local.signing import (
    BOUND,
    DISPOSITION,
    EXPIRES,
    PARAMETERS,
    PART,
    SIGNATURE,
    TYPE,
    UPLOAD,
    signed_fields,
)

if TYPE_CHECKING:
    from assetstore_local.backend import LocalBackend

MAX_BODY = (5 << 30) - (5 << 20)
_METHODS = ("GET", "HEAD", "PUT", "DELETE")
_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
_EXPOSED = "ETag, Content-Length, Content-Range, Accept-Ranges, Content-Disposition, Last-Modified"
_META = "x-amz-meta-"
_INCOMPLETE = (400, "IncompleteBody", "The body has not as many bytes as the Content-Length header says.")
_SPARE_BYTES = 1 << 20


@attrs.frozen(kw_only=True)
class Request:
    """A request.

    Attributes:
        method: HTTP method.
        path: the raw path below the place where the application is mounted, without its leading slash.
        query: the raw query.
        headers: names in lower case.
    """

    method: str
    path: bytes
    query: str = attrs.field(repr=False)
    headers: Mapping[str, str] = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class _Proved:
    """What a valid signature allows."""

    key: str
    query: Mapping[str, str]
    bound: frozenset[str]


class Arriving:
    """An upload whose bytes are on their way. Each method may block on the disk; ``close`` belongs behind all else."""

    def __init__(self, gate: Gate, proved: _Proved, headers: Mapping[str, str], size: int) -> None:
        self._gate, self._proved, self._headers, self._left = gate, proved, headers, size
        self._md5 = hashlib.md5(usedforsecurity=False) if "content-md5" in headers or PART in proved.query else None
        self._stack = ExitStack()
        with refusing():
            self._incoming = self._stack.enter_context(gate.backend.incoming())

    def write(self, data: bytes) -> None:
        """Take further bytes.

        Raises:
            Refusal: there are more than were declared, or the disk is full.
        """
        self._left -= len(data)
        if self._left < 0:
            raise Refusal(*_INCOMPLETE)
        with refusing():
            self._incoming.write(data)
        if self._md5:
            self._md5.update(data)

    def finish(self) -> Answer:
        """Store what came, and return the answer.

        Raises:
            Refusal: bytes are missing, differ from a digest, or a condition does not hold.
        """
        if self._left:
            raise Refusal(*_INCOMPLETE)
        self._check_digests()
        query = self._proved.query
        with refusing():
            if PART in query:
                etag: str | None = self._md5.hexdigest() if self._md5 else ""
                save_part(self._incoming, self._proved.key, query[UPLOAD], int(query[PART]), str(etag))
            else:
                etag = self._incoming.commit(self._proved.key, _upload_options(self._proved.key, self._headers)).etag
        return self._gate.dressed(Answer(200, {"etag": f'"{etag}"'}), self._headers)

    def close(self) -> None:
        """Leave nothing that was not stored."""
        self._stack.close()

    def _check_digests(self) -> None:
        expected = {
            "x-amz-checksum-sha256": self._incoming.sha256,
            "content-md5": self._md5.digest() if self._md5 else b"",
        }
        for name, digest in expected.items():
            if name in self._headers and not hmac.compare_digest(_unbase64(self._headers[name]), digest):
                raise Refusal(400, "BadDigest", f"The {name} you specified did not match what we received.")


class Gate:
    """Answers requests for one backend; safe across threads."""

    def __init__(self, backend: LocalBackend, *, max_body: int = MAX_BODY) -> None:
        """Open it; ``max_body`` is the most bytes that one upload may have."""
        self.backend = backend
        self._max_body = max_body
        url = urlsplit(backend.serve_url)
        # Clients leave the port out that goes without saying.
        self._port = ":443" if url.scheme == "https" else ":80"
        self._host = url.netloc.lower().removesuffix(self._port)
        self._loopback = url.hostname in ("localhost", "127.0.0.1", "::1")

    def open(self, request: Request) -> Answer | Arriving:
        """Return the answer, or what takes the body of an upload first."""
        try:
            self._check_host(request.headers.get("host", ""))
            if request.method == "OPTIONS":
                return self._preflight(request.headers)
            proved = self._prove(request)
            answer = self._serve(request, proved)
        except Refusal as refusal:
            return self.refused(refusal, request)
        return answer if isinstance(answer, Arriving) else self.dressed(answer, request.headers)

    def refused(self, refusal: Refusal, request: Request) -> Answer:
        """Return the answer to what was refused; one to a HEAD has no body."""
        answer = refusal.answer()
        if request.method == "HEAD" or refusal.status == 304:
            answer.body = b""
        return self.dressed(answer, request.headers)

    def dressed(self, answer: Answer, headers: Mapping[str, str]) -> Answer:
        """Add what every answer has: what tames browsers, and leave for pages of the store's origins."""
        length = answer.body.length if isinstance(answer.body, FileRun) else len(answer.body)
        answer.headers.setdefault("content-length", str(length))
        answer.headers |= SAFE
        origins = self.backend.origins
        if origins:
            answer.headers["vary"] = "Origin"
        if (origin := headers.get("origin")) and ("*" in origins or origin in origins):
            metadata = ", ".join(name for name in answer.headers if name.startswith(_META))
            answer.headers["access-control-allow-origin"] = origin
            answer.headers["access-control-expose-headers"] = f"{_EXPOSED}, {metadata}" if metadata else _EXPOSED
        return answer

    def _check_host(self, host: str) -> None:
        host = host.lower().removesuffix(self._port)
        name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
        if host != self._host and not (self._loopback and name in _LOOPBACK):
            raise Refusal(400, "InvalidRequest", "The Host is not the one of the store's serve_url.")

    def _preflight(self, headers: Mapping[str, str]) -> Answer:
        method = headers.get("access-control-request-method", "")
        answer = self.dressed(Answer(204), headers)
        if "access-control-allow-origin" not in answer.headers or method not in _METHODS:
            raise Refusal(403, "AccessForbidden", "This origin, method or header is not allowed.")
        answer.headers["access-control-allow-methods"] = method
        if asked := headers.get("access-control-request-headers"):
            answer.headers["access-control-allow-headers"] = asked
        answer.headers["access-control-max-age"] = "3600"
        return answer

    def _prove(self, request: Request) -> _Proved:
        """Return what the signature allows.

        Raises:
            Refusal: it is missing, forged, for another request, or has ended.
        """
        try:
            key = unquote_to_bytes(request.path).decode()
            pairs = parse_qsl(request.query, keep_blank_values=True, strict_parsing=True, errors="strict", max_num_fields=20)
        except ValueError as error:
            raise Refusal(*FORGED) from error
        query = dict(pairs)
        if len(query) != len(pairs) or not query.keys() <= PARAMETERS or not {EXPIRES, SIGNATURE} <= query.keys():
            raise Refusal(*FORGED)
        bound = [name for name in query.get(BOUND, "").split(";") if name]
        headers = [(name, request.headers.get(name, "")) for name in bound]
        fields = signed_fields(request.method, key, query, headers)
        ring: KeyRing = self.backend.ring()
        if request.method not in _METHODS or not ring.verify(query[SIGNATURE], *fields):
            raise Refusal(*FORGED)
        if int(query[EXPIRES]) <= datetime.now(UTC).timestamp():
            raise Refusal(403, "ExpiredRequest", "Request has expired")
        # What is signed was valid; a key of another store's rules is none of ours.
        if not is_valid_key(key) or normalize_key(key) != key:
            raise Refusal(*FORGED)
        return _Proved(key=key, query=query, bound=frozenset(bound))

    def _serve(self, request: Request, proved: _Proved) -> Answer | Arriving:
        if request.method == "PUT":
            return self._take(request.headers, proved)
        if request.method == "DELETE":
            with refusing():
                report = self.backend.assetstore_delete(keys=[proved.key], options=DeleteOptions())
                for failure in report.failed if report else ():
                    raise failure.error
            return Answer(204)
        return self._show(request, proved)

    def _take(self, headers: Mapping[str, str], proved: _Proved) -> Arriving:
        text = headers.get("content-length", "")
        if not (text.isascii() and text.isdecimal()) or "transfer-encoding" in headers:
            raise Refusal(411, "MissingContentLength", "You must provide the Content-Length HTTP header.")
        stray = {name for name in headers if name.startswith(_META)} - proved.bound
        if stray:
            # What nobody signed shall not be stored.
            raise Refusal(*FORGED)
        if int(text) > self._max_body:
            raise Refusal(413, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed object size.")
        with refusing():
            free = self.backend.free_bytes()
        if int(text) > free - _SPARE_BYTES:
            raise Refusal(413, "EntityTooLarge", "There is not enough space left for the upload.")
        return Arriving(self, proved, headers, int(text))

    def _show(self, request: Request, proved: _Proved) -> Answer:
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
        answer = Answer(status, {**headers, "content-length": str(body.length)}, body)
        if request.method == "HEAD":
            answer.close()
            answer.body = b""
        return answer


def _upload_options(key: str, headers: Mapping[str, str]) -> UploadOptions:
    metadata = {name.removeprefix(_META): value for name, value in headers.items() if name.startswith(_META)}
    if_match = headers.get("if-match")
    return UploadOptions(
        content_type=headers.get("content-type") or guess_content_type(key),
        cache_control=headers.get("cache-control"),
        content_disposition=headers.get("content-disposition"),
        content_language=headers.get("content-language"),
        metadata=decode_metadata(metadata),
        overwrite="if-none-match" not in headers,
        if_match=None if if_match is None else if_match.strip().strip('"'),
    )


def _unbase64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Refusal(400, "InvalidDigest", "The digest you specified is not valid.") from error
