"""Makes a dozen small sample assets: valid files that any viewer opens, with the standard library alone."""

from __future__ import annotations

import io
import json
import math
import struct
import wave
import zlib
from collections.abc import Iterator

Colour = tuple[int, int, int]

WIDTH, HEIGHT = 160, 96
NIGHT, HORIZON, STONE, DARK, MOON, WINDOW, MOAT = (
    (22, 26, 58),
    (96, 72, 122),
    (120, 124, 138),
    (70, 74, 92),
    (246, 240, 206),
    (255, 196, 84),
    (34, 58, 104),
)


def make_samples() -> dict[str, bytes]:
    """Return the assets by file name."""
    return {
        "castle.png": png(),
        "castle.bmp": bmp(),
        "torch.gif": gif(),
        "banner.svg": SVG.encode(),
        "horn.wav": wav(),
        "march.mid": midi(),
        "deed.pdf": pdf("Deed of the castle", "This castle belongs to whoever holds the key."),
        "rooms.csv": b"room,floor,torches\r\ngreat hall,0,12\r\nlibrary,1,4\r\ntower,3,1\r\n",
        "castle.json": json.dumps({"name": "Keep", "floors": 4, "gates": ["north", "south"]}, indent=2).encode(),
        "chronicle.md": "# The keep\n\n* built on a hill\n* *never* taken – so far\n".encode(),
        "tour.html": HTML.encode(),
        "notes.txt": b"Count the torches. Mind the third step.\n",
    }


SVG = """<?xml version="1.0" encoding="UTF-8"?>
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 60 90" width="240" height="360">
  <path d="M5 5 H55 V85 L30 68 L5 85 Z" fill="#7a1f2b" stroke="#e2b04a" stroke-width="2"/>
  <path d="M18 48 V26 h5 v5 h4 v-5 h6 v5 h4 v-5 h5 V48 Z" fill="#e2b04a"/>
</svg>
"""

HTML = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>A tour of the keep</title>
<h1>A tour of the keep</h1>
<p>Through the gate, across the yard, up the tower.</p>
</html>
"""


def castle() -> list[list[Colour]]:
    """Return a picture of a castle at night, row by row."""
    return [[_pixel(x, y) for x in range(WIDTH)] for y in range(HEIGHT)]


def _pixel(x: int, y: int) -> Colour:
    if y > 80:
        return tuple(min(255, part + 8 * ((x + 3 * y) % 11 == 0)) for part in MOAT)  # type: ignore[return-value]  # three parts
    for left, right, top in ((34, 56, 26), (104, 126, 26), (56, 104, 48), (72, 88, 16)):
        battlement = top - 4 * ((x - left) // 4 % 2 == 0)
        if left <= x < right and y >= battlement:
            return _wall(x - left, y - top, right - left)
    if (x - 136) ** 2 + (y - 18) ** 2 < 90:
        return MOON
    share = y / HEIGHT
    return tuple(round(a + (b - a) * share) for a, b in zip(NIGHT, HORIZON, strict=True))  # type: ignore[return-value]  # three


def _wall(x: int, y: int, width: int) -> Colour:
    if abs(x - width // 2) < 2 and y > 4 and y % 16 < 5:
        return WINDOW
    return DARK if y % 6 == 0 or (x + 4 * (y // 6 % 2)) % 8 == 0 else STONE


def png() -> bytes:
    """Return the castle as a PNG."""
    rows = b"".join(b"\0" + bytes(part for pixel in row for part in pixel) for row in castle())
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


def bmp() -> bytes:
    """Return the castle as a BMP: rows from the bottom up, colours from blue to red."""
    pixels = b"".join(bytes(part for pixel in row for part in reversed(pixel)) for row in reversed(castle()))
    info = struct.pack("<IiiHHIIiiII", 40, WIDTH, HEIGHT, 1, 24, 0, len(pixels), 2835, 2835, 0, 0)
    offset = 14 + len(info)
    return struct.pack("<2sIHHI", b"BM", offset + len(pixels), 0, 0, offset) + info + pixels


def gif() -> bytes:
    """Return a flickering torch as an animated GIF of 128 colours."""
    side, frames = 32, 6
    palette = bytes(part for index in range(128) for part in (min(255, 4 * index), 2 * index, index // 2))
    screen = struct.pack("<6sHHBBB", b"GIF89a", side, side, 0xF6, 0, 0)
    forever = b"\x21\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00"
    images = b"".join(
        struct.pack("<BBBBHBB", 0x21, 0xF9, 4, 4, 12, 0, 0)
        + struct.pack("<BHHHHB", 0x2C, 0, 0, side, side, 0)
        + _gif_data([_flame(x, y, frame / frames) for y in range(side) for x in range(side)])
        for frame in range(frames)
    )
    return screen + palette + forever + images + b";"


def _flame(x: int, y: int, phase: float) -> int:
    sway = 2.5 * math.sin(math.tau * (phase + y / 40))
    distance = math.hypot((x - 16 - sway * (24 - y) / 24) / 7, (y - 20) / (14 if y < 20 else 6))
    return max(0, min(127, round(127 * (1.15 - distance))))


def _gif_data(pixels: list[int]) -> bytes:
    """Return pixels as one-byte LZW codes, with a clear code before a code would need nine bits."""
    clear, end, run = 128, 129, 120
    codes = bytearray()
    for start in range(0, len(pixels), run):
        codes += bytes([clear, *pixels[start : start + run]])
    codes.append(end)
    blocks = (codes[start : start + 255] for start in range(0, len(codes), 255))
    return b"\x07" + b"".join(bytes([len(block)]) + block for block in blocks) + b"\0"


def wav() -> bytes:
    """Return a horn call of one second as a 16-bit WAV at 11,025 Hz."""
    rate = 11_025
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(b"".join(struct.pack("<h", sample) for sample in _horn(rate)))
    return buffer.getvalue()


def _horn(rate: int) -> Iterator[int]:
    for position in range(rate):
        moment = position / rate
        tone = 220.0 if moment < 0.35 else 330.0
        swell = min(1.0, moment * 12) * min(1.0, (1 - moment) * 6)
        wave_sum = sum(math.sin(math.tau * tone * part * moment) / part for part in (1, 2, 3, 4))
        yield round(9000 * swell * wave_sum)


def midi() -> bytes:
    """Return a march of eight notes as a MIDI file."""
    events = bytearray(b"\x00\xff\x51\x03\x07\xa1\x20\x00\xc0\x38")
    for note, ticks in ((60, 48), (60, 48), (64, 48), (67, 48), (72, 96), (67, 48), (72, 96), (60, 96)):
        events += bytes([0, 0x90, note, 96, ticks, 0x80, note, 0])
    events += b"\x00\xff\x2f\x00"
    return struct.pack(">4sIHHH4sI", b"MThd", 6, 0, 1, 96, b"MTrk", len(events)) + bytes(events)


def pdf(title: str, text: str) -> bytes:
    """Return a PDF of one page; ``title`` and ``text`` must not have brackets or backslashes."""
    page = f"BT /F1 24 Tf 48 220 Td ({title}) Tj /F1 12 Tf 0 -36 Td ({text}) Tj ET"
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 420 298] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
        f"<< /Length {len(page)} >>\nstream\n{page}\nendstream",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Times-Roman >>",
    ]
    body = bytearray(b"%PDF-1.4\n")
    offsets = []
    for number, content in enumerate(objects, 1):
        offsets.append(len(body))
        body += f"{number} 0 obj\n{content}\nendobj\n".encode("ascii")
    start = len(body)
    body += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode("ascii")
    body += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    body += f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n".encode("ascii")
    return bytes(body)
