"""Direct uploads with Django, in one file: ``uvicorn --app-dir docs/frameworks django_app:application``."""

from __future__ import annotations

import json
from pathlib import Path

from django.conf import settings
from django.core.asgi import get_asgi_application
from django.http import FileResponse, HttpResponseRedirect, JsonResponse
from django.urls import path

from assetstore import AssetStoreError, UploadPolicy, errors, open_store

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

store = open_store()


def answering(view):
    def answer(request):
        try:
            return JsonResponse(view(request, **json.loads(request.body)))
        except AssetStoreError as error:
            return JsonResponse({"error": error.message}, status=STATUS.get(type(error), 500))

    return answer


@answering  # who may upload in your application: add your check of that, as @login_required
def begin(request, filename, size, content_type):
    upload = store.begin_upload(filename=filename, size=size, content_type=content_type or None, policy=IMAGES)
    return {"token": upload.token, "request": upload.request.as_dict()}


@answering
def finish(request, token):
    info = store.finish_upload(token)
    return {"key": info.key, "url": store.presign(info.key).url}


urlpatterns = [
    path("", lambda request: FileResponse(PAGE.open("rb"))),
    path("begin", begin),
    path("finish", finish),
    path("link/<path:key>", lambda request, key: HttpResponseRedirect(store.presign(key, expires=300).url)),
]

settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["127.0.0.1", "localhost"])
django = get_asgi_application()
assets = store.application("asgi") if store.can("application") else None


async def application(scope, receive, send):
    if assets and scope["type"] == "http" and scope["path"].startswith("/assets/"):
        await assets({**scope, "root_path": "/assets"}, receive, send)  # a folder's signed URLs; those of R2 go to R2
    else:
        await django(scope, receive, send)
