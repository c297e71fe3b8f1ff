"""Public reports about other stores and upload forms, each as its reporter would meet it here.

The addresses name the complaint; what is right stands in the test's sentence.
"""

from __future__ import annotations

import gzip
import io
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from assetstore import AssetInfo, AssetStore, RefusedError, SourceError, UploadPolicy
from assetstore.direct.send import Sender
from assetstore_local import LocalBackend

Send = Callable[..., AssetInfo]
XML = b'<?xml version="1.0" encoding="UTF-8"?>\n<map version="1.10" tiledversion="1.10.2"/>'
FRAME = b"\xff\xfb\x90\x64" + bytes(413)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[AssetStore]:
    """Give a folder."""
    with AssetStore(LocalBackend(root=tmp_path / "assets", durable=False)) as store:
        yield store


@pytest.fixture
def send(store: AssetStore) -> Send:
    """Return what uploads bytes straight from a browser, under their file name as key."""

    def send(data: bytes, filename: str, **options: Any) -> AssetInfo:
        upload = store.begin_upload(key=f"up/{filename}", size=len(data), **options)
        assert upload.request is not None
        assert 200 == Sender.to(store)(upload.request, data).status
        return store.finish_upload(upload.token)

    return send


def answer(store: AssetStore, key: str) -> Any:
    """Return the answer to a signed link."""
    return Sender.to(store)(store.presign(key), b"")


@pytest.mark.parametrize("name", ["a.mp4", "a.ogg", "a.mp3", "a.wav", "a.flac"])
def test_a_link_to_a_film_opens_a_live_player(store: AssetStore, name: str) -> None:
    """block/buzz#4176, bluesky-social/social-app#4735: the browser's own player may load the file."""
    store.upload(b"x", name)
    policy = answer(store, name).headers["content-security-policy"]
    assert ("media-src 'self'" in policy, "sandbox" in policy) == (True, False)


def test_subtitles_are_no_audio(store: AssetStore, send: Send) -> None:
    """python/cpython#120258, morpheus65535/bazarr#1306: ``.ass`` is a text among documents."""
    text = b"[Script Info]\nTitle: e01\n"
    info = store.upload(text, "e01.ass")
    assert ("text/x-ssa", "text/x-ssa") == (info.content_type, send(text, "e01.ass").content_type)


@pytest.mark.parametrize("suffix", ["tmx", "tsx", "gpx", "kml", "fnt", "plist", "ttml", "dae", "mpd"])
def test_formats_of_xml_are_taken(send: Send, suffix: str) -> None:
    """getkirby/kirby#3433, matecat/MateCat#3419, geolens-io/geolens#1682: XML that cannot run is no danger."""
    assert len(XML) == send(XML, f"a.{suffix}").size


@pytest.mark.parametrize("name", ["r.docx", "t.xlsx", "f.woff2", "m.glb", "a.gz", "t.csv", "s.svg", "d.doc", "x.rtf"])
def test_a_renamed_program_is_refused(send: Send, name: str) -> None:
    """akhileshrangani4/teachanything#502, imanchalsingh/collegems#768: every type is compared with the bytes."""
    with pytest.raises(RefusedError):
        send(Path(sys.executable).read_bytes()[:4096], name)


def test_nothing_is_no_document(send: Send) -> None:
    """akhileshrangani4/teachanything#502: an empty file is no DOCX, and an empty text is a text."""
    with pytest.raises(RefusedError):
        send(b"", "empty.docx")
    assert 0 == send(b"", "empty.txt").size


@pytest.mark.parametrize(
    ("name", "content_type"),
    [
        ("p.jfif", "image/jpeg"),
        ("b.m4b", "audio/mp4"),
        ("t.ktx2", "image/ktx2"),
        ("a.psd", "image/vnd.adobe.photoshop"),
        ("i.jp2", "image/jp2"),
        ("c.usdz", "model/vnd.usdz+zip"),
        ("m.stl", "model/stl"),
        ("f.ttc", "font/collection"),
        ("g.geojson", "application/geo+json"),
        ("c.ics", "text/calendar"),
        ("v.m2ts", "video/mp2t"),
        ("s.spx", "audio/ogg"),
    ],
)
def test_a_known_suffix_has_its_type(store: AssetStore, name: str, content_type: str) -> None:
    """weDevsOfficial/wp-user-frontend#1948, Automattic/pocket-casts-android#2741: no picture or book is unknown bytes."""
    assert content_type == store.upload(b"x", name).content_type


