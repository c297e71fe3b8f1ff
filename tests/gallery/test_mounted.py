"""A gallery below a path of another application."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from html import unescape
from typing import Any

import httpx
import pytest
from asking import BROWSER
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from assetstore import AssetStore, open_store
from assetstore_gallery import GalleryOptions, Rights, Visitor, create_gallery
from assetstore_gallery.static_files import VERSION

ALL = Rights(upload=True, change=True, delete=True)
PATHS = ("browse", "browse.json", "asset.json?key=notes.txt", "file?key=notes.txt", "stats.json")
LINK = re.compile(r'(?<=\s)(?:href|src|action)="([^"#][^"]*)"')


def mounted(gallery: ASGIApp) -> ASGIApp:
    """Return an application that has a gallery below ``/a/gallery`` and a page of its own."""
    outside = Route("/{path:path}", lambda request: PlainTextResponse("outside"))
    return Starlette(routes=[Mount("/a", Starlette(routes=[Mount("/gallery", gallery)])), outside])


def behind_a_proxy(gallery: ASGIApp) -> ASGIApp:
    """Return the gallery as a server calls it that was told that a proxy serves it below ``/a/gallery``."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        await gallery({**scope, "root_path": "/a/gallery"}, receive, send)

    return application


def asked(application: ASGIApp, path: str, method: str = "GET", **what: Any) -> httpx.Response:
    """Return the answer to a request."""

    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(application), base_url="http://server") as client:
            return await client.request(method, f"/a/gallery/{path}", **what)

    return asyncio.run(ask())


def filled(store: AssetStore) -> None:
    """Upload a picture, a text and more than a page of others."""
    for key in ("maps/keep & moat.png", "notes.txt", "<b>/x.svg", *(f"{number}.bin" for number in range(5))):
        store.upload(b"x", key=key)


@pytest.mark.parametrize("place_in", [mounted, behind_a_proxy])
def test_every_link_stays_below_the_path_and_leads_somewhere(place_in: Callable[[ASGIApp], ASGIApp]) -> None:
    """From the first page on all links, forms, pictures, scripts and redirects are the gallery's, and none is broken."""
    with open_store("memory:") as store:
        filled(store)
        application = place_in(create_gallery(store, GalleryOptions(page_size=4)))
        seen: dict[str, int] = {}
        todo = [""]
        while todo:
            path = todo.pop()
            answer = asked(application, path, headers=BROWSER)
            seen[path] = answer.status_code
            is_page = answer.headers.get("content-type", "").startswith("text/html")
            links = [unescape(link) for link in LINK.findall(answer.text)] if is_page else []
            links += [answer.headers["location"]] if answer.has_redirect_location else []
            assert [] == [link for link in links if not link.startswith("/a/gallery/")]
            inside = {link.removeprefix("/a/gallery/") for link in links}
            # Orders, kinds and views stand on every page; some of their pages are enough.
            todo += sorted(inside - seen.keys() - {*todo})[: max(0, 150 - len(seen) - len(todo))]
    assert {200, 303} == set(seen.values())
    pages = {path.partition("?")[0] for path in seen}
    assert {"", "browse", "asset", "thumbnail", "stats", f"static/{VERSION}/gallery.css"} <= pages


@pytest.mark.parametrize("place_in", [mounted, behind_a_proxy])
def test_the_login_decides_below_a_path_too(place_in: Callable[[ASGIApp], ASGIApp]) -> None:
    """Pages, their twins and files are refused to strangers; a browser goes to the login, a program gets 401."""

    def login(request: Any) -> Visitor | None:
        return Visitor(name="Ada", rights=ALL) if request.headers.get("x-user") == "ada" else None

    with open_store("memory:") as store:
        filled(store)
        application = place_in(create_gallery(store, GalleryOptions(login=login, login_url="/login")))
        assert [401] * len(PATHS) == [asked(application, path).status_code for path in PATHS]
        sent = asked(application, "browse", headers=BROWSER)
        assert (303, "/login") == (sent.status_code, sent.headers["location"])
        welcome = [asked(application, path, headers={"x-user": "ada"}) for path in PATHS]
    assert [200] * len(PATHS) == [answer.status_code for answer in welcome]
    assert "Ada" in welcome[0].text


@pytest.mark.parametrize(("rights", "status", "is_left"), [(Rights(upload=True, change=True), 403, True), (ALL, 200, False)])
def test_the_rights_of_a_visitor_hold_in_a_mounted_gallery(rights: Rights, status: int, is_left: bool) -> None:
    """Who may not delete is refused, and the asset stays; who may, is not."""
    with open_store("memory:") as store:
        info = store.upload(b"x", key="notes.txt")
        application = mounted(create_gallery(store, GalleryOptions(login=lambda request: Visitor(rights=rights))))
        items = {"items": [{"key": info.key, "etag": info.etag}]}
        answer = asked(application, "do/delete", "POST", json=items, headers={"X-Assetstore": "1"})
        assert (status, is_left) == (answer.status_code, store.exists("notes.txt"))


@pytest.mark.parametrize("place_in", [mounted, behind_a_proxy])
def test_the_link_of_what_was_picked_leads_below_the_path(place_in: Callable[[ASGIApp], ASGIApp]) -> None:
    """Where a store has no links of its own, the page that asked gets the gallery's, with host and path."""
    with open_store("memory:") as store:
        filled(store)
        application = place_in(create_gallery(store))
        picked = asked(application, "picker/chosen?key=maps/keep %26 moat.png").json()
        assert "http://server/a/gallery/file?key=maps%2Fkeep+%26+moat.png" == picked["url"]
        assert b"x" == asked(application, picked["url"].removeprefix("http://server/a/gallery/")).content
