"""Puts the gallery together."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from starlette.routing import BaseRoute, Mount, Router
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from assetstore import AssetStore
from assetstore_gallery import asset, browse, changes, looks, picker, stats, uploads
from assetstore_gallery.gallery import Gallery
from assetstore_gallery.guard import Guard
from assetstore_gallery.options import GalleryOptions

Pages = Callable[[Gallery], Sequence[BaseRoute]]


def create_gallery(store: AssetStore, options: GalleryOptions | None = None) -> ASGIApp:
    """Return an ASGI application that shows a store, for a server or to mount in an application.

    Args:
        store: what is shown; it stays the caller's to close.
        options: how it is shown, and who may do what.
    """
    return put_together(store, options or GalleryOptions())


def put_together(store: AssetStore, options: GalleryOptions, entrance: Pages = lambda gallery: []) -> ASGIApp:
    """Return a gallery with some pages for those who are not logged in."""
    gallery = Gallery(store=store, options=options)
    static = Mount("/static", StaticFiles(packages=[("assetstore_gallery", "static")]))
    pages = [page for module in (asset, browse, changes, looks, picker, stats, uploads) for page in module.routes(gallery)]
    router = Router([*entrance(gallery), *pages, static], redirect_slashes=False)
    return Guard(router, gallery)
