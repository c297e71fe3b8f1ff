"""Thumbnails of pictures."""

from __future__ import annotations

import io
import os
import signal
import struct
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest
from asking import Visit
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from assetstore import open_store
from assetstore_gallery import confined
from assetstore_gallery.pictures import LARGE
from assetstore_gallery.thumbnail_folder import SUFFIX, ThumbnailFolder
from assetstore_gallery.workers import Worker, Workers, shrinking
from made_files import heic, psd

COLOURS = {"red": (254, 0, 0), "green": (0, 128, 0), "blue": (0, 0, 254), "white": (255, 255, 255)}
KINDS = ("PNG", "JPEG", "WEBP", "GIF", "AVIF", "TIFF", "BMP", "DDS")
TURNS = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
"""For each orientation how a picture lies in its file: the reverse of what a viewer does."""


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give each test a cache of its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "assetstore" / "thumbnails"


@pytest.fixture
def worker() -> Iterator[Worker]:
    """Give a process that makes thumbnails."""
    worker = Worker("shrink", seconds=120)
    yield worker
    worker.end()


def quarters(width: int = 800, height: int = 600) -> Image.Image:
    """Return a picture of four colours: red, green, blue and white, by rows."""
    picture = Image.new("RGB", (2, 2))
    picture.putdata(list(COLOURS.values()))
    return picture.resize((width, height), Image.Resampling.NEAREST)


