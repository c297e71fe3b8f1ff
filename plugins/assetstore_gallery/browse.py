"""The pages of folders: what a folder holds, a page at a time."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from assetstore import AssetInfo
from assetstore_gallery.gallery import Gallery
from assetstore_gallery.kinds import KINDS, kind_of, type_of

LOOKED_THROUGH = 10
"""Pages of the store that are looked through at most for one page of a kind; the next page goes on behind them."""


def routes(gallery: Gallery) -> list[BaseRoute]:
    """Return the routes of the pages of folders."""

    def home(request: Request) -> Response:
        return RedirectResponse("browse", 303)

    def browse(request: Request) -> Response:
        asked = request.query_params
        prefix, kind = asked.get("prefix", ""), asked.get("kind", "")
        kind = kind if kind in KINDS else ""
        folders, assets, cursor = _page(gallery, prefix, kind, asked.get("cursor"))
        facts = {
            "prefix": prefix,
            "above": [{"name": name, "prefix": above} for name, above in _above(prefix)],
            "kind": kind,
            "view": "list" if asked.get("view") == "list" else "grid",
            "folders": folders,
            "assets": assets,
            "next": cursor,
        }
        return gallery.page(request, "browse.html", facts)

    return [Route("/", home), Route("/browse", browse), Route("/browse.json", browse)]


def described(info: AssetInfo, prefix: str = "") -> dict[str, Any]:
    """Return what pages and JSON tell of an asset."""
    content_type = type_of(info)
    return {
        "key": info.key,
        "name": info.key.removeprefix(prefix),
        "size": info.size,
        "etag": info.etag,
        "modified": None if info.last_modified is None else info.last_modified.isoformat(timespec="seconds"),
        "type": content_type,
        "kind": kind_of(content_type),
    }


def _page(
    gallery: Gallery, prefix: str, kind: str, cursor: str | None
) -> tuple[list[str], list[dict[str, Any]], str | None]:
    """Return the folders and assets of a page and the cursor of the next one. A prefix is never listed whole."""
    folders: list[str] = []
    assets: list[dict[str, Any]] = []
    for _ in range(LOOKED_THROUGH):
        page = gallery.store.list_page(prefix, limit=gallery.options.page_size, recursive=False, cursor=cursor)
        folders += [each.key for each in page.prefixes]
        found = [described(each, prefix) for each in page.items]
        assets += [each for each in found if not kind or each["kind"] == kind]
        cursor = page.next_cursor
        if cursor is None or not kind or len(assets) >= gallery.options.page_size // 2:
            break
    return folders, assets, cursor


def _above(prefix: str) -> list[tuple[str, str]]:
    """Return the names and prefixes of the folders above, the folder itself last."""
    names = prefix.split("/")[:-1]
    return [(name, "/".join(names[: count + 1]) + "/") for count, name in enumerate(names)]
