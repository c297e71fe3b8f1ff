"""The page docs/direct-upload/upload.html in Chromium, over a folder, SeaweedFS and Cloudflare's emulator."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

HTML = b"<!doctype html><title>not a picture</title><script>document.title = 'ran'</script>"

WATCH = """() => {
  window.seen = [];
  const bar = document.getElementById("progress");
  new MutationObserver(() => window.seen.push(bar.value)).observe(bar, { attributeFilter: ["value"] });
}"""


def slow_down(page: Any, bytes_per_second: int) -> None:
    """Send no faster than this, so that progress is seen."""
    limits = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": bytes_per_second}
    page.context.new_cdp_session(page).send("Network.emulateNetworkConditions", limits)


def test_a_page_uploads_with_progress_and_shows_the_picture(
    place: Any, page: Any, choose: Callable[..., None], picture: bytes
) -> None:
    """What was chosen is stored byte for byte, the bar has moved to its end, and the signed URL shows the picture."""
    page.goto(place.site)
    page.evaluate(WATCH)
    slow_down(page, 200_000)
    choose("keep.png", "image/png", picture)
    page.wait_for_function("document.getElementById('image').naturalWidth > 0")
    width, key, seen = page.evaluate("[image.naturalWidth, caption.textContent, seen]")
    assert (480, [key]) == (width, [info.key for info in place.store.list()])
    assert hashlib.sha256(picture).digest() == hashlib.sha256(place.store.read(key)).digest()
    assert sorted(seen) == seen
    assert 1 == seen[-1]
    assert any(0 < value < 1 for value in seen)


def test_a_page_uploads_while_the_cache_of_the_browser_is_off(
    place: Any, page: Any, choose: Callable[..., None], picture: bytes
) -> None:
    """With its cache off, as developers have it, a browser adds a Cache-Control of its own; it is not the asset's."""
    developer_tools = page.context.new_cdp_session(page)
    developer_tools.send("Network.enable")
    developer_tools.send("Network.setCacheDisabled", {"cacheDisabled": True})
    page.goto(place.site)
    choose("keep.png", "image/png", picture)
    page.locator("#error, #done").locator("visible=true").wait_for()
    assert "" == page.locator("#error").inner_text()
    assert [None] == [place.store.stat(info.key).cache_control for info in place.store.list()]


def test_a_type_that_the_policy_does_not_name_is_refused(place: Any, page: Any, choose: Callable[..., None]) -> None:
    """The page shows the server's refusal, and nothing was sent to the store."""
    page.goto(place.site)
    choose("page.html", "text/html", HTML)
    page.locator("[role=alert]:not([hidden])").wait_for()
    assert "text/html" in page.locator("[role=alert]").inner_text()
    assert [] == list(place.store.list())


def test_bytes_of_another_type_than_declared_are_refused(place: Any, page: Any, choose: Callable[..., None]) -> None:
    """A web page that calls itself a picture is uploaded, found out, and gone."""
    page.goto(place.site)
    choose("keep.png", "image/png", HTML)
    page.locator("[role=alert]:not([hidden])").wait_for()
    assert "image/png" in page.locator("[role=alert]").inner_text()
    assert [] == list(place.store.list())


def test_a_foreign_origin_cannot_upload(place: Any, page: Any, choose: Callable[..., None], picture: bytes) -> None:
    """The browser keeps a page of another origin from the store, although its signed request is good."""
    page.goto(place.foreign_site)
    choose("keep.png", "image/png", picture)
    page.locator("[role=alert]:not([hidden])").wait_for()
    assert "The store cannot be reached from this page" == page.locator("[role=alert]").inner_text()
    assert [] == list(place.store.list())
