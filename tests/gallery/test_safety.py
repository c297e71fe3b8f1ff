"""What stands before the pages of a gallery."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import httpx
import pytest
from asking import ASKING, BROWSER, Visit
from starlette.requests import Request
from starlette.types import ASGIApp

from assetstore import AssetStore, NoSpaceError, UnavailableError, open_store
from assetstore.plugin import UrlOptions, hookimpl
from assetstore.testing import MemoryBackend


def test_pages_run_nothing_but_their_own_scripts_and_stand_in_no_frame(visit: Visit) -> None:
    """The policy names no inline script or style, and no origin but the gallery's; what is wrong is answered alike."""
    with open_store("memory:") as store:
        client = visit(store)
        for path in ("/browse", "/browse.json", "/static/gallery.css", "/nothing", "/asset?key=none"):
            headers = client.get(path).headers
            policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
            assert ("'none'", "'self'", "'self'") == (policy["default-src"], policy["script-src"], policy["style-src"])
            assert ("'none'", "'none'", "DENY") == (
                policy["frame-ancestors"],
                policy["base-uri"],
                headers["x-frame-options"],
            )
            assert ("nosniff", "same-origin") == (headers["x-content-type-options"], headers["referrer-policy"])
        assert "no-store" == client.get("/browse").headers["cache-control"]


def test_what_is_not_there_is_a_page_of_404(visit: Visit) -> None:
    """Who reads pages gets one that leads back, a program gets JSON."""
    with open_store("memory:") as store:
        client = visit(store)
        page, told = client.get("/nothing", headers=BROWSER), client.get("/nothing")
        assert (404, 404, "there is no such page") == (page.status_code, told.status_code, told.json()["message"])
        assert [True, True] == [text in page.text for text in ("There is no such page", 'href="/browse"')]


def test_a_gallery_is_framed_by_whom_its_options_name(visit: Visit) -> None:
    """``frame_ancestors`` stands in the policy, and the older header, which could not name it, is not sent."""
    with open_store("memory:") as store:
        headers = visit(store, frame_ancestors=("https://app.example",)).get("/browse").headers
        assert headers["content-security-policy"].endswith("frame-ancestors https://app.example")
        assert "x-frame-options" not in headers


def test_pictures_may_come_from_where_the_store_signs(visit: Visit, tmp_path: Path) -> None:
    """The origin of signed URLs is allowed for what is shown and for direct uploads, and never for scripts."""
    with open_store({"url": f"file:{tmp_path}", "serve_url": "https://files.example/a"}) as store:
        text = visit(store).get("/browse").headers["content-security-policy"]
        policy = dict(part.split(" ", 1) for part in text.split("; "))
        assert {"'self' https://files.example"} == {policy[f"{kind}-src"] for kind in ("img", "media", "connect")}
        assert "'self'" == policy["script-src"]


def test_the_store_is_asked_for_its_origins_once_and_beside_the_event_loop() -> None:
    """Making a gallery sends nothing; the first request asks the store in a thread, and all requests get the answer."""
    from assetstore_gallery import create_gallery

    asked: list[int] = []

    class Public(MemoryBackend):
        supports = MemoryBackend.supports | {"url"}

        @hookimpl
        def assetstore_url(self, key: str, options: UrlOptions) -> str:
            asked.append(threading.get_ident())
            return f"https://files.example/{key}"

    async def policies(gallery: ASGIApp) -> list[str]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(gallery), base_url="http://gallery") as client:
            answers = await asyncio.gather(*(client.get("/browse.json") for _ in range(3)))
        return [answer.headers["content-security-policy"] for answer in answers]

    with AssetStore(Public()) as store:
        gallery = create_gallery(store)
        assert [] == asked
        assert [True] * 3 == ["https://files.example" in policy for policy in asyncio.run(policies(gallery))]
        once = 2  # whether it has public URLs, and one of them
        assert (once, False) == (len(asked), threading.get_ident() in asked)


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1"])
def test_what_another_site_sends_changes_nothing(visit: Visit, origin: str) -> None:
    """A write from another origin is refused even with our header, and one from ours without it too."""
    with open_store("memory:") as store:
        store.upload(b"x", key="a")
        client = visit(store)
        asked = {"items": [{"key": "a"}]}
        for headers in ({**ASKING, "Origin": origin}, {}, {**ASKING, "Sec-Fetch-Site": "same-site"}):
            assert 403 == client.post("/do/delete", json=asked, headers=headers).status_code
        assert store.exists("a")
        ours = {**ASKING, "Origin": str(client.base_url).rstrip("/"), "Sec-Fetch-Site": "same-origin"}
        assert 200 == client.post("/do/delete", json=asked, headers=ours).status_code


def test_only_its_own_names_are_answered(visit: Visit) -> None:
    """A page of another site whose name resolves to this machine gets nothing."""
    with open_store("memory:") as store:
        client = visit(store, hosts=("127.0.0.1",))
        hosts = ("evil.example", "127.0.0.1.evil.example", "[", "", "127.0.0.1")
        assert [421, 421, 421, 421, 200] == [client.get("/browse", headers={"Host": host}).status_code for host in hosts]


def test_a_host_that_is_no_name_is_no_fault(visit: Visit, store: AssetStore) -> None:
    """Where any host is answered, pages and their twins do not depend on what stands there."""
    client = visit(store)
    paths = ("/browse", "/browse.json", "/nothing")
    assert [200, 200, 404] == [client.get(path, headers={"Host": "["}).status_code for path in paths]


def test_a_login_decides_who_comes_in(visit: Visit) -> None:
    """Whoever the login does not know gets 401 with what to do, as a page or as JSON; it may be a coroutine function."""
    from assetstore_gallery import Visitor

    async def known(request: Request) -> Visitor | None:
        return Visitor(name="gm") if request.headers.get("x-user") == "gm" else None

    with open_store("memory:") as store:
        for login in (known, lambda request: Visitor() if request.headers.get("x-user") else None):
            client = visit(store, login=login, login_hint="ask <the> warden")
            page, twin = (client.get(path, headers=BROWSER) for path in ("/browse", "/browse.json"))
            assert (401, 401, "ask <the> warden") == (page.status_code, twin.status_code, twin.json()["hint"])
            assert "Ask &lt;the&gt; warden." in page.text
            assert 200 == client.get("/browse", headers={"X-User": "gm"}).status_code


def test_a_fault_is_a_page_with_a_status_and_nothing_more() -> None:
    """A visitor reads why the store cannot answer; of a fault of our own they read only that it was logged."""
    from assetstore_gallery import GalleryOptions
    from assetstore_gallery.gallery import Gallery
    from assetstore_gallery.guard import Guard

    async def answered(error: Exception) -> httpx.Response:
        async def failing(*_: object) -> None:
            raise error

        with open_store("memory:") as store:
            guard = Guard(failing, Gallery(store=store, options=GalleryOptions()))
            async with httpx.AsyncClient(transport=httpx.ASGITransport(guard), base_url="http://gallery") as client:
                return await client.get("/browse", headers=BROWSER)

    errors = (UnavailableError("it is down"), NoSpaceError("it is full"), ValueError("hunter2"))
    down, full, broken = (asyncio.run(answered(error)) for error in errors)
    assert (503, True) == (down.status_code, "It is down" in down.text)
    assert (507, True) == (full.status_code, "It is full" in full.text)
    assert (500, False) == (broken.status_code, "hunter2" in broken.text)
