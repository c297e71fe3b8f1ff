"""What scripts of another origin do with signed requests, over a folder, SeaweedFS and Cloudflare's emulator."""

from __future__ import annotations

from typing import Any

import media
import pytest

from assetstore import PresignedRequest

SEND = """([request, how, text]) => {
    const {method, url, headers} = request;
    const body = how.endsWith("blob") ? new Blob([text]) : text;
    if (how.startsWith("fetch")) return fetch(url, {method, headers, body}).then(answer => answer.status);
    return new Promise(done => {
        const sender = new XMLHttpRequest();
        sender.open(method, url);
        for (const [name, value] of Object.entries(headers)) sender.setRequestHeader(name, value);
        sender.onloadend = () => done(sender.status);
        sender.send(body);
    });
}"""
READ = """url => fetch(url, {headers: {Range: "bytes=2-4"}}).then(async answer => [
    answer.status,
    await answer.text(),
    ...["content-range", "content-length", "accept-ranges", "etag"].map(name => answer.headers.get(name)),
])"""
KEEP = """async url => {
    await navigator.serviceWorker.register("/worker.js");
    if (!navigator.serviceWorker.controller)
        await new Promise(done => { navigator.serviceWorker.oncontrollerchange = done });
    await (await caches.open("kept")).add(url);
}"""
SEEK = """async url => {
    const player = Object.assign(document.createElement("audio"), {crossOrigin: "anonymous", preload: "auto", src: url});
    await new Promise(done => { player.onloadedmetadata = done });
    const sought = new Promise(done => { player.onseeked = done });
    player.currentTime = 15;
    await sought;
    return [player.error, player.currentTime];
}"""


def sent(page: Any, request: PresignedRequest, how: str, text: str) -> int:
    """Send a signed request as a page does, and return the status of the answer."""
    status: int = page.evaluate(SEND, [request.as_dict(), how, text])
    return status


@pytest.mark.parametrize("how", ["fetch blob", "xhr blob"])
@pytest.mark.parametrize("asked", [None, "public, max-age=60"])
@pytest.mark.parametrize("cache", ["cache on", "cache off"])
def test_a_create_only_upload_keeps_the_cache_control_it_was_signed_with(
    place: Any, page: Any, how: str, asked: str | None, cache: str
) -> None:
    """A browser adds a Cache-Control of its own to a create-only PUT that has none, so each has one, which is stored."""
    if cache == "cache off":
        developer_tools = page.context.new_cdp_session(page)
        developer_tools.send("Network.enable")
        developer_tools.send("Network.setCacheDisabled", {"cacheDisabled": True})
    page.goto(place.site)
    request = place.store.presign("a.txt", method="PUT", overwrite=False, cache_control=asked)
    assert (200, 412) == (sent(page, request, how, "one"), sent(page, request, how, "two"))
    assert (asked or "private", b"one") == (place.store.stat("a.txt").cache_control, place.store.read("a.txt"))


@pytest.mark.parametrize(("how", "status"), [("xhr text", 403), ("xhr blob", 200), ("fetch text", 200), ("fetch blob", 200)])
def test_a_bound_charset_needs_a_blob_or_fetch(place: Any, page: Any, how: str, status: int) -> None:
    """XMLHttpRequest respells the charset of a text, and is refused; ``fetch``, or a Blob, sends what was signed."""
    page.goto(place.site)
    request = place.store.presign("a.txt", method="PUT", content_type="text/plain; charset=utf-8")
    assert status == sent(page, request, how, "Zoë")
    assert (status == 200) == place.store.exists("a.txt")


def test_a_page_reads_a_range(place: Any, page: Any) -> None:
    """A script reads a range of an asset, and the headers that say which."""
    info = place.store.upload(b"0123456789", key="a.bin")
    page.goto(place.site)
    read = page.evaluate(READ, place.store.presign("a.bin").url)
    assert [206, "234", "bytes 2-4/10", "3", "bytes", f'"{info.etag}"'] == read


def test_audio_from_the_cache_of_a_service_worker_seeks(place: Any, page: Any) -> None:
    """A sound that a page's service worker answers from its cache is sought as if it came from the store."""
    place.store.upload(media.wav(), key="a.wav")
    url = place.store.presign("a.wav").url
    page.goto(place.site)
    page.evaluate(KEEP, url)
    place.store.delete("a.wav")
    assert [None, 15] == page.evaluate(SEEK, url)
