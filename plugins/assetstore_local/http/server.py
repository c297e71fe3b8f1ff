"""Serves signed requests of either interface: verifies the signature, then reads, writes or deletes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

import attrs

from assetstore.plugin import METADATA_HEADER, SHA256_HEADER, Answering, SigningKeys, limits
from assetstore_local.delete import delete
from assetstore_local.disk.root import Root
from assetstore_local.http.conditions import is_unmodified, range_of
from assetstore_local.http.put_request import PutRequest
from assetstore_local.http.responses import FORGED, SAFE, ErrorResponse, FileRange, Response, error_responses, headers_of
from assetstore_local.http.unsigned_page import unsigned_page
from assetstore_local.http.verify import METHODS, Request, Verified, verify
from assetstore_local.presign import DISPOSITION, TYPE
from assetstore_local.read import open_file

_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_PORTS = {"http": 80, "https": 443}
_EXPOSED = "ETag, Content-Length, Content-Range, Accept-Ranges, Content-Disposition, Last-Modified"
_SPARE_BYTES = 1 << 20
_MAX_DIGITS = 19
# These headers would change the bytes or the asset. They are not implemented, so they are refused rather than ignored.
_REFUSED = frozenset({"content-encoding", "content-range", "expires"})
_AMZ = "x-amz-"
_OPERATIONS = {"GET": "read", "HEAD": "stat", "PUT": "upload", "DELETE": "delete"}
_UNDERSTOOD = frozenset({SHA256_HEADER, "x-amz-content-sha256", "x-amz-date", "x-amz-user-agent"})


@attrs.define(eq=False, kw_only=True)
class Server:
    """Serves the signed requests of one folder; safe across threads.

    Attributes:
        root: the folder.
        keys: returns the signing keys.
        serve_url: the beginning of signed URLs; requests for another Host are refused.
        origins: web pages whose scripts may use signed URLs.
        max_body: the most bytes of one upload; ``None`` for R2's limit.
        begin: begins the event of an operation and its key.
    """

    root: Root
    keys: Callable[[], SigningKeys]
    serve_url: str
    origins: tuple[str, ...]
    max_body: int | None
    begin: Callable[[str, str], Answering]
    _scheme: str = attrs.field(init=False)
    _host: tuple[str | None, int | None] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        """Parse ``serve_url``."""
        parts = urlsplit(self.serve_url)
        self._scheme = parts.scheme
        self._host = self._named(parts.netloc)

    def open(self, request: Request) -> Response | PutRequest:
        """Return the response, or a PutRequest that has to receive the body first."""
        try:
            self._check_host(request.headers.get("host", ""))
            if request.method == "OPTIONS":
                return self._preflight(request.headers)
            with error_responses():
                keys = self.keys()
            verified = verify(request, keys)
        except ErrorResponse as error:
            return self.refused(error, request)
        event = self.begin(_OPERATIONS[request.method], verified.key)
        try:
            response = self._serve(request, verified)
        except ErrorResponse as error:
            return self.refused(error, request, event)
        response.event = event
        return response if isinstance(response, PutRequest) else self._completed(response, request.headers)

    def refused(self, error: ErrorResponse, request: Request, event: Answering | None = None) -> Response:
        """Return the response to a refused request, without a body to a HEAD, and end its event."""
        if event is not None:
            event.finish(error.reason)
        response = unsigned_page(request, error) or error.response()
        if request.method == "HEAD":
            response.body = b""
        return self._completed(response, request.headers)

    def _completed(self, response: Response, headers: Mapping[str, str]) -> Response:
        """Add the headers of every response: its length, those that keep browsers from running assets, and CORS."""
        response.measure()
        response.headers = {**SAFE, **response.headers}
        origins = self.origins
        if origins:
            response.headers["vary"] = "Origin"
        if (origin := headers.get("origin")) and ("*" in origins or origin in origins):
            metadata = ", ".join(name for name in response.headers if name.startswith(METADATA_HEADER))
            response.headers["access-control-allow-origin"] = "*" if "*" in origins else origin
            response.headers["access-control-expose-headers"] = f"{_EXPOSED}, {metadata}" if metadata else _EXPOSED
        return response

    def _named(self, netloc: str) -> tuple[str | None, int | None]:
        """Return the host and port of an address, with the default port if it has none."""
        parts = urlsplit(f"//{netloc}")
        return parts.hostname, parts.port or _PORTS[self._scheme]

    def _check_host(self, host: str) -> None:
        try:
            named = self._named(host) if "@" not in host and "/" not in host else (None, None)
        except ValueError:
            named = (None, None)
        # A port on loopback may be forwarded from another one.
        if named != self._host and not (self._host[0] in _LOOPBACK and named[0] in _LOOPBACK):
            raise ErrorResponse(400, "InvalidRequest", "The Host must be that of the store's serve_url.")

    def _preflight(self, headers: Mapping[str, str]) -> Response:
        method = headers.get("access-control-request-method", "")
        response = self._completed(Response(204), headers)
        if "access-control-allow-origin" not in response.headers or method not in METHODS:
            raise ErrorResponse(403, "AccessForbidden", "This origin, method or header is not allowed.")
        response.headers["access-control-allow-methods"] = method
        if asked := headers.get("access-control-request-headers"):
            response.headers["access-control-allow-headers"] = asked
        response.headers["access-control-max-age"] = "3600"
        return response

    def _serve(self, request: Request, verified: Verified) -> Response | PutRequest:
        if request.method == "PUT":
            return self._take(request.headers, verified)
        if request.method == "DELETE":
            with error_responses():
                for failure in delete(self.root, [verified.key]).failed:
                    raise failure.error
            return Response(204)
        return self._show(request, verified)

    def _take(self, headers: Mapping[str, str], verified: Verified) -> PutRequest:
        text = headers.get("content-length", "")
        if not (text.isascii() and text.isdecimal()) or "transfer-encoding" in headers:
            raise ErrorResponse(411, "MissingContentLength", "You must provide the Content-Length HTTP header.")
        stray = headers.keys() - verified.bound
        if any(name.startswith(METADATA_HEADER) for name in stray):
            # Metadata headers must be signed.
            raise ErrorResponse(*FORGED)
        for name in stray:
            if name in _REFUSED or (name.startswith(_AMZ) and name not in _UNDERSTOOD):
                raise ErrorResponse(501, "NotImplemented", f"Header '{name}' not implemented")
        if len(text) > _MAX_DIGITS or int(text) > (self.max_body or limits.MAX_PART):
            raise ErrorResponse(413, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed object size.")
        with error_responses():
            free = self.root.free_bytes()
        if int(text) > free - _SPARE_BYTES:
            raise ErrorResponse(413, "EntityTooLarge", "There is not enough space left for the upload.")
        return PutRequest(self.root, verified, headers, int(text), lambda response: self._completed(response, headers))

    def _show(self, request: Request, verified: Verified) -> Response:
        overrides = {
            name: verified.query[parameter]
            for name, parameter in (("content-type", TYPE), ("content-disposition", DISPOSITION))
            if parameter in verified.query
        }
        with error_responses():
            info, descriptor = open_file(self.root, verified.key)
        body = FileRange(descriptor, 0, info.size)
        try:
            headers = headers_of(info, overrides)
            if is_unmodified(info, request.headers):
                body.close()
                kept = ("etag", "last-modified", "cache-control", "content-security-policy")
                return Response(304, {name: headers[name] for name in kept if name in headers})
            status = 200
            if byte_range := range_of(info, request.headers):
                body.offset, body.length = byte_range
                headers["content-range"] = f"bytes {body.offset}-{body.offset + body.length - 1}/{info.size}"
                status = 206
        except BaseException:
            body.close()
            raise
        response = Response(status, headers, body)
        response.measure()
        if request.method == "HEAD":
            response.close()
            response.body = b""
        return response
