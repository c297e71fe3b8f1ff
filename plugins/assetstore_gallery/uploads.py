"""Uploads: a browser sends files to the store by signed requests, or to the gallery where none can be signed."""

from __future__ import annotations

import itertools
import posixpath
import secrets
from collections.abc import AsyncIterator, Iterator
from typing import Any

import anyio
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from assetstore import AssetInfo, AssetStoreError, NotFoundError, PreconditionError, RefusedError
from assetstore.plugin import allows, guess_content_type, limits, refusal
from assetstore_gallery.answers import answering, denial, failure, problem, text_of
from assetstore_gallery.gallery import Gallery

PART = 16 << 20
"""Bytes from which a file goes in parts, and of a part unless there were too many."""
MAX_BODY = 5 << 30
"""Bytes of an upload through the gallery where the policy sets no bound."""


def routes(gallery: Gallery) -> list[BaseRoute]:
    """Return the routes of uploads."""

    async def body(request: Request) -> Response:
        refused = denial(gallery, request, "upload")
        if refused is None and request.query_params.get("clash") == "replace":
            refused = denial(gallery, request, "change")
        return refused or await _receive(gallery, request)

    def post(path: str, endpoint: Any) -> Route:
        return Route(f"/do/upload/{path}", endpoint, methods=["POST"])

    return [
        post("begin", answering(gallery, "upload", begin)),
        post("parts", answering(gallery, "upload", parts)),
        post("finish", answering(gallery, "upload", finish)),
        post("replace", answering(gallery, "change", replace)),
        post("cancel", answering(gallery, "upload", cancel)),
        Route("/do/upload/body", body, methods=["PUT"]),
    ]