def encoded(picture: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    """Return the file of a picture."""
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def opened(thumbnail: bytes) -> Image.Image:
    """Return a thumbnail as a picture."""
    assert thumbnail[8:12] == b"WEBP"
    return Image.open(io.BytesIO(thumbnail))


def shrunk_by(worker: Worker | Workers, data: bytes) -> bytes:
    """Return the thumbnail that a process makes."""
    return worker.ask(shrinking(data))


def seen(thumbnail: bytes) -> list[str]:
    """Return the colours of the quarters of a thumbnail, each as the nearest one that there is."""
    picture = opened(thumbnail).convert("RGB")
    spots = [(picture.width * x // 4, picture.height * y // 4) for y in (1, 3) for x in (1, 3)]
    found = [picture.getpixel(spot) for spot in spots]

    def nearest(colour: Any) -> str:
        return min(COLOURS, key=lambda name: sum(abs(a - b) for a, b in zip(COLOURS[name], colour, strict=True)))

    return [nearest(colour) for colour in found]


@pytest.mark.parametrize("orientation", TURNS)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_a_picture_stands_as_its_camera_was_held(kind: str, orientation: int) -> None:
    """Each of the eight orientations of EXIF is undone, and neither it nor where the picture was taken is told on."""
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = orientation, "a camera"
    turn = TURNS[orientation]
    picture = quarters() if turn is None else quarters().transpose(turn)
    thumbnail = confined.shrunk(encoded(picture, kind, exif=exif))
    assert list(COLOURS) == seen(thumbnail)
    assert (256, 192) == opened(thumbnail).size
    assert b"a camera" not in thumbnail


@pytest.mark.parametrize(("mode", "kind"), [("RGBA", "PNG"), ("LA", "PNG"), ("P", "PNG"), ("RGBA", "GIF"), ("RGBA", "WEBP")])
def test_what_is_transparent_stays_so(mode: str, kind: str) -> None:
    """A picture whose left half is transparent has such a thumbnail."""
    picture = Image.new("RGBA", (400, 400))
    picture.paste((200, 200, 200, 255), (200, 0, 400, 400))
    alpha = opened(confined.shrunk(encoded(picture.convert(mode), kind))).getchannel("A")
    assert (0, 255) == (alpha.getpixel((50, 128)), alpha.getpixel((200, 128)))


@pytest.mark.parametrize(("mode", "kind"), [("1", "PNG"), ("L", "PNG"), ("L", "JPEG"), ("CMYK", "JPEG"), ("I;16", "PNG")])
def test_grey_and_printed_pictures_keep_their_brightness(mode: str, kind: str) -> None:
    """A picture of any depth is as bright as it was."""
    white = {"1": 1, "L": 255, "CMYK": (0, 0, 0, 0), "I;16": 65535}[mode]
    picture = Image.new(mode, (300, 300), white)
    black = Image.new(mode, (150, 300), (0, 0, 0, 255) if mode == "CMYK" else 0)
    picture.paste(black, (0, 0))
    shown = opened(confined.shrunk(encoded(picture, kind))).convert("L")
    dark, bright = (shown.getpixel((x, 128)) for x in (40, 210))
    assert isinstance(dark, int)
    assert isinstance(bright, int)
    assert (True, True) == (dark < 50, bright > 240)


@pytest.mark.parametrize("options", [{}, {"compression": "tiff_lzw"}, {"compression": "jpeg"}], ids=str)
def test_a_scan_has_a_thumbnail(worker: Worker, options: dict[str, Any]) -> None:
    """A TIFF is read by the process that can open nothing, however it is packed."""
    assert list(COLOURS) == seen(shrunk_by(worker, encoded(quarters(), "TIFF", **options)))


def test_what_artists_and_games_work_with_has_a_thumbnail(worker: Worker) -> None:
    """Files of Photoshop, bitmaps of Windows and textures are read too."""
    files = [psd(quarters()), encoded(quarters(), "BMP"), encoded(quarters(), "DDS")]
    assert [list(COLOURS)] * 3 == [seen(shrunk_by(worker, file)) for file in files]


def test_what_phones_and_archives_keep_has_a_thumbnail(worker: Worker) -> None:
    """HEIC, turned as the phone was held, and JPEG 2000 are read too, by the process that can open nothing."""
    files = [heic(), encoded(quarters(), "JPEG2000")]
    thumbnails = [shrunk_by(worker, file) for file in files]
    assert [list(COLOURS)] * 2 == [seen(thumbnail) for thumbnail in thumbnails]
    assert [(256, 192)] * 2 == [opened(thumbnail).size for thumbnail in thumbnails]


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(damage=st.binary(min_size=1, max_size=100), at=st.integers(0, 640))
def test_a_damaged_photo_of_a_phone_is_declined_or_drawn(worker: Worker, damage: bytes, at: int) -> None:
    """Whatever stands in it, an answer comes, and the next photo has its thumbnail."""
    data = bytearray(heic())
    data[at : at + len(damage)] = damage
    thumbnail = shrunk_by(worker, bytes(data))
    assert thumbnail == b"" or opened(thumbnail).width <= confined.SIDE
    assert list(COLOURS) == seen(shrunk_by(worker, heic()))


def test_a_small_picture_is_not_made_larger() -> None:
    """It keeps its size."""
    assert (20, 10) == opened(confined.shrunk(encoded(quarters(20, 10)))).size


def claiming(width: int, height: int) -> bytes:
    """Return a small PNG whose header says that it is huge."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")


def test_what_is_no_good_picture_has_no_thumbnail_and_harms_nothing(worker: Worker) -> None:
    """A bomb, a file that ends early and what is no picture are declined by a process that goes on with the next one."""
    good = encoded(quarters())
    for bad in (claiming(60_000, 60_000), claiming(2**31 - 1, 1), good[:-200], b"no picture", b"", b"<svg/>"):
        assert b"" == shrunk_by(worker, bad)
    process = worker.process
    assert list(COLOURS) == seen(shrunk_by(worker, good))
    assert process is worker.process


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=300), st.integers(0, 400), st.sampled_from(KINDS))
def test_any_damage_is_declined_or_drawn(damage: bytes, at: int, kind: str) -> None:
    """Whatever stands in a file, a thumbnail comes out of it or an error of a kind that the process catches."""
    data = bytearray(encoded(quarters(40, 30), kind))
    data[at : at + len(damage)] = damage
    try:
        thumbnail = confined.shrunk(bytes(data))
    except Exception:
        return
    assert thumbnail == b"" or opened(thumbnail).width <= confined.SIDE


def test_a_process_that_takes_too_long_is_replaced(worker: Worker) -> None:
    """It is killed, its picture has no thumbnail, and the next picture gets a process of its own."""
    shrunk_by(worker, encoded(quarters()))
    assert worker.process is not None
    worker.process.send_signal(signal.SIGSTOP)  # however slow this machine is, it answers later
    worker.seconds = 0.01
    assert b"" == shrunk_by(worker, encoded(quarters()))
    assert worker.process is None
    worker.seconds = 120
    assert list(COLOURS) == seen(shrunk_by(worker, encoded(quarters())))


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_process_knows_no_credentials_and_can_open_nothing(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its environment is empty but for the path, its memory is bounded, and it gets no further file or connection."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2")
    shrunk_by(worker, encoded(quarters()))
    assert worker.process is not None
    about = Path(f"/proc/{worker.process.pid}")
    names = {line.partition(b"=")[0] for line in (about / "environ").read_bytes().split(b"\0") if line}
    assert {b"PATH"} == names
    limits = {line[:26].strip(): line[26:].split()[0] for line in (about / "limits").read_text().splitlines()[1:]}
    assert (str(confined.MAX_MEMORY), "3") == (limits["Max address space"], limits["Max open files"])
    for kind in ("JPEG", "PNG", "WEBP", "GIF", "AVIF"):
        assert list(COLOURS) == seen(shrunk_by(worker, encoded(quarters(), kind))), kind


def test_processes_end_with_what_owns_them() -> None:
    """Whoever closes the workers, or forgets them, leaves no process behind."""
    workers = Workers("shrink", 1)
    shrunk_by(workers, encoded(quarters()))
    process = workers.all[0].process
    assert process is not None
    workers.close()
    assert process.returncode is not None


def test_a_card_shows_a_thumbnail_and_a_copy_of_the_picture_has_the_same(visit: Visit, cache: Path) -> None:
    """The twin of a page links it, a browser may keep it for itself, and the same bytes are not shrunk twice."""
    with open_store("memory:") as store:
        for key in ("maps/a b.png", "maps/copy.png"):
            store.upload(encoded(quarters()), key)
        client = visit(store)
        links = [asset["thumbnail"] for asset in client.get("/browse.json", params={"prefix": "maps/"}).json()["assets"]]
        assert 2 == client.get("/browse", params={"prefix": "maps/"}).text.count('<img src="/thumbnail?')
        first = client.get(urljoin("/browse.json", links[0]))
        (kept,) = cache.iterdir()
        written = kept.stat().st_ctime_ns, kept.stat().st_ino
        second = client.get(urljoin("/browse.json", links[1]))
        assert first.content == second.content
        assert written[1] == kept.stat().st_ino
        assert 1 == len(list(cache.iterdir()))
        assert list(COLOURS) == seen(first.content)
        assert ("image/webp", True) == (first.headers["content-type"], "private" in first.headers["cache-control"])
        etag = first.headers["etag"]
        assert 304 == client.get("/thumbnail", params={"key": "maps/copy.png"}, headers={"If-None-Match": etag}).status_code


def test_a_page_shows_a_copy_of_a_picture_that_browsers_do_not_draw(visit: Visit) -> None:
    """A TIFF has a large copy that says what it is; a browser draws a PNG itself; JPEG XL and SVG are only saved."""
    with open_store("memory:") as store:
        store.upload(encoded(quarters(2000, 1500), "TIFF"), "a.tiff")
        store.upload(encoded(quarters()), "a.png")
        store.upload(b"\xff\n", "a.jxl")
        store.upload(b"<svg xmlns='http://www.w3.org/2000/svg'/>", "a.svg")
        client = visit(store)
        told = [client.get("/asset.json", params={"key": f"a.{kind}"}).json() for kind in ("tiff", "png", "jxl", "svg")]
        assert [False, True, False, False] == [facts["drawn"] for facts in told]
        assert ["file?key=a.png", None, None] == [facts["picture"] for facts in told[1:]]
        copy = client.get(told[0]["picture"]).content
        assert ((LARGE, LARGE * 3 // 4), list(COLOURS)) == (opened(copy).size, seen(copy))
        assert (256, 192) == opened(client.get(told[0]["thumbnail"]).content).size
        pages = [client.get("/asset", params={"key": f"a.{kind}"}).text for kind in ("tiff", "png", "jxl", "svg")]
        assert [1, 1, 0, 0] == [page.count("<img") for page in pages]
        assert [True, False, False, False] == ["a copy, which may be smaller" in page for page in pages]
        assert [False, False, True, True] == ["save the file to look at it" in page for page in pages]


def test_a_damaged_thumbnail_is_made_anew(visit: Visit, cache: Path) -> None:
    """What stands in the folder is shown only if it is what was written."""
    with open_store("memory:") as store:
        store.upload(encoded(quarters()), "a.png")
        client = visit(store)
        first = client.get("/thumbnail?key=a.png").content
        (kept,) = cache.iterdir()
        kept.write_bytes(kept.read_bytes()[:-3] + b"odd")
        assert first == client.get("/thumbnail?key=a.png").content


@pytest.mark.parametrize(
    ("key", "data"), [("a.png", b"no picture"), ("a.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>"), ("a.txt", b"text")]
)
def test_what_has_no_thumbnail_has_a_sign(visit: Visit, key: str, data: bytes) -> None:
    """Our own drawing stands for it, for a short time; a missing asset is an error."""
    with open_store("memory:") as store:
        store.upload(data, key)
        client = visit(store)
        for _ in range(2):
            answer = client.get("/thumbnail", params={"key": key})
            assert (200, "image/svg+xml") == (answer.status_code, answer.headers["content-type"])
            assert "max-age=60" in answer.headers["cache-control"]
            assert data not in answer.content
        assert 404 == client.get("/thumbnail?key=none").status_code


def test_the_folder_is_bounded_and_the_oldest_goes_first(tmp_path: Path) -> None:
    """What was not used for longest is removed when the folder has more bytes than it may."""
    folder = ThumbnailFolder(tmp_path, max_bytes=5000)
    for number in range(10):
        folder.put(f"{number}", bytes(1000))
        os.utime(tmp_path / f"{number}{SUFFIX}", (number, number))
        if number == 3:
            assert folder.get("0") == bytes(1000)  # used, and so younger than the others
    assert 5000 >= sum(path.stat().st_size for path in tmp_path.iterdir())
    assert ({True}, None) == ({folder.get(name) == bytes(1000) for name in ("0", "9")}, folder.get("1"))


def test_a_failure_is_forgotten_after_a_while(tmp_path: Path) -> None:
    """A thumbnail that could not be made is tried again, later."""
    folder = ThumbnailFolder(tmp_path)
    folder.put("a", b"")
    assert b"" == folder.get("a")
    os.utime(tmp_path / f"a{SUFFIX}", (0, 0))
    assert folder.get("a") is None


def test_a_folder_that_cannot_be_written_to_costs_time_alone(tmp_path: Path) -> None:
    """Thumbnails are made anew each time."""
    (tmp_path / "file").write_bytes(b"")
    folder = ThumbnailFolder(tmp_path / "file" / "below")
    folder.put("a", b"x")
    assert folder.get("a") is None
