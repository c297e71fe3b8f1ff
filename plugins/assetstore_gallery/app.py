"""Puts the gallery together."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import BaseRoute, Mount, Router
from starlette.types import ASGIApp

from assetstore import AssetStore
from assetstore_gallery import asset, browse, changes, looks, picker, stats, thumbnails, trash, uploads
from assetstore_gallery.gallery import Gallery
from assetstore_gallery.guard import Guard
from assetstore_gallery.options import GalleryOptions
from assetstore_gallery.packing import Packing, pages_of
from assetstore_gallery.static_files import PageFiles

Pages = Callable[[Gallery], Sequence[BaseRoute]]


async def _missing(*_: object) -> None:
    """Have the guard answer what is under none of the paths, with a page for those who read pages."""
    raise HTTPException(404, "there is no such page")


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
    static = Mount("/static", PageFiles())
    modules = (asset, browse, changes, looks, picker, stats, thumbnails, trash, uploads)
    pages = [page for module in modules for page in module.routes(gallery)]
    packing = Middleware(Packing, pages=pages_of(pages))
    gallery.ends.callback(gallery.index.close)
    gallery.ends.callback(gallery.facts.close)

    @asynccontextmanager
    async def lifespan(_: object) -> AsyncIterator[None]:
        with gallery.ends:
            yield

    found = [*entrance(gallery), *pages, static]
    router = Router(found, redirect_slashes=False, default=_missing, lifespan=lifespan, middleware=[packing])
    return Guard(router, gallery)
