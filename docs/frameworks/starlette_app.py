"""Uploads and downloads with Starlette: ``uvicorn --factory --app-dir docs/frameworks starlette_app:create_app``."""

from __future__ import annotations

from pathlib import Path

from downloads import download
from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Mount, Route

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


async def page(request: Request) -> Response:
    return FileResponse(PAGE)


async def begin(request: Request) -> Response:  # who may upload in your application: put your check of that before it
    file = await request.json()
    upload = await request.app.state.store.begin_upload(
        filename=file["filename"], size=file["size"], content_type=file["content_type"] or None, policy=IMAGES
    )
    return JSONResponse({"token": upload.token, "request": upload.request.as_dict()})


async def finish(request: Request) -> Response:
    store: AsyncAssetStore = request.app.state.store
    info = await store.finish_upload((await request.json())["token"])
    return JSONResponse({"key": info.key, "url": (await store.presign(info.key)).url})


async def upload(request: Request) -> Response:  # through this server: for small files, or for what it changes on its way
    store: AsyncAssetStore = request.app.state.store
    async with request.form() as form:
        file = form.get("file")
        if not isinstance(file, UploadFile):  # a text would name a file of this server
            raise HTTPException(400, "file must be a file")
        info = await store.upload(file)
    return JSONResponse({"key": info.key, "url": (await store.presign(info.key)).url})


async def stream(request: Request) -> Response:  # the body as it arrives: nothing is kept on this server's disk
    store: AsyncAssetStore = request.app.state.store
    kind = request.headers.get("content-type")
    info = await store.upload(request.stream(), request.path_params["key"], content_type=kind, overwrite=False)
    return JSONResponse({"key": info.key, "size": info.size})


async def link(request: Request) -> Response:
    return RedirectResponse((await request.app.state.store.presign(request.path_params["key"], expires=300)).url)


async def file(request: Request) -> Response:  # through this server: for what no link may be given away
    store, key, headers = request.app.state.store, request.path_params["key"], request.headers
    status, headers, body = await download(store, key, headers.get("range"), headers.get("if-range"))
    return StreamingResponse(body, status, headers)


async def explain(request: Request, error: AssetStoreError) -> Response:
    return JSONResponse({"error": error.message}, STATUS.get(type(error), 500))


def create_app(store: AssetStore | None = None) -> Starlette:
    opened = AsyncAssetStore(store or open_store())
    routes = [
        Route("/", page),
        Route("/begin", begin, methods=["POST"]),
        Route("/finish", finish, methods=["POST"]),
        Route("/upload", upload, methods=["POST"]),
        Route("/stream/{key:path}", stream, methods=["PUT"]),
        Route("/link/{key:path}", link),
        Route("/file/{key:path}", file),
    ]
    if opened.can("application"):  # a folder's signed URLs are answered here, those of R2 by R2
        routes.append(Mount("/assets", opened.application("asgi")))
    app = Starlette(routes=routes, exception_handlers={AssetStoreError: explain})
    app.state.store = opened
    return app
