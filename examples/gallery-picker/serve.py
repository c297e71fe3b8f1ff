"""Serves the page at one port and a gallery at another."""

from __future__ import annotations

import asyncio
from pathlib import Path

import uvicorn
from starlette.staticfiles import StaticFiles

from assetstore import open_store
from assetstore_gallery import GalleryOptions, create_gallery

PICTURE = b"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><circle cx="4.5" cy="4.5" r="4"/></svg>"""


async def main() -> None:
    """Serve both until Ctrl-C is pressed."""
    store = open_store("memory:")
    for name in ("maps/dungeon.svg", "token.svg"):
        store.upload(PICTURE, key=name)
    gallery = create_gallery(store, GalleryOptions(frame_ancestors=("http://127.0.0.1:8000",)))
    page = StaticFiles(directory=Path(__file__).parent, html=True)
    servers = [uvicorn.Server(uvicorn.Config(app, port=port)) for app, port in ((gallery, 8420), (page, 8000))]
    await asyncio.gather(*(server.serve() for server in servers))


if __name__ == "__main__":
    asyncio.run(main())
