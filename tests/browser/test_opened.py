"""What a browser does with a signed link: opened on its own, in a frame, and in its element.

A folder's own server shows and plays what Cloudflare's emulator does; docs/design.md lists what differs.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import media
import pytest

from assetstore import AssetStore

PLAYS = """async () => {
    const player = document.querySelector("video, audio");
    const once = name => new Promise(done => player.addEventListener(name, done, {once: true}));
    while (player.readyState < 2) await once("loadeddata");
    const end = player.duration * 0.8;
    player.currentTime = end;
    await once("seeked");
    return [player.error, player.currentTime >= end - 0.1];
}"""
LOADED = "() => document.images[0].decode().then(() => [document.images[0].naturalWidth, document.images[0].naturalHeight])"
WRITTEN = "() => [document.body.innerText.trim()]"
# The viewer makes a page around the document; a browser without one saves it.
VIEWED = "() => [document.contentType]"


@attrs.frozen(kw_only=True)
class Kind:
    """A kind of asset.

    Attributes:
        data: returns its bytes.
        element: the element that shows it in a page; the script returns whether it does.
        shows: a script for the page that the browser makes of it.
        expected: what that script returns.
    """

    data: Callable[[Any], bytes]
    element: str
    shows: str
    expected: list[Any]


def sound(make: Callable[[], bytes]) -> Kind:
    """Return a kind of sound."""
    return Kind(data=lambda page: make(), element="audio", shows=PLAYS, expected=[None, True])


_films: dict[str, bytes] = {}


def film(kind: str) -> Kind:
    """Return a kind of film, which is recorded once."""

    def data(page: Any) -> bytes:
        if kind not in _films:
            _films[kind] = media.recorded(page, kind)
        return _films[kind]

    return Kind(data=data, element="video", shows=PLAYS, expected=[None, True])


KINDS = {
    "a.png": Kind(data=lambda page: media.picture(), element="img", shows=LOADED, expected=[480, 300]),
    "a.wav": sound(media.wav),
    "a.mp3": sound(media.mp3),
    "a.flac": sound(media.flac),
    "a.ogg": sound(media.ogg),
    "a.webm": film("video/webm"),
    "a.mp4": film("video/mp4"),
    "a.pdf": Kind(data=lambda page: media.pdf(), element="embed", shows=VIEWED, expected=["application/pdf"]),
    "a.txt": Kind(data=lambda page: media.TEXT, element="object", shows=WRITTEN, expected=[media.TEXT.decode().strip()]),
}
EACH = pytest.mark.parametrize("name", KINDS)


def stored(place: Any, page: Any, name: str) -> str:
    """Upload a kind and return its signed URL."""
    page.goto(place.site)
    place.store.upload(KINDS[name].data(page), key=name)
    return place.store.presign(name).url


def in_frame(page: Any, url: str) -> Any:
    """Put a URL into a frame and return the frame, once it is loaded."""
    page.evaluate(
        """url => new Promise(done => {
            const frame = Object.assign(document.createElement("iframe"), {src: url, onload: done, id: "shown"});
            document.body.append(frame);
        }).then(() => null)""",
        url,
    )
    return page.query_selector("#shown").content_frame()


@EACH
def test_a_link_opened_on_its_own_shows_the_asset(place: Any, page: Any, name: str) -> None:
    """A picture, a document and a text are shown, sounds and films play and seek; no policy of the server is in the way."""
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.goto(stored(place, page, name))
    assert KINDS[name].expected == page.evaluate(KINDS[name].shows)
    assert [] == [text for text in complaints if "Content Security Policy" in text]


@EACH
def test_a_link_in_a_frame_shows_the_asset(place: Any, page: Any, name: str) -> None:
    """A page of another origin than the store's shows the same in a frame."""
    url = stored(place, page, name)
    assert KINDS[name].expected == in_frame(page, url).evaluate(KINDS[name].shows)


@EACH
@pytest.mark.parametrize("foreign", [False, True], ids=["allowed", "foreign"])
def test_a_link_in_its_element_shows_the_asset(place: Any, page: Any, name: str, foreign: bool) -> None:
    """A page of an origin that may use the store, and of any other one, shows the asset in its element."""
    url, kind = stored(place, page, name), KINDS[name]
    page.goto(place.foreign_site if foreign else place.site)
    assert ["load", kind.expected if kind.shows in (LOADED, PLAYS) else None] == element(page, url, kind)


def element(page: Any, url: str, kind: Kind) -> list[Any]:
    """Show a URL in its element and nothing else, and return the event that ends it and what the script returns."""
    loaded = page.evaluate(
        """([name, url]) => new Promise(done => {
            const shown = Object.assign(document.createElement(name), {preload: "auto"});
            for (const event of ["load", "loadeddata", "error"])
                shown.addEventListener(event, () => done(event.replace("loadeddata", "load")), {once: true});
            shown[name === "object" ? "data" : "src"] = url;
            document.body.replaceChildren(shown);
        })""",
        [kind.element, url],
    )
    return [loaded, page.evaluate(kind.shows) if kind.shows in (LOADED, PLAYS) else None]


@EACH
def test_a_page_of_the_same_origin_shows_the_asset(mounted: tuple[AssetStore, str], page: Any, name: str) -> None:
    """A folder that is mounted in the page's own server is shown in frames and elements as from anywhere."""
    (store, site), kind = mounted, KINDS[name]
    page.goto(site)
    store.upload(kind.data(page), key=name)
    url = store.presign(name).url
    assert kind.expected == in_frame(page, url).evaluate(kind.shows)
    assert ["load", kind.expected if kind.shows in (LOADED, PLAYS) else None] == element(page, url, kind)


@EACH
def test_download_as_saves_instead(place: Any, page: Any, name: str) -> None:
    """Whatever a browser could show, ``download_as`` makes it save under that name."""
    if place.name == "emulator":
        return  # It ignores the Content-Disposition that a signed URL asks for.
    stored(place, page, name)
    with page.expect_download() as download:
        page.evaluate("url => { location.href = url }", place.store.presign(name, download_as="Mäp 1").url)
    assert ("Mäp 1", place.store.read(name)) == (download.value.suggested_filename, Path(download.value.path()).read_bytes())


def test_a_packed_drawing_is_shown(place: Any, page: Any) -> None:
    """An SVGZ that a page uploads with its Content-Encoding is shown by an image element."""
    if place.name == "emulator":
        return  # It packs once more what is packed already.
    packed = gzip.compress(b'<svg xmlns="http://www.w3.org/2000/svg" width="48" height="30"/>')
    put = place.store.presign("map.svgz", method="PUT", content_type="image/svg+xml", content_encoding="gzip")
    page.goto(place.site)
    assert 200 == page.evaluate(
        "([put, data]) => fetch(put.url, {...put, body: new Uint8Array(data)}).then(got => got.status)",
        [put.as_dict(), [*packed]],
    )
    assert packed == place.store.read("map.svgz")
    kind = Kind(data=lambda page: b"", element="img", shows=LOADED, expected=[48, 30])
    assert ["load", [48, 30]] == element(page, place.store.presign("map.svgz").url, kind)


def test_packed_values_are_unpacked_by_the_browser(place: Any, page: Any) -> None:
    """What is stored with Content-Encoding ``gzip`` reaches a page's ``fetch`` as it was before."""
    if place.name == "emulator":
        return  # It packs once more what is packed already.
    place.store.upload(gzip.compress(b'{"gates": 2}'), key="a.json", content_encoding="gzip")
    page.goto(place.site)
    assert {"gates": 2} == page.evaluate("url => fetch(url).then(got => got.json())", place.store.presign("a.json").url)
