"""What scripts of another origin do with signed requests, over a folder, SeaweedFS and Cloudflare's emulator."""

from __future__ import annotations

from typing import Any

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
