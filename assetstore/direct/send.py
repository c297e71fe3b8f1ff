"""Sends signed requests over HTTP, or without a server to the store's own application in this process."""

from __future__ import annotations

import contextlib
import http.client
import io
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any, NamedTuple, Self
from urllib.parse import SplitResult, unquote_to_bytes, urlsplit

import attrs

from assetstore.errors import UnsupportedError
from assetstore.results import PresignedRequest
from assetstore.store import AssetStore

_CGI = {"content-type": "CONTENT_TYPE", "content-length": "CONTENT_LENGTH"}
_TIMEOUT_SECONDS = 60
_PAUSES_SECONDS = (0.1, 0.5, 1, 0)


class Answer(NamedTuple):
    """A response. Header names are in lower case."""

    status: int
    body: bytes
    headers: dict[str, str]


@attrs.frozen
class Sender:
    """Sends a signed request, with changes if wanted."""

    _exchange: Callable[[str, str, dict[str, str], bytes | None], Answer]

    @classmethod
    def to(cls, store: AssetStore, *, max_size: int | None = None) -> Self:
        """Return a sender for the requests that a store signs. The store must be whole, not ``scoped``."""
        try:
            application = store.application("wsgi", max_size=max_size)
        except UnsupportedError:
            return cls.over_http()
        mount = urlsplit(store.presign("a").url).path.removesuffix("/a")
        return cls(_InProcess(application, mount))

    @classmethod
    def over_http(cls) -> Self:
        """Return a sender that sends to a server."""
        return cls(_over_http)

    @property
    def in_process(self) -> bool:
        """Whether an application in this process answers."""
        return isinstance(self._exchange, _InProcess)

    def __call__(
        self,
        request: PresignedRequest,
        body: bytes | None = None,
        *,
        url: str | None = None,
        method: str | None = None,
        headers: Mapping[str, str] | None = None,
        chunked: bool = False,
    ) -> Answer:
        """Send the request with the given changes; a header with an empty value is left out.

        Content-Length is the true length of the body, as a browser sends it; with ``chunked`` it is absent.
        """
        sent = {name.lower(): value for name, value in {**request.headers, **(headers or {})}.items()}
        sent.pop("content-length", None)
        if chunked:
            sent["transfer-encoding"] = "chunked"
        elif body is not None:
            sent["content-length"] = str(len(body))
        sent = {name: value for name, value in sent.items() if value}
        for pause in _PAUSES_SECONDS:
            answer = self._exchange(method or request.method, url or request.url, sent, body)
            if answer.status != HTTPStatus.TOO_MANY_REQUESTS:
                break
            # R2 allows one write per second to each key.
            time.sleep(pause)
        return answer


class _Unaltered(urllib.request.Request):
    """A request to which urllib does not add a Content-Type, which would not be signed."""

    def has_header(self, header_name: str) -> bool:
        """Return whether the header is set; pretend it for Content-Type."""
        return header_name == "Content-type" or super().has_header(header_name)


class _Hearing(http.client.HTTPConnection):
    """Reads the answer of a server that refuses a request and closes before it has read the whole body."""

    def send(self, data: Any) -> None:
        """Send as much as the server takes."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            super().send(data)


class _HearingSecurely(_Hearing, http.client.HTTPSConnection):
    """The same over TLS."""


class _Handler(urllib.request.HTTPHandler):
    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_Hearing, req)


class _SecureHandler(urllib.request.HTTPSHandler):
    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_HearingSecurely, req)


_opener = urllib.request.build_opener(_Handler, _SecureHandler)


def _over_http(method: str, url: str, headers: dict[str, str], body: bytes | None) -> Answer:
    data = body if "transfer-encoding" not in headers or body is None else iter([body])
    request = _Unaltered(url, data=data, method=method, headers=headers)
    try:
        with _opener.open(request, timeout=_TIMEOUT_SECONDS) as answer:
            return Answer(answer.status, answer.read(), _lower(answer.headers.items()))
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, error.read(), _lower(error.headers.items()))


@attrs.frozen
class _InProcess:
    """Calls a WSGI application as a server does (PEP 3333)."""

    application: Callable[..., Iterable[bytes]]
    mount: str

    def __call__(self, method: str, url: str, headers: dict[str, str], body: bytes | None) -> Answer:
        """Return the application's answer."""
        started: list[tuple[str, list[tuple[str, str]]]] = []

        def start_response(status: str, fields: list[tuple[str, str]], _: object = None) -> Callable[[bytes], object]:
            started.append((status, fields))
            return lambda _: None

        answered = self.application(self._environ(method, urlsplit(url), headers, body), start_response)
        try:
            data = b"".join(answered)
        finally:
            getattr(answered, "close", lambda: None)()
        status, fields = started[-1]
        return Answer(int(status.split()[0]), data, _lower(fields))

    def _environ(self, method: str, parts: SplitResult, headers: dict[str, str], body: bytes | None) -> dict[str, Any]:
        named = {"host": parts.netloc, **headers}
        return {
            "REQUEST_METHOD": method,
            "SCRIPT_NAME": self.mount,
            "PATH_INFO": unquote_to_bytes(parts.path.removeprefix(self.mount)).decode("latin-1"),
            "QUERY_STRING": parts.query,
            "SERVER_NAME": parts.hostname or "",
            "SERVER_PORT": str(parts.port or 80),
            "SERVER_PROTOCOL": "HTTP/1.1",
            **{_CGI.get(name, f"HTTP_{name.upper().replace('-', '_')}"): value for name, value in named.items()},
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": parts.scheme,
            "wsgi.input": io.BytesIO(body or b""),
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": True,
            "wsgi.run_once": False,
        }


def _lower(fields: Iterable[tuple[str, str]]) -> dict[str, str]:
    return {name.lower(): value for name, value in fields}