def begin(gallery: Gallery, question: dict[str, Any]) -> dict[str, Any]:
    """Sign the upload of ``key``, which has ``size`` bytes.

    ``clash`` says what to do where the key is taken: ``ask`` refuses, ``keep`` finds a free name beside it, ``replace``
    uploads to such a name, from where ``replace`` moves it to its key. The answer has no ``token`` where the browser has to
    send the file to the gallery itself.
    """
    key, size, clash = text_of(question, "key"), int(question["size"]), question.get("clash", "ask")
    store, policy = gallery.store, gallery.options.uploads
    require_allowed(gallery, key, size)
    if not store.can("begin_upload") or size == 0:
        # A name that is free now: the store itself refuses one that is taken when the bytes come.
        return {"key": free_key(gallery, key) if clash == "keep" else key}
    target = free_key(gallery, key) if clash == "keep" else passing_key(key) if clash == "replace" else key
    part_size = None
    if size >= PART and store.can("begin_parts") and store.can("list_parts"):
        part_size = max(PART, -(-size // limits.MAX_PARTS))
    # The type comes from the key: what a browser says of a file may be wrong.
    upload = store.begin_upload(key=target, size=size, policy=policy, part_size=part_size)
    return {
        "key": upload.key,
        "token": upload.token,
        "request": upload.request.as_dict() if upload.request else None,
        "part_size": upload.part_size,
        "part_count": upload.part_count,
    }


def parts(gallery: Gallery, question: dict[str, Any]) -> dict[str, Any]:
    """Sign the upload of the parts ``numbers``, or, without these, tell which parts the store has."""
    token = text_of(question, "token")
    if "numbers" not in question:
        return {"parts": [part.number for part in gallery.store.list_parts(token)]}
    signed = gallery.store.presign_parts(token, [int(number) for number in question["numbers"]])
    return {"requests": {str(number): request.as_dict() for number, request in signed.items()}}


def finish(gallery: Gallery, question: dict[str, Any]) -> dict[str, Any]:
    """Let the store examine what was sent, and make an asset of it."""
    return _noted(gallery, gallery.store.finish_upload(text_of(question, "token")))


def replace(gallery: Gallery, question: dict[str, Any]) -> dict[str, Any]:
    """Finish an upload that began with ``clash=replace`` and move it to ``key``, which has to have the ``etag`` still."""
    store, key, etag = gallery.store, text_of(question, "key"), question.get("etag")
    info = store.finish_upload(text_of(question, "token"))
    try:
        is_same = etag is None or store.stat(key).etag == etag
    except NotFoundError:
        is_same = False
    if not is_same:
        store.delete(info.key)
        raise PreconditionError("the asset was changed meanwhile", hint="reload the page and look at it", key=key)
    return _noted(gallery, store.move(info.key, key))


def cancel(gallery: Gallery, question: dict[str, Any]) -> dict[str, Any]:
    """Delete what was sent."""
    gallery.store.cancel_upload(text_of(question, "token"))
    return {}


def require_allowed(gallery: Gallery, key: str, size: int) -> None:
    """Raise RefusedError unless the policy allows an upload.

    The store checks uploads by signed requests once more, with the bytes that were sent.
    """
    policy, content_type = gallery.options.uploads, guess_content_type(key)
    if policy.max_size is not None and size > policy.max_size:
        raise RefusedError(f"the file must have at most {policy.max_size:,} bytes, got {size:,}", hint="make it smaller")
    if not allows(policy.types, content_type):
        raise RefusedError(f"{content_type} is not allowed", hint=f"allowed are {', '.join(policy.types)}")


def free_key(gallery: Gallery, key: str) -> str:
    """Return a key beside this one that is free now: ``maps/keep (2).webp``."""
    root, suffix = posixpath.splitext(key)
    names = itertools.chain([key], (f"{root} ({number}){suffix}" for number in range(2, 100)))
    return next((name for name in names if not gallery.store.exists(name)), passing_key(key))


def passing_key(key: str) -> str:
    """Return a key beside this one that nobody else has."""
    root, suffix = posixpath.splitext(key)
    return f"{root}.{secrets.token_hex(8)}{suffix}"


async def _receive(gallery: Gallery, request: Request) -> Response:
    """Write the body of a request to the store, whole or not at all."""
    key, length = request.query_params.get("key", ""), request.headers.get("content-length", "0")
    max_size = gallery.options.uploads.max_size or MAX_BODY
    if not length.isdecimal() or int(length) > max_size:
        return problem(413, f"the file must have at most {max_size:,} bytes", "make it smaller")
    replaces = request.query_params.get("clash") == "replace"
    etag = request.query_params.get("etag") if gallery.store.can("upload.if_match") else None
    chunks = request.stream()

    def store() -> AssetInfo:
        require_allowed(gallery, key, int(length))
        source = (
            _examined(_bounded(chunks, max_size), key, gallery.options.uploads.types)
            if "content-length" not in request.headers or int(length)
            else b""
        )
        return gallery.store.upload(source, key, overwrite=replaces, if_match=etag if replaces else None)

    try:
        return JSONResponse(_noted(gallery, await run_in_threadpool(store)), 201)
    except AssetStoreError as error:
        return failure(error)
    except ClientDisconnect:
        return problem(400, "the upload was broken off")


def _bounded(chunks: AsyncIterator[bytes], max_size: int) -> Iterator[bytes]:
    """Yield, in a thread, what arrives in the loop of the server."""

    async def following() -> bytes:
        return await anext(chunks, b"")

    size = 0
    while chunk := anyio.from_thread.run(following):
        size += len(chunk)
        if size > max_size:
            raise RefusedError(f"the file must have at most {max_size:,} bytes", hint="make it smaller")
        yield chunk


def _examined(chunks: Iterator[bytes], key: str, types: tuple[str, ...]) -> Iterator[bytes]:
    """Yield the pieces of a file once its first bytes fit the type of its name, as ``finish_upload`` demands too."""
    head = b""
    while len(head) < limits.HEAD_BYTES and (chunk := next(chunks, b"")):
        head += chunk
    if reason := refusal(guess_content_type(key), head[: limits.HEAD_BYTES], types):
        raise RefusedError(reason, hint="give it the name of its type")
    yield head
    yield from chunks


def _noted(gallery: Gallery, info: AssetInfo) -> dict[str, Any]:
    gallery.index.change({info.key: info})
    return {"key": info.key, "size": info.size, "content_type": info.content_type, "etag": info.etag}
