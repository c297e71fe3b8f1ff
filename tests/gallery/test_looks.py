"""What the page of an asset shows of a font, an archive, a document or a model."""

from __future__ import annotations

import hashlib
from pathlib import Path

import httpx
import pytest
from asking import Visit, facts
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import assetstore_gallery
from assetstore import AssetStore, open_store
from assetstore_gallery.archive import SHOWN
from assetstore_gallery.specimen import stylesheet
from made_files import archive, cube, font, pdf

VENDOR = Path(assetstore_gallery.__file__).parent / "static" / "vendor"


@pytest.mark.parametrize(("name", "flavor", "found"), [("a.ttf", None, "opentype"), ("a.woff", "woff", "woff")])
def test_a_font_is_a_specimen(store: AssetStore, visit: Visit, name: str, flavor: str | None, found: str) -> None:
    """The page names a stylesheet for this font alone, and the font comes as nothing else."""
    store.upload(font(flavor), name)
    client = visit(store)
    assert {"font": found} == client.get("/asset.json", params={"key": name}).json()["facts"]
    assert f'href="/specimen.css?key={name}"' in client.get("/asset", params={"key": name}).text
    style = client.get("/specimen.css", params={"key": name})
    assert (200, "text/css; charset=utf-8") == (style.status_code, style.headers["content-type"])
    assert f'url("file?key={name}")' in style.text
    bytes_of = client.get("/file", params={"key": name})
    assert f"font/{name[2:]}" == bytes_of.headers["content-type"]
    assert bytes_of.headers["content-disposition"].startswith("attachment")


def test_what_is_no_font_has_no_stylesheet(store: AssetStore, visit: Visit) -> None:
    """Neither by its type alone, nor by its bytes alone."""
    store.upload(b"* { display: none }", "a.ttf")
    store.upload(font(), "b.bin")
    client = visit(store)
    answers = [client.get("/specimen.css", params={"key": key}).status_code for key in ("a.ttf", "b.bin", "none")]
    assert [404] * 3 == answers


@given(st.text(min_size=1))
def test_no_key_ends_the_name_of_a_font(key: str) -> None:
    """Whatever stands in a key, the stylesheet has one rule with one URL."""
    key = key.encode("utf-8", "replace").decode()
    inner = stylesheet(key).removeprefix('@font-face { font-family: specimen; src: url("').removesuffix('"); }\n')
    assert set() == set(inner) & set("\"'()\\{}<>; \n")


@pytest.mark.parametrize("name", ["a.zip", "book.epub", "letter.docx", "sheet.ods", "comic.cbz"])
def test_an_archive_is_a_table_of_its_first_entries(store: AssetStore, visit: Visit, name: str) -> None:
    """Names, sizes and dates come from its directory; the rest is counted."""
    names = ["<img src=x>.png", *(f"maps/{number}.png" for number in range(SHOWN))]
    store.upload(archive(names), name)
    client = visit(store)
    found = client.get("/asset.json", params={"key": name}).json()["facts"]
    assert (SHOWN + 1, names[:SHOWN]) == (found["entry_count"], [entry["name"] for entry in found["entries"]])
    assert (1000, "2026-11-05T12:30:00") == (found["entries"][0]["size"], found["entries"][0]["modified"])
    assert 0 < found["entries"][0]["packed"] < 1000
    page = client.get("/asset", params={"key": name}).text
    assert "&lt;img src=x&gt;.png" in page
    assert f"{SHOWN + 1} entries" in page


def test_a_film_that_not_every_browser_plays_says_so(store: AssetStore, visit: Visit) -> None:
    """The page of an AVI tells why its player may stay dark, that of a WebM says nothing."""
    for name in ("a.avi", "a.webm", "a.wma", "a.mp3"):
        store.upload(b"x", name)
    client = visit(store)
    pages = [client.get("/asset", params={"key": name}).text for name in ("a.avi", "a.webm", "a.wma", "a.mp3")]
    assert [True, False, True, False] == ["Not every browser plays this type" in page for page in pages]


def test_a_model_turns_on_a_page_of_its_own(store: AssetStore, visit: Visit) -> None:
    """Its policy allows neither another origin nor scripts from texts, and only the gallery frames it."""
    store.upload(cube(), "a.glb")
    client = visit(store, frame_ancestors=("https://app.example",))
    asset = client.get("/asset", params={"key": "a.glb"})
    assert '<iframe class="model" src="/model?key=a.glb"' in asset.text
    assert "wasm" not in asset.headers["content-security-policy"]
    page = client.get("/model", params={"key": "a.glb"})
    policy = dict(part.split(" ", 1) for part in page.headers["content-security-policy"].split("; "))
    assert ("'none'", "'self' 'wasm-unsafe-eval'") == (policy["default-src"], policy["script-src"])
    assert "'self' https://app.example" == policy["frame-ancestors"]
    assert "'unsafe-inline'" not in policy["style-src"]
    assert "x-frame-options" not in page.headers


def test_what_is_no_model_has_no_page(store: AssetStore, visit: Visit) -> None:
    """Neither by its type alone, nor by its bytes alone."""
    store.upload(b"<script>", "a.glb")
    store.upload(cube(), "b.bin")
    client = visit(store)
    assert [404] * 3 == [client.get("/model", params={"key": key}).status_code for key in ("a.glb", "b.bin", "none")]


def test_a_pdf_is_shown_by_the_browsers_own_viewer(store: AssetStore, visit: Visit) -> None:
    """The frame shows the file itself, which its header puts in a sandbox for our frames; a packed one is only saved."""
    store.upload(pdf(), "a.pdf")
    store.upload(pdf(), "b.pdf", content_encoding="gzip")
    client = visit(store, frame_ancestors=("https://app.example",))
    assert '<iframe class="document" src="/file?key=a.pdf"' in client.get("/asset", params={"key": "a.pdf"}).text
    assert "<iframe" not in client.get("/asset", params={"key": "b.pdf"}).text
    headers = client.get("/file", params={"key": "a.pdf"}).headers
    assert "sandbox; default-src 'none'; frame-ancestors 'self' https://app.example" == headers["content-security-policy"]
    assert "application/pdf" == headers["content-type"]


def test_the_viewer_is_the_one_that_was_published() -> None:
    """Its file is that of @google/model-viewer 4.4.0 on npm, byte for byte, with its licence beside it."""
    digest = hashlib.sha256((VENDOR / "model-viewer.min.js").read_bytes()).hexdigest()
    assert "18b2e711035aa4705ee281530a55dc2338ff05eed3d70ae16d54105282a75ed5" == digest
    assert "Apache License" in (VENDOR / "model-viewer.LICENSE").read_text()


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(name=st.sampled_from(["a.zip", "a.ttf", "a.woff2", "a.pdf", "a.glb"]), data=st.data())
def test_broken_archives_and_fonts_are_unknown(name: str, data: st.DataObject) -> None:
    """Cut short, changed or made of noise: whatever is found, it is JSON, and nothing fails."""
    whole = bytearray(archive(["a", "b/c"]) if name == "a.zip" else font())
    for at in data.draw(st.lists(st.integers(0, len(whole) - 1), max_size=4)):
        whole[at] = data.draw(st.integers(0, 255))
    cut = bytes(whole[data.draw(st.sampled_from([0, 1, 50])) : data.draw(st.integers(51, len(whole)))])
    with open_store("memory:") as store:
        store.upload(cut + data.draw(st.binary(max_size=30)), name)
        assert httpx.Response(200, json=facts(store, name)).json() == facts(store, name)