@pytest.mark.parametrize(
    ("sent", "allowed"),
    [
        ("audio/x-wav", "audio/wav"),
        ("audio/x-m4a", "audio/mp4"),
        ("video/x-matroska", "video/matroska"),
        ("application/x-zip-compressed", "application/zip"),
        ("image/pjpeg", "image/jpeg"),
    ],
)
def test_one_browser_says_it_otherwise(store: AssetStore, sent: str, allowed: str) -> None:
    """ManifoldScholar/manifold#2448, transloadit/uppy#1988: all names of a type are one."""
    assert store.begin_upload(key="a", size=9, content_type=sent, policy=UploadPolicy(types=[allowed])).request


def test_a_printer_writes_before_the_document(send: Send) -> None:
    """trycompai/comp#3251, freelawproject/courtlistener#7791: a PDF may begin within its first 1,024 bytes."""
    assert "application/pdf" == send(b"\x1b%-12345X@PJL JOB\r\n%PDF-1.7\n%%EOF", "scan.pdf").content_type


def test_cells_may_hold_markup(send: Send) -> None:
    """silverstripe/silverstripe-mimevalidator#22, cds-snc/platform-forms-client#6016: a table is no page."""
    assert "text/csv" == send(b"<b>Name</b>,<b>HP</b>\ngoblin,7\n", "npcs.csv").content_type


def test_an_old_encoder_pads(send: Send) -> None:
    """JamesHeinrich/getID3#405, digital-preservation/PRONOM_Research#166: music may stand behind padding."""
    assert "audio/mpeg" == send(bytes(417) + FRAME * 3, "old-lame.mp3").content_type


def test_an_archive_extracts_itself(send: Send) -> None:
    """skyjake/lagrange#794, readest/readest#4321: a ZIP is known by its end record."""
    file = io.BytesIO(b"MZ" + bytes(62))
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("a.txt", "x")
    assert "application/zip" == send(file.getvalue(), "setup.zip").content_type


def test_windows_calls_a_table_a_sheet(send: Send) -> None:
    """Arize-ai/phoenix#11956, frappe/frappe-ui#906, payloadcms/payload#12620: the name decides, the bytes must fit it."""
    policy = UploadPolicy(types=["text/csv"])
    info = send(b"a,b\n1,2\n", "npcs.csv", content_type="application/vnd.ms-excel", policy=policy)
    assert "text/csv" == info.content_type


def test_a_packed_drawing_is_displayed(store: AssetStore) -> None:
    """terreng/simple-web-server#282, backdrop/backdrop-issues#6647: an SVGZ has its Content-Encoding."""
    store.upload(gzip.compress(b'<svg xmlns="http://www.w3.org/2000/svg"/>'), "map.svgz")
    headers = answer(store, "map.svgz").headers
    assert ("image/svg+xml", "gzip") == (headers["content-type"], headers["content-encoding"])


def test_a_game_loads_its_packed_code(store: AssetStore, send: Send) -> None:
    """kiraio-moe/USSR#31, itchio/itch.io#1772: a build's ``.wasm.br`` and ``.data.gz`` have type and Content-Encoding."""
    store.upload(b"\x0b\x02\x80asm\x03", "Build/game.wasm.br")
    headers = answer(store, "Build/game.wasm.br").headers
    assert ("application/wasm", "br") == (headers["content-type"], headers["content-encoding"])
    info = send(gzip.compress(b"levels"), "game.data.gz")
    assert ("application/octet-stream", "gzip") == (info.content_type, info.content_encoding)


@pytest.mark.parametrize("name", ["rules.pdf", "notes.txt", "notes.md", "a.json"])
def test_a_document_is_shown_as_from_a_bucket(store: AssetStore, name: str) -> None:
    """HumanSignal/label-studio#7685, Chainlit/chainlit#2722, rails/rails#36277: what cannot run is not saved by force."""
    store.upload(b"%PDF-1.7\n", name)
    assert answer(store, name).headers.get("content-disposition") is None


def test_a_buffer_at_its_end_is_not_stored_as_nothing(store: AssetStore) -> None:
    """boto/boto3#3354, boto/boto#630: what was just written has to be rewound first."""
    file = io.BytesIO()
    file.write(b"data")
    with pytest.raises(SourceError, match="seek"):
        store.upload(file, "end.bin")
    file.seek(0)
    assert 4 == store.upload(file, "end.bin").size


def test_a_segment_of_a_stream_is_a_film(send: Send) -> None:
    """A media segment of fragmented MP4 begins with ``styp``."""
    assert "video/mp4" == send(b"\0\0\0\x18stypmsdh\0\0\0\0msdhmsix" + b"\0\0\0\x08moof", "seg-1.mp4").content_type


def test_a_policy_means_what_it_says(store: AssetStore) -> None:
    """A suffix or another name of a type in a policy allows what it means."""
    policy = UploadPolicy(types=[".png", "image/jpg"])
    assert all(store.begin_upload(key=name, size=9, policy=policy).request for name in ("a.png", "a.jpg"))
