"""Uploads and downloads with Litestar: ``uvicorn --factory --app-dir docs/frameworks litestar_app:create_app``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from downloads import download
from litestar import Litestar, Request, Response, asgi, get, post, put
from litestar.datastructures import State, UploadFile
from litestar.enums import RequestEncodingType
from litestar.handlers import ASGIRouteHandler
from litestar.params import Body
from litestar.response import File, Redirect, Stream
from litestar.types import ASGIApp, Receive, Scope, Send

from assetstore import AssetStore, AssetStoreError, UploadPolicy, errors, open_store
from assetstore.aio import AsyncAssetStore

PAGE = Path(__file__).parents[1] / "direct-upload" / "upload.html"
IMAGES = UploadPolicy(types=("image/png", "image/jpeg", "image/webp", "image/gif"), max_size=20 << 20)
STATUS = {
    errors.InvalidKeyError: 400,
    errors.InvalidOptionError: 400,
    errors.TokenError: 403,
    errors.NotFoundError: 404,
    errors.AlreadyExistsError: 409,
    errors.RefusedError: 422,
    errors.IntegrityError: 422,
}
Form = Annotated[UploadFile, Body(media_type=RequestEncodingType.MULTI_PART)]


@get("/")
async def page() -> File:
    return File(PAGE, media_type="text/html", content_disposition_type="inline")


@post("/begin", status_code=200)  # who may upload in your application: give it a guard that knows
async def begin(state: State, data: dict[str, str | int]) -> dict[str, object]:
    kind = data["content_type"] or None
    upload = await state.store.begin_upload(
        filename=data["filename"], size=int(data["size"]), content_type=kind, policy=IMAGES
    )
    return {"token": upload.token, "request": upload.request.as_dict()}


@post("/finish", status_code=200)
async def finish(state: State, data: dict[str, str]) -> dict[str, str]:
    info = await state.store.finish_upload(data["token"])
    return {"key": info.key, "url": (await state.store.presign(info.key)).url}


@post("/upload", status_code=200)  # through this server: for small files, or for what it changes on its way
async def upload(state: State, data: Form) -> dict[str, str]:
    info = await state.store.upload(data)
    return {"key": info.key, "url": (await state.store.presign(info.key)).url}


@put("/stream/{key:path}")  # the body as it arrives: nothing is kept on this server's disk
async def stream(state: State, key: str, request: Request) -> dict[str, str | int]:
    kind = request.headers.get("content-type")
    info = await state.store.upload(request.stream(), key.lstrip("/"), content_type=kind, overwrite=False)
    return {"key": info.key, "size": info.size}


@get("/link/{key:path}")
async def link(state: State, key: str) -> Redirect:
    return Redirect((await state.store.presign(key.lstrip("/"), expires=300)).url)


@get("/file/{key:path}")  # through this server: for what no link may be given away
async def file(state: State, key: str, request: Request) -> Stream:
    asked = request.headers
    status, headers, body = await download(state.store, key.lstrip("/"), asked.get("range"), asked.get("if-range"))
    return Stream(body, status_code=status, headers=headers, media_type=headers.pop("content-type"))


def explain(request: Request, error: AssetStoreError) -> Response[dict[str, str]]:
    return Response({"error": error.message}, status_code=STATUS.get(type(error), 500))


def mounted(application: ASGIApp) -> ASGIRouteHandler:
    @asgi("/assets", is_mount=True, copy_scope=True)
    async def assets(scope: Scope, receive: Receive, send: Send) -> None:
        await application({**scope, "root_path": "/assets"}, receive, send)  # Litestar does not say where it is mounted

    return assets


def create_app(store: AssetStore | None = None) -> Litestar:
    opened = AsyncAssetStore(store or open_store())
    handlers = [page, begin, finish, upload, stream, link, file]
    if opened.can("application"):  # a folder's signed URLs are answered here, those of R2 by R2
        handlers.append(mounted(opened.application("asgi")))
    return Litestar(handlers, state=State({"store": opened}), exception_handlers={AssetStoreError: explain})
