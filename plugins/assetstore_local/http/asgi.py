"""The ASGI application, alone or mounted in Starlette, FastAPI or Django."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias
from urllib.parse import quote, unquote_to_bytes

from assetstore_local.http.put_request import PutRequest
from assetstore_local.http.responses import ErrorResponse, FileRange, Response, error_responses
from assetstore_local.http.server import Server
from assetstore_local.http.verify import Request

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

_BUFFER_BYTES = 1 << 20
_CHUNK_BYTES = 1 << 18


class _GoneError(Exception):
    """The client disconnected."""


def application(server: Server) -> Application:
    """Return the application. Only threads touch the disk, and no thread waits for a client."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] == "http":
            request = _request(scope)
            result = await _opened(server, request)
            with contextlib.suppress(_GoneError):
                if isinstance(result, PutRequest):
                    result = await _take(server, request, result, receive)
                await _send(result, scope, receive, send)

    return serve


async def _opened(server: Server, request: Request) -> Response | PutRequest:
    opening = asyncio.ensure_future(asyncio.to_thread(_open, server, request))
    try:
        return await asyncio.shield(opening)
    except asyncio.CancelledError:
        # The thread goes on, and nobody else would close the file that it opens.
        opening.add_done_callback(_close)
        raise


def _close(opened: asyncio.Future[Response | PutRequest]) -> None:
    if not opened.cancelled() and opened.exception() is None:
        opened.result().close()


def _open(server: Server, request: Request) -> Response | PutRequest:
    result = server.open(request)
    if isinstance(result, Response) and isinstance(result.body, FileRange) and result.body.length <= _CHUNK_BYTES:
        # A small asset takes one switch of threads instead of two.
        try:
            with error_responses(), contextlib.closing(result.body) as body:
                result.body = b"".join(body.chunks())
        except ErrorResponse as error:
            return server.refused(error, request, result.event)
    if isinstance(result, Response) and isinstance(result.body, bytes):
        result.sent()  # the server gets all at once
    return result


async def _take(server: Server, request: Request, put: PutRequest, receive: Receive) -> Response:
    buffer = bytearray()
    try:
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise _GoneError
            buffer += message.get("body", b"")
            more = message.get("more_body", False)
            if len(buffer) >= _BUFFER_BYTES or not more:
                await asyncio.to_thread(put.write, bytes(buffer))
                buffer.clear()
        return await asyncio.to_thread(put.finish)
    except ErrorResponse as error:
        return server.refused(error, request)
    finally:
        await asyncio.to_thread(put.close)


async def _send(response: Response, scope: Scope, receive: Receive, send: Send) -> None:
    try:
        headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in response.headers.items()]
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        if isinstance(response.body, bytes):
            await send({"type": "http.response.body", "body": response.body})
        elif "http.response.zerocopysend" in (scope.get("extensions") or {}):
            # pathsend would open the file again, by a name that another version may have by then.
            body = response.body
            file = {"file": body.file(), "offset": body.offset, "count": body.length, "more_body": False}
            await send({"type": "http.response.zerocopysend", **file})
            await asyncio.to_thread(response.sent)
        else:
            await _send_range(response, response.body, receive, send)
    finally:
        response.close()


async def _send_range(response: Response, body: FileRange, receive: Receive, send: Send) -> None:
    # Servers silently drop the bytes for a client that disconnected: unwatched, the file would be read to its end.
    gone = asyncio.ensure_future(_gone(receive))
    chunks = body.chunks(_CHUNK_BYTES)
    left = body.length
    try:
        while left:
            chunk = await asyncio.to_thread(next, chunks)
            if gone.done():
                raise _GoneError
            left -= len(chunk)
            await send({"type": "http.response.body", "body": chunk, "more_body": left > 0})
    finally:
        gone.cancel()
        await asyncio.to_thread(response.sent, body.length - left)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _live(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


def _request(scope: Scope) -> Request:
    raw: bytes = scope.get("raw_path") or quote(scope["path"]).encode()
    path = _below(raw.partition(b"?")[0], scope.get("root_path", "").encode())
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    return Request(method=scope["method"], path=path, query=scope["query_string"].decode("latin-1"), headers=headers)


def _below(raw: bytes, mount: bytes) -> bytes:
    """Return the raw path below the mount. Servers pass the mount decoded: each of its bytes may be quoted in the path."""
    for end in range(len(mount), 3 * len(mount) + 1):
        if unquote_to_bytes(raw[:end]) == mount and raw[end : end + 1] in (b"/", b""):
            return raw[end + 1 :]
    return raw.removeprefix(b"/")
