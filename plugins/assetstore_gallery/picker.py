"""The picker: a page in which a visitor chooses an asset for the page that opened it or shows it in a frame."""

from __future__ import annotations

from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from assetstore.plugin import allows
from assetstore_gallery.answers import explained, refusal
from assetstore_gallery.browse import described
from assetstore_gallery.gallery import Gallery
from assetstore_gallery.kinds import type_of

LINK_SECONDS = 3600


def routes(gallery: Gallery) -> list[BaseRoute]:
    """Return the routes of the picker."""

    def picker(request: Request) -> Response:
        asked = request.query_params
        pick, origin, prefix = asked.get("pick", ""), asked.get("origin", ""), asked.get("prefix", "")
        if origin not in gallery.options.frame_ancestors:
            return refusal(gallery, request, explained(403, "origin must be one of the gallery's frame_ancestors"))
        types = (pick,) if pick else ()
        cursor = asked.get("cursor") or None
        page = gallery.store.list_page(prefix, limit=gallery.options.page_size, recursive=False, cursor=cursor)
        shown = [described(each, prefix) for each in page.items if each.valid]
        assets = [each for each in shown if allows(types, each["type"])]
        facts = {
            "prefix": prefix,
            "up": prefix.rstrip("/").rpartition("/")[0] + "/" if "/" in prefix.rstrip("/") else "",
            "folders": [each.key for each in page.prefixes],
            "assets": assets,
            "next": page.next_cursor,
            "origin": origin,
            "state": urlencode({"pick": pick, "origin": origin}),
        }
        answer = gallery.page(request, "picker.html", facts)
        # A picker in a window of its own answers the page that opened it.
        answer.headers["cross-origin-opener-policy"] = "unsafe-none"
        return answer

    def chosen(request: Request) -> Response:
        return JSONResponse(describe(gallery, request, request.query_params.get("key", "")))

    return [
        Route("/picker", picker),
        Route("/picker.json", picker),
        Route("/picker/chosen", chosen),
    ]


def describe(gallery: Gallery, request: Request, key: str) -> dict[str, object]:
    """Return what the chooser gets: the key, the type, the size, and a link.

    The link is the public one, or a signed one of an hour, or the gallery's own.
    """
    store, info = gallery.store, gallery.store.stat(key)
    if store.can("url"):
        url = store.url(key)
    elif store.can("presign"):
        url = store.presign(key, expires=LINK_SECONDS).url
    else:
        path = quote(f"{request.scope.get('root_path', '')}/file")
        url = str(request.url.replace(path=path, query=urlencode({"key": key})))
    return {"key": key, "url": url, "type": type_of(info), "size": info.size}
