"""Direct uploads with FastAPI: ``uvicorn --factory --app-dir docs/frameworks fastapi_app:create_app``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Body, Depends, FastAPI, Request
from fastapi.responses import FileResponse, JSONResponse, RedirectResponse

from assetstore import AssetStore, AssetStoreError, UploadPolicy, errors, open_store

PAGE = Path(__file__).parents[1] / "direct-upload" / "upload.html"
IMAGES = UploadPolicy(types=("image/png", "image/jpeg", "image/webp", "image/gif"), max_size=20 << 20)
STATUS = {errors.TokenError: 403, errors.NotFoundError: 404, errors.RefusedError: 422, errors.IntegrityError: 422}
router = APIRouter()


def get_store(request: Request) -> AssetStore:
    return request.app.state.store


Store = Annotated[AssetStore, Depends(get_store)]
Text = Annotated[str, Body(embed=True)]


@router.get("/")
def page() -> FileResponse:
    return FileResponse(PAGE)


@router.post("/begin")  # who may upload in your application: let it depend on your check of that
def begin(store: Store, filename: Text, size: Annotated[int, Body()], content_type: Text):
    upload = store.begin_upload(filename=filename, size=size, content_type=content_type or None, policy=IMAGES)
    return {"token": upload.token, "request": upload.request.as_dict()}


@router.post("/finish")
def finish(store: Store, token: Text):
    info = store.finish_upload(token)
    return {"key": info.key, "url": store.presign(info.key).url}


@router.get("/link/{key:path}")
def link(store: Store, key: str) -> RedirectResponse:
    return RedirectResponse(store.presign(key, expires=300).url)


def explain(request: Request, error: AssetStoreError) -> JSONResponse:
    return JSONResponse({"error": error.message}, STATUS.get(type(error), 500))


def create_app(store: AssetStore | None = None) -> FastAPI:
    app = FastAPI()
    app.state.store = store or open_store()
    app.include_router(router)
    app.add_exception_handler(AssetStoreError, explain)
    if app.state.store.can("application"):  # a folder's signed URLs are answered here, those of R2 by R2
        app.mount("/assets", app.state.store.application("asgi"))
    return app
