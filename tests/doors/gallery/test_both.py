"""What a person sees and does in a gallery, in Chromium and in Firefox."""

from __future__ import annotations

import io
import wave
from collections.abc import Callable
from typing import Any

import pytest
from chromium import ChromiumTab
from gestures import DROP

from assetstore import AssetStore, open_store
from assetstore_r2.bucket_rules import cors_rule

NAMES = "[...document.querySelectorAll('.grid .name bdi')].map((each) => each.textContent)"
FRAMED = """<!doctype html><title>application</title><iframe src="{src}" width="600" height="600"></iframe>
<script>addEventListener("message", ({{ origin, data }}) => {{ window.chosen = {{ origin, ...data }}; }});</script>"""


@pytest.fixture(params=["chromium", "firefox"])
def tab(request: pytest.FixtureRequest) -> Any:
    """Give a tab of each browser in turn."""
    if request.param == "chromium":
        return ChromiumTab(request.getfixturevalue("page"))
    return request.getfixturevalue("tab_of_firefox")


def text(selector: str) -> str:
    """Return the expression for the text of an element."""
    return f"document.querySelector({selector!r}).textContent"


def sound(seconds: int) -> bytes:
    """Return a silent WAV."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(bytes(2 * 8000 * seconds))
    return out.getvalue()


def test_an_empty_store_says_so_and_takes_a_first_file(tab: Any, serve: Callable[..., str]) -> None:
    """Whoever opens an empty store reads that nothing is there, and sees where files are chosen."""
    with open_store("memory:") as store:
        tab.open(serve(store))
        assert "Nothing is here." == tab.evaluate(text(".nothing"))
        assert tab.evaluate("document.querySelector('#upload-files').checkVisibility()")


def test_ten_thousand_assets_are_shown_page_by_page(tab: Any, serve: Callable[..., str]) -> None:
    """The first page has a hundred, in the order of their names; the next link leads on, and the first one back."""
    with open_store("memory:") as store:
        for number in range(10_000):
            store.upload(b"x", key=f"maps/{number:05}.png")
        tab.open(f"{serve(store)}/browse?prefix=maps/")
        assert [f"{number:05}.png" for number in range(100)] == tab.evaluate(NAMES)
        tab.evaluate("document.querySelector('a[rel=next]').click()")
        tab.wait_for(f"{NAMES}[0] === '00100.png'")
        tab.evaluate("document.querySelector('nav[aria-label=Pages] a').click()")
        tab.wait_for(f"{NAMES}[0] === '00000.png'")


def test_a_sound_plays_and_seeks(tab: Any, serve: Callable[..., str]) -> None:
    """A sound of a minute plays on from its middle, of which the browser asks for a range."""
    with open_store("memory:") as store:
        store.upload(sound(60), key="bell.wav")
        tab.open(f"{serve(store)}/asset?key=bell.wav")
        tab.wait_for("document.querySelector('audio').readyState >= 1")
        assert 60 == round(tab.evaluate("document.querySelector('audio').duration"))
        tab.evaluate("Object.assign(document.querySelector('audio'), { muted: true, currentTime: 40 }).play()")
        tab.wait_for("document.querySelector('audio').currentTime > 40.2")


def test_a_link_that_was_opened_before_is_explained(tab: Any, serve: Callable[..., str]) -> None:
    """The link works once; opened again by somebody else it says so, and that a new one is printed."""
    import httpx

    from assetstore_gallery.served import serve_gallery

    renewed: list[bool] = []
    with open_store("memory:") as store:
        served = serve_gallery(store, path="", renew=lambda: renewed.append(True))
        address = serve(served.application)
        link = served.link()
        assert 303 == httpx.get(f"{address}{link}", timeout=600).status_code
        tab.open(f"{address}{link}")
        assert "This link was opened before, and works only once" == tab.evaluate(text("h1"))
        assert "A new one is printed where assetstore serve runs: open that." == tab.evaluate(text("main p"))
        assert [True] == renewed


def test_a_folder_and_an_asset_fit_a_phone(tab: Any, shown: AssetStore, serve: Callable[..., str]) -> None:
    """At 360 pixels nothing has to be scrolled sideways."""
    address = serve(shown)
    tab.resize(360, 640)
    wide = []
    for path in ("browse", "browse?view=list&prefix=maps/", "asset?key=rules.txt", "asset?key=maps/keep.png", "stats"):
        tab.open(f"{address}/{path}")
        wide += [path] * tab.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    tab.resize(1280, 900)
    assert [] == wide


def test_headers_are_edited_and_an_asset_is_moved_by_keyboard(tab: Any, serve: Callable[..., str]) -> None:
    """``e`` opens the form with what the asset has, ``m`` asks for the folder; Enter in a field does it."""
    status = text("#doing-status")
    with open_store("memory:") as store:
        store.upload(b"text", key="a.txt")
        tab.open(serve(store))
        tab.evaluate("document.querySelector('[data-key] input').focus()")
        tab.press("e")
        tab.wait_for("document.querySelector('#doing-edit[open] input').value === 'text/plain'")
        tab.press("Tab", *"no-store", "Enter")
        tab.wait_for(f"{status} === 'a.txt is changed'")
        tab.evaluate("document.querySelector('[data-key] input').focus()")
        tab.press("m")
        tab.wait_for("document.querySelector('#doing-move[open]')")
        tab.press(*"maps", "Enter")
        tab.wait_for(f"{status} === '1 moved'")
        assert [("maps/a.txt", "no-store")] == [(info.key, store.stat(info.key).cache_control) for info in store.list()]


def test_the_picker_in_a_frame_tells_its_page_what_was_chosen(tab: Any, serve: Callable[..., str]) -> None:
    """A page of another origin that is allowed shows the picker in a frame, and gets key, type, size and link."""
    from starlette.applications import Starlette
    from starlette.responses import HTMLResponse
    from starlette.routing import Route

    def page(request: Any) -> HTMLResponse:
        query = f"pick=image/*&origin={request.base_url.scheme}://{request.base_url.netloc}"
        return HTMLResponse(FRAMED.format(src=f"{gallery}/picker?{query}"))

    with open_store("memory:") as store:
        store.upload(b"<svg xmlns='http://www.w3.org/2000/svg'/>", key="dungeon.svg")
        store.upload(b"text", key="note.txt")
        application = serve(Starlette(routes=[Route("/", page)]))
        gallery = serve(store, frame_ancestors=(application,))
        tab.open(application)
        frame = tab.frame()
        frame.wait_for("document.querySelector('[data-key]').onclick")
        assert ["dungeon.svg"] == frame.evaluate(
            "[...document.querySelectorAll('[data-key]')].map((each) => each.dataset.key)"
        )
        frame.evaluate("document.querySelector('[data-key]').click()")
        tab.wait_for("window.chosen")
        expected = {"origin": gallery, "key": "dungeon.svg", "type": "image/svg+xml", "size": 41}
        assert expected == {name: value for name, value in tab.evaluate("window.chosen").items() if name != "url"}


def test_a_bucket_gets_files_straight_from_the_browser(
    tab: Any, seaweedfs: Any, unique_prefix: str, serve: Callable[..., str]
) -> None:
    """A bucket whose CORS rule names the gallery's origin gets whole files and parts from the browser, and none from us."""
    table = {
        "url": f"r2:///{seaweedfs.bucket}?endpoint_url={seaweedfs.endpoint_url}",
        "access_key": seaweedfs.access_key,
        "secret_key": seaweedfs.secret_key,
    }
    puts = "performance.getEntriesByType('resource').filter((each) => each.initiatorType === 'xmlhttprequest')"
    with open_store(table) as whole, seaweedfs.client() as client:
        store = whole.scoped(unique_prefix)
        gallery = serve(store)
        rules = {"CORSRules": [cors_rule([gallery])]}
        client.put_bucket_cors(Bucket=seaweedfs.bucket, CORSConfiguration=rules)
        tab.open(gallery)
        tab.evaluate(f"({DROP})([['small.bin'], 1000])")
        tab.evaluate(f"({DROP})([['large.bin'], {17 << 20}])")
        tab.wait_for(f"{text('#upload-status')}.startsWith('2 of 2 files uploaded')")
        client.delete_bucket_cors(Bucket=seaweedfs.bucket)
        assert {"small.bin": 1000, "large.bin": 17 << 20} == {info.key: info.size for info in store.list()}
        sent_to = tab.evaluate(f"{puts}.map((each) => new URL(each.name).origin)")
        assert [seaweedfs.endpoint_url] * 3 == sent_to
