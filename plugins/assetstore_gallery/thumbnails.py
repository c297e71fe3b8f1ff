"""Thumbnails of pictures: made by processes of their own, and kept in a folder of the user's cache."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import anyio
import anyio.to_thread
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from assetstore import AssetInfo
from assetstore.plugin import PerProcess
from assetstore_gallery.browse import has_thumbnail
from assetstore_gallery.gallery import Gallery
from assetstore_gallery.thumbnail_folder import ThumbnailFolder, name_of
from assetstore_gallery.workers import COUNT, Workers

AT_ONCE = 2 * COUNT
"""Pictures that are read or shrunk at once: while each process has one, the next ones are read."""
MOST_WAITING = 256
"""Pictures that wait at most; a visitor who asks for more gets the sign for those."""
FRESH, FRESH_SIGN = 86_400, 60
"""Seconds for which a browser keeps a thumbnail, and the sign that stands for one that there is not."""
_SIGN = Path(__file__).with_name("static") / "no_thumbnail.svg"


def routes(gallery: Gallery) -> list[BaseRoute]:
    """Return the route of thumbnails."""
    folder = ThumbnailFolder.of_user()
    workers = PerProcess(Workers)
    # A limiter belongs to an event loop, so the first request makes it.
    limiters: list[anyio.CapacityLimiter] = []

    def end() -> None:
        if (running := workers.pop()) is not None:
            running.close()

    gallery.ends.callback(end)

    def described(key: str) -> tuple[AssetInfo, str, bytes | None]:
        info = gallery.store.stat(key)
        if not has_thumbnail(info):
            return info, "", b""
        name = name_of(info, repr(gallery.store))
        return info, name, folder.get(name)

    def made(info: AssetInfo, name: str) -> bytes:
        if (kept := folder.get(name)) is not None:  # another request was first
            return kept
        if_match = info.etag if gallery.store.can("read.if_match") else None
        made = workers.get().shrink(gallery.store.read(info.key, if_match=if_match))
        folder.put(name, made)
        return made

    async def thumbnail(request: Request) -> Response:
        key = request.query_params.get("key", "")
        info, name, data = await anyio.to_thread.run_sync(described, key)
        etag = f'"{name[:32]}"'
        if data is None:
            limiter = limiters[0] if limiters else anyio.CapacityLimiter(AT_ONCE)
            limiters[:] = [limiter]
            # A visitor who has scrolled on does not wait for it any more.
            if limiter.statistics().tasks_waiting >= MOST_WAITING or await request.is_disconnected():
                return _sign()
            data = await anyio.to_thread.run_sync(partial(made, info, name), limiter=limiter)
        if not data:
            return _sign()
        headers = {"cache-control": f"private, max-age={FRESH}", "etag": etag}
        if etag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return Response(data, headers=headers, media_type="image/webp")

    return [Route("/thumbnail", thumbnail)]


def _sign() -> Response:
    headers = {"cache-control": f"private, max-age={FRESH_SIGN}"}
    return Response(_SIGN.read_bytes(), headers=headers, media_type="image/svg+xml")
