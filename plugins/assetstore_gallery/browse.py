"""The pages of folders and assets."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from assetstore_gallery.gallery import Gallery


def routes(gallery: Gallery) -> list[BaseRoute]:
    """Return the routes of the pages of folders."""

    def home(request: Request) -> Response:
        return RedirectResponse("browse", 303)

    def browse(request: Request) -> Response:
        prefix = request.query_params.get("prefix", "")
        # The page is one of a listing by folder: a prefix is never listed whole.
        page = gallery.store.list_page(prefix, limit=gallery.options.page_size, recursive=False)
        facts = {
            "prefix": prefix,
            "folders": [each.key for each in page.prefixes],
            "assets": [{"key": each.key, "size": each.size, "etag": each.etag} for each in page.items],
            "next": page.next_cursor,
        }
        return gallery.page(request, "browse.html", facts)

    return [Route("/", home), Route("/browse", browse), Route("/browse.json", browse)]
