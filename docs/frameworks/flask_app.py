"""Direct uploads with Flask: ``flask --app docs/frameworks/flask_app run``."""

from __future__ import annotations

from pathlib import Path

from flask import Blueprint, Flask, current_app, redirect, request, send_file
from werkzeug.local import LocalProxy
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from assetstore import AssetStore, AssetStoreError, UploadPolicy, errors, open_store

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

uploads = Blueprint("uploads", __name__)
store: AssetStore = LocalProxy(lambda: current_app.extensions["assetstore"])


@uploads.get("/")
def page():
    return send_file(PAGE)


@uploads.post("/begin")  # who may upload in your application: put your check of that before it
def begin():
    file = request.get_json()
    kind = file["content_type"] or None
    upload = store.begin_upload(filename=file["filename"], size=file["size"], content_type=kind, policy=IMAGES)
    return {"token": upload.token, "request": upload.request.as_dict()}


@uploads.post("/finish")
def finish():
    info = store.finish_upload(request.get_json()["token"])
    return {"key": info.key, "url": store.presign(info.key).url}


@uploads.get("/link/<path:key>")
def link(key: str):
    return redirect(store.presign(key, expires=300).url)


@uploads.errorhandler(AssetStoreError)
def explain(error: AssetStoreError):
    return {"error": error.message}, STATUS.get(type(error), 500)


def create_app(opened: AssetStore | None = None) -> Flask:
    app = Flask(__name__)
    app.extensions["assetstore"] = opened = opened or open_store()
    app.register_blueprint(uploads)
    if opened.can("application"):  # a folder's signed URLs are answered here, those of R2 by R2
        app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {"/assets": opened.application("wsgi")})
    return app
