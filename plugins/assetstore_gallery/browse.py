"""The pages of folders: what a folder holds, or what is found in it by name, a page at a time."""

from __future__ import annotations

from typing import Any

import attrs
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from assetstore import AssetInfo
from assetstore_gallery.gallery import Gallery
from assetstore_gallery.index import CURSOR, folded
from assetstore_gallery.kinds import KINDS, kind_of, type_of
from assetstore_gallery.pictures import copy_of

SORTS = ("name", "size", "date", "kind")
LOOKED_THROUGH = 10
"""Pages of the store that are looked through at most for one page of a kind or a search; the next goes on behind them."""
SEARCHED_AT_ONCE = 1000
"""Names on each page of the store in a search: a listing costs the same however few it returns."""


@attrs.frozen
class Question:
    """What the URL of a page asks for.

    Attributes:
        prefix: the folder.
        kind: one of ``KINDS``, empty for all.
        sort: the order: ``name``, ``size`` (largest first), ``date`` (newest first) or ``kind``.
        q: words that the names below the folder must hold, in any order; empty for the folder itself.
        cursor: where in the listing the page begins.
    """

    prefix: str
    kind: str
    sort: str
    q: str
    cursor: str | None

    @classmethod
    def of(cls, request: Request) -> Question:
        """Read a URL. What it asks for and there is not, such as a kind of its own, is left out."""
        asked = request.query_params
        kind, sort = asked.get("kind", ""), asked.get("sort", "")
        return cls(
            asked.get("prefix", ""),
            kind if kind in KINDS else "",
            sort if sort in SORTS else "name",
            " ".join(asked.get("q", "").split()),
            asked.get("cursor") or None,
        )

    def wants(self, asset: dict[str, Any]) -> bool:
        """Return whether an asset is of the kind and has the words in its name."""
        if self.kind and asset["kind"] != self.kind:
            return False
        name = folded(asset["name"])
        return all(word in name for word in folded(self.q).split())


def routes(gallery: Gallery) -> list[BaseRoute]:
    """Return the routes of the pages of folders."""

    def home(request: Request) -> Response:
        return RedirectResponse(f"{request.scope.get('root_path', '')}/browse", 303)

    def browse(request: Request) -> Response:
        asked = Question.of(request)
        facts = {
            "prefix": asked.prefix,
            "kind": asked.kind,
            "sort": asked.sort,
            "q": asked.q,
            "view": "list" if request.query_params.get("view") == "list" else "grid",
            "above": above(asked.prefix),
            "is_first": asked.cursor is None,
            **_shown(gallery, asked),
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
        "thumbnail": copy_of(info),
        "valid": info.valid,
    }


def _shown(gallery: Gallery, asked: Question) -> dict[str, Any]:
    """Return what a page shows: of the index where one is needed and there, else of the store's listing."""
    facts: dict[str, Any] = {"counts": None, "index": None, "looked_through": None}
    is_of_index = (asked.cursor or "").startswith(CURSOR)
    if asked.q or asked.sort != "name":
        known = gallery.index.facts() or {"as_of": None, "count": 0, "whole": False}
        facts["index"] = {**known, "walked": gallery.index.progress, "problem": gallery.index.problem}
        if known["as_of"] and (asked.cursor is None or is_of_index):
            found = gallery.index.find(
                prefix=asked.prefix,
                words=asked.q,
                kind=asked.kind,
                sort=asked.sort,
                cursor=asked.cursor,
                limit=gallery.options.page_size,
            )
            if found is not None:
                assets = [described(each, asked.prefix) for each in found.assets]
                return {**facts, "folders": found.folders, "assets": assets, "counts": found.counts, "next": found.next}
    # Where the index is gone since the page before, its listing begins anew.
    return {**facts, **_walked(gallery, attrs.evolve(asked, cursor=None) if is_of_index else asked)}


def _walked(gallery: Gallery, asked: Question) -> dict[str, Any]:
    """Return what a page shows of the store's listing. A prefix is never listed whole."""
    size, cursor, is_filtered = gallery.options.page_size, asked.cursor, asked.kind or asked.q
    limit = max(size, SEARCHED_AT_ONCE) if asked.q else size
    folders: list[str] = []
    assets: list[dict[str, Any]] = []
    looked_through = 0
    for _ in range(LOOKED_THROUGH):
        page = gallery.store.list_page(asked.prefix, limit=limit, recursive=bool(asked.q), cursor=cursor)
        folders += [each.key for each in page.prefixes]
        assets += filter(asked.wants, (described(each, asked.prefix) for each in page.items))
        looked_through += len(page.items)
        cursor = page.next_cursor
        if cursor is None or not is_filtered or len(assets) >= size // 2:
            break
    if asked.sort == "size":
        assets.sort(key=lambda asset: -asset["size"])
    elif asked.sort == "date":
        assets.sort(key=lambda asset: asset["modified"] or "", reverse=True)
    elif asked.sort == "kind":
        assets.sort(key=lambda asset: KINDS.index(asset["kind"]))
    return {"folders": folders, "assets": assets, "next": cursor, "looked_through": looked_through if is_filtered else None}


def above(prefix: str) -> list[dict[str, str]]:
    """Return the names and prefixes of the folders above, the folder itself last."""
    names = prefix.split("/")[:-1]
    return [{"name": name, "prefix": "/".join(names[: count + 1]) + "/"} for count, name in enumerate(names)]
