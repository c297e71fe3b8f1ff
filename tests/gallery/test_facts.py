"""What a gallery finds out about the contents of assets."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import pytest
from asking import PATIENCE, Visit, facts
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from assetstore import AssetStore, open_store
from assetstore.plugin import every
from assetstore.testing import FaultyBackend, MemoryBackend
from assetstore_gallery.bounded import TooMuchError, opened
from assetstore_gallery.facts import Facts
from assetstore_gallery.sounds import MAX_COVER
from assetstore_local import LocalBackend
from made_files import flac, heic, mp4, picture, psd, sound, webm

PICTURES = ("a.png", "a.jpg", "a.webp", "a.gif", "a.avif", "a.heic", "a.tiff")
NAMES = (*PICTURES, "a.wav", "a.mp3", "a.ogg", "a.flac", "a.mp4", "a.webm")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF", "JPEG2000", "AVIF"])
def test_a_picture_has_its_pixels(store: AssetStore, kind: str) -> None:
    """Width and height are those that are shown."""
    store.upload(picture(kind), "a", content_type=f"image/{kind.lower()}")
    assert {"width": 30, "height": 20} == facts(store, "a")


@pytest.mark.parametrize("options", [{}, {"lossless": True}, {"exif": b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0"}])
def test_each_kind_of_webp_has_its_pixels(store: AssetStore, options: dict[str, Any]) -> None:
    """Lossy, lossless and extended files say their size in three ways."""
    store.upload(picture("WEBP", (300, 7), **options), "a.webp")
    assert {"width": 300, "height": 7} == facts(store, "a.webp")


def test_a_file_of_photoshop_has_its_pixels(store: AssetStore) -> None:
    """Its head says them."""
    store.upload(psd(Image.new("RGB", (30, 20))), "a.psd")
    assert {"width": 30, "height": 20} == facts(store, "a.psd")


def test_a_turned_photograph_has_the_pixels_that_are_shown(store: AssetStore) -> None:
    """A camera that was held upright writes width and height the other way round and says so."""
    exif = Image.Exif()
    exif[274] = 6
    store.upload(picture("JPEG", exif=exif), "a.jpg")
    assert {"width": 20, "height": 30} == facts(store, "a.jpg")


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_photo_in_boxes_has_the_pixels_that_are_shown(store: AssetStore, orientation: int) -> None:
    """An AVIF says in a box of its own how it is turned; so does the HEIC of a phone."""
    exif = Image.Exif()
    exif[274] = orientation
    store.upload(picture("AVIF", exif=exif), "a.avif")
    store.upload(heic(), "a.heic")
    width, height = (30, 20) if orientation < 5 else (20, 30)
    assert {"width": width, "height": height} == facts(store, "a.avif")
    assert {"width": 400, "height": 300} == facts(store, "a.heic")


def test_a_picture_of_too_many_pixels_is_measured_and_not_decoded(store: AssetStore) -> None:
    """A header that promises ten thousand million pixels costs nothing."""
    head = b"IHDR" + struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    data = picture("PNG")
    store.upload(data[:12] + head + zlib.crc32(head).to_bytes(4, "big") + data[33:], "a.png")
    assert {"width": 100_000, "height": 100_000} == facts(store, "a.png")


@pytest.mark.parametrize("width", [1, 2, 3, 4])
@pytest.mark.parametrize("channels", [1, 2])
def test_a_wav_has_its_length_and_its_peaks(store: AssetStore, width: int, channels: int) -> None:
    """Two hundred columns say how loud each part is, whatever the samples are."""
    store.upload(sound(width, channels), "a.wav")
    found = facts(store, "a.wav")
    assert (2.0, 8000, 200) == (found["seconds"], found["sample_rate"], len(found["peaks"]))
    assert [pytest.approx(1, abs=0.02)] * 100 == found["peaks"][:100]
    assert [pytest.approx(0.5, abs=0.02)] * 99 == found["peaks"][101:]


def test_a_sound_says_its_title_artist_and_cover(store: AssetStore, visit: Visit) -> None:
    """They stand on the page and in its twin; the cover comes in a sandbox, and once only."""
    cover = picture("PNG")
    store.upload(flac(cover, TITLE="Rain <b>", ARTIST="The\u202e Warden"), "rain.flac")
    client = visit(store)
    found = client.get("/asset.json", params={"key": "rain.flac"}).json()["facts"]
    expected = {"seconds": 3.0, "sample_rate": 44100, "title": "Rain <b>", "artist": "The Warden", "cover": True}
    assert expected == found
    page = client.get("/asset", params={"key": "rain.flac"}).text
    assert ["Rain &lt;b&gt;", "/cover?key=rain.flac", "3.0 s"] == [
        text for text in ("Rain &lt;b&gt;", "/cover?key=rain.flac", "3.0 s") if text in page
    ]
    answer = client.get("/cover", params={"key": "rain.flac"})
    assert (200, "image/png", cover) == (answer.status_code, answer.headers["content-type"], answer.content)
    assert "sandbox; default-src 'none'; frame-ancestors 'self'" == answer.headers["content-security-policy"]
    again = client.get("/cover", params={"key": "rain.flac"}, headers={"if-none-match": answer.headers["etag"]})
    assert 304 == again.status_code


@pytest.mark.parametrize("cover", [b"<svg onload='alert(1)'/>", b"GIF9", picture("PNG") + bytes(MAX_COVER)])
def test_a_cover_that_is_no_small_picture_is_none(store: AssetStore, visit: Visit, cover: bytes) -> None:
    """Its first bytes decide, not what the sound says that it is."""
    store.upload(flac(cover), "a.flac")
    client = visit(store)
    assert "cover" not in client.get("/asset.json", params={"key": "a.flac"}).json()["facts"]
    assert 404 == client.get("/cover", params={"key": "a.flac"}).status_code


def test_what_is_no_sound_has_no_cover(store: AssetStore, visit: Visit) -> None:
    """Neither a text, nor what is missing, nor nothing at all."""
    store.upload(b"text", "a.txt")
    store.upload(b"", "empty.mp3")
    client = visit(store)
    assert [404] * 3 == [client.get("/cover", params={"key": key}).status_code for key in ("a.txt", "none", "empty.mp3")]


def test_a_film_has_its_length_and_its_pixels(store: AssetStore) -> None:
    """Both formats of the web are known, also one that a telephone recorded upright."""
    for name, data in (("a.mp4", mp4()), ("b.webm", webm()), ("c.mp4", mp4(turned=True))):
        store.upload(data, name)
    shown = {"seconds": 5.0, "width": 640, "height": 360}
    upright = {"seconds": 5.0, "width": 360, "height": 640}
    assert [shown, shown, upright] == [facts(store, name) for name in ("a.mp4", "b.webm", "c.mp4")]


def test_a_long_ogg_is_read_at_both_ends(store: AssetStore) -> None:
    """The length stands on the last page; what lies between is not walked through."""

    def page(kind: int, position: int, number: int, content: bytes) -> bytes:
        sizes = [255] * (len(content) // 255) + [len(content) % 255]
        return struct.pack("<4sBBqIIIB", b"OggS", 0, kind, position, 1, number, 0, len(sizes)) + bytes(sizes) + content

    head = b"\x01vorbis" + struct.pack("<IBIiiiBB", 0, 1, 8000, 0, 64000, 0, 0xB8, 1)
    comment = b"\x03vorbis" + struct.pack("<III", 0, 1, 10) + b"TITLE=Wind\x01"
    middle = b"".join(page(0, number * 100, number, bytes(60_000)) for number in range(2, 200))
    store.upload(page(2, 0, 0, head) + page(0, 0, 1, comment) + middle + page(4, 8000 * 90, 200, bytes(100)), "wind.ogg")
    assert {"seconds": 90.0, "sample_rate": 8000, "title": "Wind"} == facts(store, "wind.ogg")


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(name=st.sampled_from(NAMES), data=st.data())
def test_broken_files_are_unknown(name: str, data: st.DataObject) -> None:
    """Cut short, changed or made of noise: whatever is found, nothing fails."""
    beginnings = {
        "a.png": picture("PNG"), "a.jpg": picture("JPEG"), "a.webp": picture("WEBP"), "a.gif": picture("GIF"),
        "a.tiff": picture("TIFF"), "a.wav": sound(seconds=0.02), "a.flac": flac(b"\xff\xd8\xff", TITLE="x"),
        "a.mp3": b"ID3\x04\0\0\0\0\0\x20", "a.ogg": b"OggS\0\2", "a.mp4": mp4(),
        "a.avif": b"\0\0\0\x14ftypavif", "a.heic": heic(), "a.webm": webm(),
    }  # fmt: skip
    whole = bytearray(beginnings[name])
    for at in data.draw(st.lists(st.integers(0, len(whole) - 1), max_size=4)):
        whole[at] = data.draw(st.integers(0, 255))
    cut = bytes(whole[: data.draw(st.integers(1, len(whole)))]) + data.draw(st.binary(max_size=200))
    with open_store("memory:") as store:
        store.upload(cut, name)
        assert isinstance(facts(store, name), dict)


def test_a_parser_reads_only_so_much(store: AssetStore) -> None:
    """More than it may have, by one call or by many, ends it."""
    info = store.upload(bytes(10_000), "a.bin")
    with opened(store, info, 6000) as file:
        assert 4000 == len(file.read(4000))
        with pytest.raises(TooMuchError):
            file.read()
    with opened(store, info, 6000) as file:
        assert 9000 == file.seek(9000)
        with pytest.raises(TooMuchError):
            file.read(1)


def test_a_parser_reads_only_so_long(store: AssetStore) -> None:
    """Nothing is read when its time is over."""
    info = store.upload(b"abc", "a.bin")
    with opened(store, info, seconds=-1) as file, pytest.raises(TooMuchError):
        file.read(1)


def large(folder: Path, name: str, head: bytes, tail: bytes = b"") -> None:
    """Write a file of 200 MB whose middle takes no room on the disk."""
    with (folder / name).open("wb") as file:
        file.write(head)
        file.seek(200_000_000 - len(tail))
        file.write(tail)
        file.truncate(200_000_000)


def test_of_a_large_file_only_what_tells_the_facts_is_asked_for(tmp_path: Path) -> None:
    """A film and a sound of 200 MB are known by a few ranges; the whole is not asked for, neither for the peaks."""
    film, wav = mp4(), sound(seconds=0)
    start = film.index(b"mdat") - 4
    end = film.index(b"moov") - 4
    large(tmp_path, "a.mp4", film[:start] + struct.pack(">I4s", 200_000_000 - start - len(film[end:]), b"mdat"), film[end:])
    large(tmp_path, "a.wav", wav[:-4] + (200_000_000 - len(wav)).to_bytes(4, "little"))
    spy = FaultyBackend(LocalBackend(root=tmp_path))
    with AssetStore(spy) as store:
        assert {"seconds": 5.0, "width": 640, "height": 360} == facts(store, "a.mp4")
        assert {"seconds": 12499.997, "sample_rate": 8000} == facts(store, "a.wav")
    lengths = [arguments["options"].length for operation, arguments in spy.calls if operation == "read"]
    assert 10 >= len(lengths)
    assert 1_000_000 > sum(lengths)


class NoRanges(MemoryBackend):
    """Reads whole assets only."""

    supports = MemoryBackend.supports - every("read")


def test_a_store_that_reads_no_ranges_is_asked_for_small_files_alone() -> None:
    """A picture is known there too; of what has more bytes than a parser may read nothing is asked."""
    with AssetStore(NoRanges()) as store:
        info = store.upload(picture("PNG"), "a.png")
        assert {"width": 30, "height": 20} == facts(store, "a.png")
        with pytest.raises(TooMuchError), opened(store, info, info.size - 1):
            pass


def test_facts_are_found_once_for_each_version(store: AssetStore) -> None:
    """What is kept answers without the store; other bytes under the same key are read anew."""
    kept = Facts(store, PATIENCE)
    first = store.upload(picture("PNG"), "a.png")
    assert {"width": 30, "height": 20} == kept.of(first)
    second = store.upload(picture("PNG", (5, 6)), "a.png")
    assert {"width": 5, "height": 6} == kept.of(second)
    store.delete("a.png")
    assert {"width": 30, "height": 20} == kept.of(first)


def test_what_the_store_cannot_read_now_is_asked_again(store: AssetStore) -> None:
    """A fault of the store is not kept as a fact."""
    kept = Facts(store, PATIENCE)
    info = store.upload(picture("PNG"), "a.png")
    store.delete("a.png")
    assert {} == kept.of(info)
    assert {"width": 30, "height": 20} == kept.of(store.upload(picture("PNG"), "a.png"))
