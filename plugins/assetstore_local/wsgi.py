"""The application for WSGI servers, alone or mounted in Flask or Django."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from http import HTTPStatus
from typing import Any, TypeAlias
from urllib.parse import parse_qsl, quote_from_bytes

from assetstore_local.answers import Answer, FileRun, Refusal
from assetstore_local.arriving import Arriving
from assetstore_local.gate import Gate
from assetstore_local.proving import Request, bound_names

StartResponse: TypeAlias = Callable[[str, list[tuple[str, str]]], Any]
Application: TypeAlias = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]

_CHUNK_BYTES = 1 << 18
_PLAIN = {"CONTENT_TYPE": "content-type", "CONTENT_LENGTH": "content-length"}


def application(gate: Gate) -> Application:
    """Return the application."""

    def serve(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        request = _request(environ)
        answer = gate.open(request)
        if isinstance(answer, Arriving):
            answer = _take(gate, request, answer, environ)
        reason = HTTPStatus(answer.status).phrase
        try:
            start_response(f"{answer.status} {reason}", list(answer.headers.items()))
        except BaseException:
            answer.close()
            raise
        if isinstance(answer.body, bytes):
            return [answer.body]
        wrapper = environ.get("wsgi.file_wrapper")
        if wrapper is not None and answer.status == HTTPStatus.OK:
            # Where it can, the server lets the kernel send the file, and closes it. Some would send a run to the file's end.
            whole: Iterable[bytes] = wrapper(os.fdopen(answer.body.take(), "rb"), _CHUNK_BYTES)
            return whole
        return _Run(answer.body)

    return serve


class _Run:
    """A body that is closed even if it was never begun, as that of a generator would not be."""

    def __init__(self, run: FileRun) -> None:
        self._run = run

    def __iter__(self) -> Iterator[bytes]:
        return self._run.chunks(_CHUNK_BYTES)

    def close(self) -> None:
        """Close the file."""
        self._run.close()


def _take(gate: Gate, request: Request, arriving: Arriving, environ: dict[str, Any]) -> Answer:
    body, left = environ["wsgi.input"], int(request.headers["content-length"])
    try:
        while left and (data := body.read(min(left, _CHUNK_BYTES))):
            left -= len(data)
            arriving.write(data)
        return arriving.finish()
    except Refusal as refusal:
        return gate.refused(refusal, request)
    finally:
        arriving.close()


def _request(environ: dict[str, Any]) -> Request:
    query = environ.get("QUERY_STRING", "")
    # CGI spells - and _ alike: a header that the request is bound to has the name that was signed.
    names = {_variable(name): name for name in bound_names(dict(parse_qsl(query)))}
    headers = {
        names.get(variable, variable.removeprefix("HTTP_").replace("_", "-").lower()): value
        for variable, value in environ.items()
        if variable.startswith("HTTP_")
    }
    headers |= {name: environ[variable] for variable, name in _PLAIN.items() if environ.get(variable)}
    # PEP 3333 tells the path decoded once, as Latin-1; quoting every byte of it again is what the URL meant.
    path = quote_from_bytes(environ.get("PATH_INFO", "").encode("latin-1")).encode().removeprefix(b"/")
    return Request(method=environ["REQUEST_METHOD"], path=path, query=query, headers=headers)


def _variable(name: str) -> str:
    return f"HTTP_{name.upper().replace('-', '_')}"
