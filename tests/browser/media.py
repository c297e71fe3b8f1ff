"""Small real files of the kinds that browsers show and play: silence, a coloured film, a page of a document."""

from __future__ import annotations

import base64
import io
import struct
import wave
import zlib
from typing import Any

SECONDS = 20
TEXT = b"Strength 12, <b>and</b> a sword.\n"


def picture() -> bytes:
    """Return a PNG of 480 by 300 pixels that does not compress well, some 400 KB."""
    width, height = 480, 300
    rows = (
        b"\0" + b"".join(bytes((x * 255 // width, y * 255 // height, (x * y * 7919 >> 5) & 255)) for x in range(width))
        for y in range(height)
    )
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(b"".join(rows))),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


def wav() -> bytes:
    """Return a WAV."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(bytes(2 * 8000 * SECONDS))
    return out.getvalue()


def mp3() -> bytes:
    """Return an MP3: frames of MPEG 1 layer III, 128 kbit/s, 44.1 kHz, whose side information says silence."""
    return (b"\xff\xfb\x90\x64" + bytes(413)) * (SECONDS * 44_100 // 1152)


def flac() -> bytes:
    """Return a FLAC: frames of one constant subframe each (RFC 9639)."""
    samples, rate = 4096, 44_100
    count = SECONDS * rate // samples
    packed = rate << 44 | 0 << 41 | 15 << 36 | count * samples
    out = b"fLaC\x80\0\0\x22" + struct.pack(">HH6x", samples, samples) + packed.to_bytes(8, "big") + bytes(16)
    for number in range(count):
        head = b"\xff\xf8\xc9\x08" + (bytes([number]) if number < 128 else bytes([0xC0 | number >> 6, 0x80 | number & 63]))
        frame = head + bytes([_crc(head, 8, 0x07)]) + b"\0\0\0"
        out += frame + _crc(frame, 16, 0x8005).to_bytes(2, "big")
    return out


def ogg() -> bytes:
    """Return an Ogg with Opus: 50 packets of silence a second (RFC 7845)."""
    packets = [b"\xf8\xff\xfe"] * 50
    tags = b"OpusTags" + struct.pack("<I", 4) + b"self" + struct.pack("<I", 0)
    pages = [_page(0, 2, 0, [b"OpusHead\x01\x01" + struct.pack("<HIhB", 0, 48_000, 0, 0)]), _page(1, 0, 0, [tags])]
    pages += [_page(n + 1, 4 if n == SECONDS else 0, n * 48_000, packets) for n in range(1, SECONDS + 1)]
    return b"".join(pages)


def pdf() -> bytes:
    """Return a PDF of one page with a red square."""
    drawing = b"1 0 0 rg 0 0 99 99 re f"
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]/Contents 4 0 R/Resources<<>>>>",
        b"<</Length %d>>stream\n%b\nendstream" % (len(drawing), drawing),
    ]
    out, offsets = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    trailer = b"trailer<</Size 5/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % len(out)
    return out + b"xref\n0 5\n0000000000 65535 f \n" + table + trailer


def recorded(page: Any, kind: str) -> bytes:
    """Return a film of a changing colour that the browser itself records, as WebM or MP4."""
    text: str = page.evaluate(
        """kind => new Promise(done => {
            const canvas = Object.assign(document.createElement("canvas"), {width: 64, height: 64});
            const context = canvas.getContext("2d");
            const stream = canvas.captureStream(20);
            const recorder = new MediaRecorder(stream, {mimeType: kind});
            const parts = [];
            let frame = 0;
            recorder.ondataavailable = event => parts.push(event.data);
            recorder.onstop = () => {
                const reader = new FileReader();
                reader.onload = () => done(reader.result.split(",")[1]);
                reader.readAsDataURL(new Blob(parts));
            };
            const draw = () => {
                context.fillStyle = `hsl(${frame * 9} 100% 50%)`;
                context.fillRect(0, 0, 64, 64);
                frame < 30 ? (frame++, setTimeout(draw, 50)) : recorder.stop();
            };
            recorder.start();
            draw();
        })""",
        kind,
    )
    return base64.b64decode(text)


def _crc(data: bytes, bits: int, polynomial: int) -> int:
    value = 0
    for byte in data:
        value ^= byte << bits - 8
        for _ in range(8):
            value = (value << 1) ^ (polynomial if value >> bits - 1 else 0)
            value &= (1 << bits) - 1
    return value


def _page(number: int, flags: int, granule: int, packets: list[bytes]) -> bytes:
    """Return an Ogg page of packets that are shorter than 255 bytes (RFC 3533)."""
    head = b"OggS\0" + struct.pack("<BqII4xB", flags, granule, 1, number, len(packets)) + bytes(map(len, packets))
    body = head + b"".join(packets)
    return body[:22] + _crc(body, 32, 0x04C11DB7).to_bytes(4, "little") + body[26:]
