"""The application for ASGI servers, alone or mounted in Starlette, FastAPI or Django."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias
from urllib.parse import quote, unquote_to_bytes

from assetstore_local.answers import Answer, FileRun, Refusal, refusing
from assetstore_local.arriving import Arriving
from assetstore_local.gate import Gate
from assetstore_local.proving import Request

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

_BUFFER_BYTES = 1 << 20
_CHUNK_BYTES = 1 << 18


class _GoneError(Exception):
    """The client hung up."""


def application(gate: Gate) -> Application:
    """Return the application. The disk is only ever touched on threads, and no thread waits for a client."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] == "http":
            request = _request(scope)
            result = await _opened(gate, request)
            with contextlib.suppress(_GoneError):
                if isinstance(result, Arriving):
                    result = await _take(gate, request, result, receive)
                await _send(result, scope, receive, send)

    return serve


async def _opened(gate: Gate, request: Request) -> Answer | Arriving:
    opening = asyncio.ensure_future(asyncio.to_thread(_open, gate, request))
    try:
        return await asyncio.shield(opening)
    except asyncio.CancelledError:
        # The thread goes on; what it opens nobody else would close.
        opening.add_done_callback(_close)
        raise


def _close(opened: asyncio.Future[Answer | Arriving]) -> None:
    if not opened.cancelled() and opened.exception() is None:
        opened.result().close()


def _open(gate: Gate, request: Request) -> Answer | Arriving:
    result = gate.open(request)
    if isinstance(result, Answer) and isinstance(result.body, FileRun) and result.body.length <= _CHUNK_BYTES:
        # One change of threads for a small asset instead of two.
        try:
            with refusing(), contextlib.closing(result.body) as run:
                result.body = b"".join(run.chunks())
        except Refusal as refusal:
            return gate.refused(refusal, request)
    return result


async def _take(gate: Gate, request: Request, arriving: Arriving, receive: Receive) -> Answer:
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
                await asyncio.to_thread(arriving.write, bytes(buffer))
                buffer.clear()
        return await asyncio.to_thread(arriving.finish)
    except Refusal as refusal:
        return gate.refused(refusal, request)
    finally:
        await asyncio.to_thread(arriving.close)


async def _send(answer: Answer, scope: Scope, receive: Receive, send: Send) -> None:
    try:
        headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers.items()]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        if isinstance(answer.body, bytes):
            await send({"type": "http.response.body", "body": answer.body})
        elif "http.response.zerocopysend" in (scope.get("extensions") or {}):
            # pathsend would open the file anew, by a name that another version may have by then.
            run = answer.body
            file = {"file": run.file(), "offset": run.offset, "count": run.length, "more_body": False}
            await send({"type": "http.response.zerocopysend", **file})
        else:
            await _send_run(answer.body, receive, send)
    finally:
        answer.close()


async def _send_run(run: FileRun, receive: Receive, send: Send) -> None:
    # Servers take what is for a client that hung up and drop it: unwatched, its file would be read to the end.
    gone = asyncio.ensure_future(_gone(receive))
    chunks = run.chunks(_CHUNK_BYTES)
    left = run.length
    try:
        while left:
            chunk = await asyncio.to_thread(next, chunks)
            if gone.done():
                raise _GoneError
            left -= len(chunk)
            await send({"type": "http.response.body", "body": chunk, "more_body": left > 0})
    finally:
        gone.cancel()


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
    """Return what is left of a raw path behind the mount, which servers tell decoded: each byte of it takes one or three."""
    for place in range(len(mount), 3 * len(mount) + 1):
        if unquote_to_bytes(raw[:place]) == mount and raw[place : place + 1] in (b"/", b""):
            return raw[place + 1 :]
    return raw.removeprefix(b"/")
