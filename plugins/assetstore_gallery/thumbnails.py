"""Thumbnails of pictures: made by processes of their own, and kept in a folder of the user's cache."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import anyio
import anyio.to_thread
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from assetstore import AssetInfo, AssetStore
from assetstore.plugin import PerProcess
from assetstore_gallery.bounded import version_of
from assetstore_gallery.confined import SIDE
from assetstore_gallery.gallery import Gallery
from assetstore_gallery.pictures import LARGE, is_shrunk
from assetstore_gallery.thumbnail_folder import ThumbnailFolder, name_of
from assetstore_gallery.workers import COUNT, Workers, shrinking

AT_ONCE = 2 * COUNT
"""Pictures that are read or shrunk at once: while each process has one, the next ones are read."""
MOST_WAITING = 256
"""Pictures that wait at most; a visitor who asks for more gets the sign for those."""
FRESH, FRESH_SIGN = 86_400, 60
"""Seconds for which a browser keeps a thumbnail, and the sign that stands for one that there is not."""
_SIGN = (Path(__file__).with_name("static") / "no_thumbnail.svg").read_bytes()


def routes(gallery: Gallery) -> list[BaseRoute]:
    """Return the route of thumbnails."""
    thumbnails = _Thumbnails(gallery.store)
    gallery.ends.callback(thumbnails.close)
    return [Route("/thumbnail", thumbnails.answer)]


class _Thumbnails:
    """Answers requests for thumbnails, of which a bounded number is made at once."""

    def __init__(self, store: AssetStore) -> None:
        self._store = store
        self._folder = ThumbnailFolder.of_user()
        self._workers = PerProcess(partial(Workers, "shrink"))
        # It belongs to an event loop, so the first request makes it.
        self._limiter: anyio.CapacityLimiter | None = None

    def close(self) -> None:
        """End the processes."""
        if (running := self._workers.pop()) is not None:
            running.close()

    async def answer(self, request: Request) -> Response:
        """Return the thumbnail of the asset that a request names, or the sign that stands for one."""
        asked = request.query_params
        side = LARGE if asked.get("side") == str(LARGE) else SIDE
        info, name, data = await anyio.to_thread.run_sync(self._kept, asked.get("key", ""), side)
        if data is None:
            if self._limiter is None:
                self._limiter = anyio.CapacityLimiter(AT_ONCE)
            # A visitor who has scrolled on does not wait for it any more.
            if self._limiter.statistics().tasks_waiting >= MOST_WAITING or await request.is_disconnected():
                return _sign()
            data = await anyio.to_thread.run_sync(partial(self._made, info, name, side), limiter=self._limiter)
        if not data:
            return _sign()
        etag = f'"{name[:32]}"'
        headers = {"cache-control": f"private, max-age={FRESH}", "etag": etag}
        if etag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return Response(data, headers=headers, media_type="image/webp")

    def _kept(self, key: str, side: int) -> tuple[AssetInfo, str, bytes | None]:
        info = self._store.stat(key)
        if not is_shrunk(info):
            return info, "", b""
        name = name_of(info, repr(self._store), side)
        return info, name, self._folder.get(name)

    def _made(self, info: AssetInfo, name: str, side: int) -> bytes:
        if (kept := self._folder.get(name)) is not None:  # another request was first
            return kept
        data = self._store.read(info.key, if_match=version_of(self._store, info))
        made = self._workers.get().ask(shrinking(data, side))
        self._folder.put(name, made)
        return made


def _sign() -> Response:
    headers = {"cache-control": f"private, max-age={FRESH_SIGN}"}
    return Response(_SIGN, headers=headers, media_type="image/svg+xml")
