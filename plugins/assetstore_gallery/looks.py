"""What the page of an asset shows beside its bytes: the cover of a sound, the specimen of a font, a model to turn."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from assetstore_gallery import model, sounds, specimen
from assetstore_gallery.asset import sandbox
from assetstore_gallery.gallery import Gallery
from assetstore_gallery.kinds import kind_of, type_of


def routes(gallery: Gallery) -> list[BaseRoute]:
    """Return the routes of what belongs to an asset."""

    def cover(request: Request) -> Response:
        info = gallery.store.stat(request.query_params.get("key", ""))
        etag = f'"{info.etag}-cover"'
        headers = {"cache-control": "private, no-cache", "content-security-policy": sandbox(gallery), "etag": etag}
        if etag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        is_sound = kind_of(type_of(info)) in ("audio", "video") and info.size and not info.content_encoding
        found = gallery.facts.read(info, sounds.cover_of) if is_sound else None
        if found is None:
            raise HTTPException(404, "the asset has no cover")
        return Response(found.data, headers=headers, media_type=found.content_type)

    def style(request: Request) -> Response:
        info = gallery.store.stat(request.query_params.get("key", ""))
        if "font" not in gallery.facts.of(info):
            raise HTTPException(404, "the asset is not a font")
        return Response(specimen.stylesheet(info.key), media_type="text/css")

    def viewer(request: Request) -> Response:
        info = gallery.store.stat(request.query_params.get("key", ""))
        if "model" not in gallery.facts.of(info):
            raise HTTPException(404, "the asset is not a model that can be shown")
        page = gallery.page(request, "model.html", {"key": info.key, "name": info.key.rpartition("/")[2]})
        page.headers["content-security-policy"] = model.policy(gallery.options)
        return page

    return [Route("/cover", cover), Route("/model", viewer), Route("/specimen.css", style)]
