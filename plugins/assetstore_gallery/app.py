"""Puts the gallery together."""

from __future__ import annotations

from starlette.routing import Mount, Router
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from assetstore import AssetStore
from assetstore_gallery import asset, browse, changes, picker, uploads
from assetstore_gallery.gallery import Gallery
from assetstore_gallery.guard import Guard, safe_headers
from assetstore_gallery.options import GalleryOptions


def create_gallery(store: AssetStore, options: GalleryOptions | None = None) -> ASGIApp:
    """Return an ASGI application that shows a store, for a server or to mount in an application.

    Args:
        store: what is shown; it stays the caller's to close.
        options: how it is shown, and who may do what.
    """
    gallery = Gallery(store=store, options=options or GalleryOptions())
    static = Mount("/static", StaticFiles(packages=[("assetstore_gallery", "static")]))
    pages = [page for module in (asset, browse, changes, picker, uploads) for page in module.routes(gallery)]
    return Guard(Router([*pages, static], redirect_slashes=False), gallery, safe_headers(store, gallery.options))
