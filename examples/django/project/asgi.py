"""The site, and the signed URLs of its storage where that is a folder: ``uvicorn project.asgi:application``."""

import os

from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler
from django.core.asgi import get_asgi_application

from assetstore import open_store

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
site = ASGIStaticFilesHandler(get_asgi_application())

from django.conf import settings  # noqa: E402 - Django must be set up first

store = open_store(config=settings.ASSETSTORE_CONFIG)
assets = store.application("asgi") if store.can("application") else None


async def application(scope, receive, send):
    """Answer the signed URLs of a folder below ``/assets/``; those of a bucket go to the bucket."""
    if assets and scope["type"] == "http" and scope["path"].startswith("/assets/"):
        await assets({**scope, "root_path": "/assets"}, receive, send)
    else:
        await site(scope, receive, send)
