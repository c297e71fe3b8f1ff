"""The WSGI application, alone or mounted in Flask or Django."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from http import HTTPStatus
from typing import Any, TypeAlias
from urllib.parse import parse_qsl, quote_from_bytes

from assetstore_local.http.put_request import PutRequest
from assetstore_local.http.responses import ErrorResponse, FileRange, Response
from assetstore_local.http.server import Server
from assetstore_local.http.verify import Request, bound_names

StartResponse: TypeAlias = Callable[[str, list[tuple[str, str]]], Any]
Application: TypeAlias = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]

_CHUNK_BYTES = 1 << 18
_PLAIN = {"CONTENT_TYPE": "content-type", "CONTENT_LENGTH": "content-length"}


def application(server: Server) -> Application:
    """Return the application."""

    def serve(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        request = _request(environ)
        response = server.open(request)
        if isinstance(response, PutRequest):
            response = _take(server, request, response, environ)
        reason = HTTPStatus(response.status).phrase
        try:
            start_response(f"{response.status} {reason}", list(response.headers.items()))
        except BaseException:
            response.close()
            raise
        if isinstance(response.body, bytes):
            response.sent()
            return [response.body]
        wrapper = environ.get("wsgi.file_wrapper")
        if wrapper is not None and response.status == HTTPStatus.OK:
            # The server closes the file and, if it can, lets the kernel send it. Some would send a range to the file's end.
            whole: Iterable[bytes] = wrapper(_WholeFile(response, response.body), _CHUNK_BYTES)
            return whole
        return _WsgiBody(response, response.body)

    return serve


class _WsgiBody:
    """Closes the file even if no chunk was read, which a generator would not do."""

    def __init__(self, response: Response, body: FileRange) -> None:
        self._response = response
        self._body = body
        self._count = 0

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._body.chunks(_CHUNK_BYTES):
            self._count += len(chunk)
            yield chunk

    def close(self) -> None:
        """Close the file."""
        self._response.sent(self._count)
        self._body.close()


class _WholeFile(io.FileIO):
    """A file that the server sends; how much of it, only the server knows."""

    def __init__(self, response: Response, body: FileRange) -> None:
        super().__init__(body.take(), "rb")
        self._response = response

    def close(self) -> None:
        """Close the file."""
        super().close()
        self._response.sent()


def _take(server: Server, request: Request, put: PutRequest, environ: dict[str, Any]) -> Response:
    body, left = environ["wsgi.input"], int(request.headers["content-length"])
    try:
        while left and (data := body.read(min(left, _CHUNK_BYTES))):
            left -= len(data)
            put.write(data)
        return put.finish()
    except ErrorResponse as error:
        return server.refused(error, request)
    finally:
        put.close()


def _request(environ: dict[str, Any]) -> Request:
    query = environ.get("QUERY_STRING", "")
    # CGI spells - and _ alike, so the names of bound headers come from the signed query.
    names = {_variable(name): name for name in bound_names(dict(parse_qsl(query)))}
    headers = {
        names.get(variable, variable.removeprefix("HTTP_").replace("_", "-").lower()): value
        for variable, value in environ.items()
        if variable.startswith("HTTP_")
    }
    headers |= {name: environ[variable] for variable, name in _PLAIN.items() if environ.get(variable)}
    # PEP 3333 passes the path decoded once, as Latin-1; quoting its bytes again restores the meaning of the URL.
    path = quote_from_bytes(environ.get("PATH_INFO", "").encode("latin-1")).encode().removeprefix(b"/")
    return Request(method=environ["REQUEST_METHOD"], path=path, query=query, headers=headers)


def _variable(name: str) -> str:
    return f"HTTP_{name.upper().replace('-', '_')}"
