"""Uploads and downloads with FastAPI: ``uvicorn --factory --app-dir docs/frameworks fastapi_app:create_app``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from downloads import download
from fastapi import APIRouter, Body, Depends, FastAPI, Request, UploadFile
from fastapi.responses import FileResponse, JSONResponse, RedirectResponse, StreamingResponse

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
router = APIRouter()


async def get_store(request: Request) -> AsyncAssetStore:
    return request.app.state.store


Store = Annotated[AsyncAssetStore, Depends(get_store)]
Text = Annotated[str, Body(embed=True)]


@router.get("/")
async def page() -> FileResponse:
    return FileResponse(PAGE)


@router.post("/begin")  # who may upload in your application: let it depend on your check of that
async def begin(store: Store, filename: Text, size: Annotated[int, Body()], content_type: Text):
    upload = await store.begin_upload(filename=filename, size=size, content_type=content_type or None, policy=IMAGES)
    return {"token": upload.token, "request": upload.request.as_dict()}


@router.post("/finish")
async def finish(store: Store, token: Text):
    info = await store.finish_upload(token)
    return {"key": info.key, "url": (await store.presign(info.key)).url}


@router.post("/upload")  # through this server: for small files, or for what it changes on its way
async def upload(store: Store, file: UploadFile):
    info = await store.upload(file)
    return {"key": info.key, "url": (await store.presign(info.key)).url}


@router.put("/stream/{key:path}")  # the body as it arrives: nothing is kept on this server's disk
async def stream(store: Store, key: str, request: Request):
    info = await store.upload(request.stream(), key, content_type=request.headers.get("content-type"), overwrite=False)
    return {"key": info.key, "size": info.size}


@router.get("/link/{key:path}")
async def link(store: Store, key: str) -> RedirectResponse:
    return RedirectResponse((await store.presign(key, expires=300)).url)


@router.get("/file/{key:path}")  # through this server: for what no link may be given away
async def file(store: Store, key: str, request: Request) -> StreamingResponse:
    status, headers, body = await download(store, key, request.headers.get("range"), request.headers.get("if-range"))
    return StreamingResponse(body, status, headers)


async def explain(request: Request, error: AssetStoreError) -> JSONResponse:
    return JSONResponse({"error": error.message}, STATUS.get(type(error), 500))


def create_app(store: AssetStore | None = None) -> FastAPI:
    app = FastAPI()
    app.state.store = AsyncAssetStore(store or open_store())
    app.include_router(router)
    app.add_exception_handler(AssetStoreError, explain)
    if app.state.store.can("application"):  # a folder's signed URLs are answered here, those of R2 by R2
        app.mount("/assets", app.state.store.application("asgi"))
    return app
