"""``assetstore demo`` from end to end, in an empty folder and a process of its own."""

from __future__ import annotations

import csv
import io
import json
import shlex
import struct
import subprocess
import sys
import wave
import zlib
from pathlib import Path
from xml.etree import ElementTree

import pytest

from assetstore import open_store
from assetstore.cli.samples import HEIGHT, WIDTH, make_samples

KINDS = {
    *("application/json", "application/pdf", "audio/midi", "audio/wav", "image/gif", "image/png", "image/svg+xml"),
    *("text/csv", "text/html", "text/markdown", "text/plain"),
}


def assetstore(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in a folder."""
    command = [sys.executable, "-m", "assetstore", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=600)


@pytest.fixture(scope="module")
def tour(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """Run the demo once."""
    folder = tmp_path_factory.mktemp("empty")
    return folder, assetstore(folder, "demo")


def test_the_demo_takes_every_step(tour: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    """It uploads, lists, shows, signs or says that it cannot, verifies, deletes, counts, and names the next command."""
    _, done = tour
    assert 0 == done.returncode
    titles = [line for line in done.stdout.splitlines() if line and not line.startswith(" ")]
    assert 8 == len(titles)
    assert titles[0].startswith("Upload 12 sample assets")
    assert "11 assets are left in ./assets; try these next:" == titles[-1]
    assert "  all 12 match" in done.stdout
    assert "cannot sign links" in done.stdout or "http" in done.stdout
    assert "uploads" in done.stdout


def test_the_rest_stays_in_the_folder(tour: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    """Eleven assets of the right kinds lie in ./assets, and nothing else in the folder."""
    folder, _ = tour
    assert ["assets"] == [path.name for path in folder.iterdir()]
    store = open_store(f"file:{folder}/assets")
    infos = [store.stat(info.key) for info in store.list()]
    assert (11, KINDS) == (len(infos), {info.content_type for info in infos})
    expected = {name: data for name, data in make_samples().items() if name != "castle.bmp"}
    assert expected == {info.key.rpartition("_")[2]: store.read(info.key) for info in infos}


def test_the_next_commands_work(tour: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    """What the demo says to try does what it says."""
    folder, done = tour
    commands = [shlex.split(line) for line in done.stdout.splitlines()[-3:] if line.startswith("  assetstore ")]
    assert 2 == len(commands)
    assert [0, 0] == [assetstore(folder, *command[1:]).returncode for command in commands]
    (downloaded,) = folder.glob("*castle.png")
    assert make_samples()["castle.png"] == downloaded.read_bytes()
    downloaded.unlink()


def test_another_store_takes_the_tour_as_well(tmp_path: Path) -> None:
    """``-s`` names another store; nothing is written to ./assets."""
    done = assetstore(tmp_path, "demo", "-s", "memory:")
    assert (0, []) == (done.returncode, list(tmp_path.iterdir()))


def test_every_sample_is_a_valid_file_of_its_kind() -> None:
    """Whoever opens one sees what its name promises."""
    samples = make_samples()
    assert 12 == len(samples)
    picture = _png(samples["castle.png"])
    assert _bmp(samples["castle.bmp"]) == picture
    assert (b"GIF89a", 32, 32) == struct.unpack("<6sHH", samples["torch.gif"][:10])
    assert "{http://www.w3.org/2000/svg}svg" == ElementTree.fromstring(samples["banner.svg"]).tag
    with wave.open(io.BytesIO(samples["horn.wav"])) as horn:
        assert (1, 2, 11_025, 11_025) == horn.getparams()[:4]
    kind, size, form, tracks, _, track, length = struct.unpack(">4sIHHH4sI", samples["march.mid"][:22])
    assert (b"MThd", 6, 0, 1, b"MTrk", len(samples["march.mid"]) - 22) == (kind, size, form, tracks, track, length)
    assert 5 == _pdf_objects(samples["deed.pdf"])
    assert "Keep" == json.loads(samples["castle.json"])["name"]
    assert [3, 3, 3, 3] == [len(row) for row in csv.reader(io.StringIO(samples["rooms.csv"].decode()))]


def _png(data: bytes) -> bytes:
    """Return the pixels of a PNG whose every checksum is right."""
    assert b"\x89PNG\r\n\x1a\n" == data[:8]
    position, pixels = 8, b""
    while position < len(data):
        (length,) = struct.unpack_from(">I", data, position)
        chunk = data[position + 4 : position + 8 + length]
        assert zlib.crc32(chunk) == struct.unpack_from(">I", data, position + 8 + length)[0]
        pixels += chunk[4:] if chunk[:4] == b"IDAT" else b""
        position += 12 + length
    rows = zlib.decompress(pixels)
    line = 3 * WIDTH + 1
    return b"".join(rows[row * line + 1 : (row + 1) * line] for row in range(HEIGHT))


def _bmp(data: bytes) -> bytes:
    """Return the pixels of a BMP, from the top down and from red to blue."""
    magic, size, _, _, offset = struct.unpack_from("<2sIHHI", data)
    assert (b"BM", len(data)) == (magic, size)
    line = 3 * WIDTH
    rows = [data[offset + row * line : offset + (row + 1) * line] for row in reversed(range(HEIGHT))]
    return b"".join(row[3 * x : 3 * x + 3][::-1] for row in rows for x in range(WIDTH))


def _pdf_objects(data: bytes) -> int:
    """Return how many objects the table of a PDF finds at their places."""
    start = int(data[data.rindex(b"startxref") :].split()[1])
    table = data[start:].split(b"\n")
    assert b"xref" == table[0]
    offsets = [int(line[:10]) for line in table[3:] if line.endswith(b" n ")]
    return sum(data[offset:].startswith(b"%d 0 obj" % number) for number, offset in enumerate(offsets, 1))
