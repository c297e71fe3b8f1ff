"""Signed URLs in Chromium's address bar and in an audio element, over a folder, SeaweedFS and Cloudflare's emulator."""

from __future__ import annotations

import io
import math
import struct
import wave
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

SECONDS = 60
RATE = 22_050
PAGES = {
    "html": "<!doctype html><title>still</title><script>{script}</script>",
    "svg": '<svg xmlns="http://www.w3.org/2000/svg"><title>still</title><script>{script}</script></svg>',
}


def script(canary: str) -> str:
    """Return a script that cannot run unnoticed."""
    return f"document.title = 'ran'; new Image().src = '{canary}'"


def tone() -> bytes:
    """Return a WAV of a minute, 2.6 MB."""
    second = b"".join(struct.pack("<h", int(8000 * math.sin(i * 2 * math.pi * 440 / RATE))) for i in range(RATE))
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes(second * SECONDS)
    return out.getvalue()


def test_a_tampered_url_is_refused(place: Any, page: Any, picture: bytes) -> None:
    """A signed URL opens its own asset, and no other one."""
    place.store.upload(picture, key="one.png")
    place.store.upload(picture, key="two.png")
    url = place.store.presign("one.png").url
    assert 200 == page.goto(url).status
    assert 403 == page.goto(url.replace("one.png", "two.png")).status


def test_an_expired_url_is_refused(place: Any, page: Any, picture: bytes) -> None:
    """Once its second is over a signed URL opens nothing."""
    place.store.upload(picture, key="one.png")
    request = place.store.presign("one.png", expires=1)
    while datetime.now(UTC) < request.expires_at + timedelta(seconds=1):
        page.goto(request.url)
    assert 403 == page.goto(request.url).status


@pytest.mark.parametrize("kind", ["html", "svg"])
def test_a_stored_script_does_not_run(place: Any, page: Any, requested: list[str], kind: str) -> None:
    """A web page or a drawing that is opened by its signed URL is saved, and its script does not run."""
    text = PAGES[kind].format(script=script(place.canary)).encode()
    # A folder's own server has everything saved that may hold a script; a bucket does what was said at the upload.
    place.store.upload(text, key=f"evil.{kind}", content_disposition=None if place.name == "local" else "attachment")
    page.goto(place.site)
    with page.expect_download() as download:
        page.evaluate("url => { location.href = url }", place.store.presign(f"evil.{kind}").url)
    assert text == download.value.path().read_bytes()
    assert "Upload an image" == page.title()
    assert place.canary not in requested


def test_the_canary_sings(place: Any, page: Any, requested: list[str]) -> None:
    """Where nothing keeps that script from running, it is noticed."""
    page.goto(place.site)
    page.set_content(PAGES["html"].format(script=script(place.canary)))
    page.wait_for_function("document.title == 'ran'")
    assert place.canary in requested


def test_audio_seeks_by_ranges(place: Any, page: Any) -> None:
    """An audio element jumps to the end of a signed URL and plays on from there, by ranges."""
    place.store.upload(tone(), key="tone.wav")
    statuses: list[int] = []
    url = place.store.presign("tone.wav").url
    page.context.on("response", lambda response: statuses.append(response.status) if response.url == url else None)
    page.goto(place.site)
    page.set_content(f'<audio src="{url.replace("&", "&amp;")}" preload="metadata" muted></audio>')
    page.wait_for_function("document.querySelector('audio').duration > 59")
    at = page.evaluate("""async () => {
        const audio = document.querySelector("audio");
        const sought = new Promise((resolve) => { audio.onseeked = resolve });
        audio.currentTime = 55;
        await sought;
        return audio.currentTime;
    }""")
    assert 55 == at
    page.wait_for_function("document.querySelector('audio').readyState >= 2")
    assert {206} == set(statuses)
    assert 2 <= len(statuses)
