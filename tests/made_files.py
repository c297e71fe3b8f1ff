"""Makes small files of the kinds that a gallery shows."""

from __future__ import annotations

import base64
import io
import itertools
import json
import math
import struct
import wave
import zipfile
from typing import Any

from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from PIL import Image

_HEIC = (
    "AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAWFtZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAAAAAAACJpbG9jAA"
    "AAAERAAAEAAQAAAAABhQABAAAAAAAAAKYAAAAjaWluZgAAAAAAAQAAABVpbmZlAgAAAAABAABodmMxAAAAAA5waXRtAAAAAAABAAAA4WlwcnAA"
    "AADBaXBjbwAAAHlodmNDAQNwAAAAkAAAAAAAPPAA/P34+AAADwNgAAEAGEABDAH//wNwAAADAJAAAAMAAAMAPLoCQGEAAQAsQgEBA3AAAAMAkA"
    "AAAwAAAwA8oAmIBkd+W6kkprm4CGgwIAAAAwMgAAADACFiAAEAB0QBwXKwYkAAAAATY29scm5jbHgAAQANAAaAAAAAFGlzcGUAAAAAAAABLAAA"
    "AZAAAAAQcGl4aQAAAAADCAgIAAAACWlyb3QDAAAAGGlwbWEAAAAAAAAAAQABBYECAwSFAAAArm1kYXQAAACiKAGvGTm4KI2GGvd8hTf/+MJX/m"
    "R+/zsFeKz/LEy3V01Pv2ivS/f/hlb2ukmmbqAL2E6CqUPo8U6QTS18l268BBQCUqa3OoBcr3sd4LeAkwWopkwwALiA49niVhs19+gFe6LqAZQ/"
    "BgG90tB4kLLHpiQ78tcIkpLip+Z8KN/XU0rAmd4fA3VuMmvbBnAYUAAAMGTYAbkAAg6xADngAAHSPMSs"
)
"""Written by pillow-heif 1.8.1, with a box of its rotation added; no library of the tests writes such files."""


def picture(kind: str, size: tuple[int, int] = (30, 20), **options: Any) -> bytes:
    """Return a picture of one colour."""
    file = io.BytesIO()
    Image.new("RGB", size, "teal").save(file, kind, **options)
    return file.getvalue()


def heic() -> bytes:
    """Return a HEIC of 400 × 300 pixels as a camera on its side writes it: red, green, blue and white quarters, by rows."""
    return base64.b64decode(_HEIC)


def psd(picture: Image.Image) -> bytes:
    """Return a picture as a file of Photoshop without layers."""
    bands = picture.convert("RGB").split()
    head = struct.pack(">4sH6xHIIHH", b"8BPS", 1, len(bands), picture.height, picture.width, 8, 3)
    return head + struct.pack(">IIIH", 0, 0, 0, 0) + b"".join(band.tobytes() for band in bands)


def sound(width: int = 2, channels: int = 1, seconds: float = 2.0) -> bytes:
    """Return a WAV at 8 kHz that is half as loud in its second half."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setparams((channels, width, 8000, 0, "NONE", ""))
        top = (1 << 8 * width - 1) - 1
        count = int(8000 * seconds)
        levels = [int(top * (1 if at < count / 2 else 0.5) * math.sin(at)) for at in range(count)]
        signed = width > 1
        frames = (
            (level if signed else level + 128).to_bytes(width, "little", signed=signed) * channels for level in levels
        )
        out.writeframes(b"".join(frames))
    return file.getvalue()


def float_sound(seconds: int = 2) -> bytes:
    """Return a WAV of 32-bit floats at 8 kHz that is twice as loud in its second half."""
    levels = (math.sin(at) * (0.4 if at < 4000 * seconds else 0.8) for at in range(8000 * seconds))
    samples = b"".join(struct.pack("<f", level) for level in levels)
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 3, 1, 8000, 32_000, 4, 32)
    return struct.pack("<4sI4s", b"RIFF", 4 + len(form) + 8 + len(samples), b"WAVE") + form + (
        struct.pack("<4sI", b"data", len(samples)) + samples
    )


def flac(cover: bytes = b"", **tags: str) -> bytes:
    """Return the head of a FLAC of three seconds at 44.1 kHz."""
    info = bytes(10) + (44100 << 44 | 1 << 41 | 15 << 36 | 3 * 44100).to_bytes(8, "big") + bytes(16)
    texts = [f"{name}={text}".encode() for name, text in tags.items()]
    comments = struct.pack("<II", 0, len(texts)) + b"".join(struct.pack("<I", len(text)) + text for text in texts)
    shown = struct.pack(">II", 3, 9) + b"image/png" + bytes(20) + struct.pack(">I", len(cover)) + cover
    blocks = [(0, info), (4, comments), *([(6, shown)] if cover else [])]
    last = len(blocks) - 1
    heads = ((kind | (128 if at == last else 0), block) for at, (kind, block) in enumerate(blocks))
    return b"fLaC" + b"".join(bytes([kind]) + len(block).to_bytes(3, "big") + block for kind, block in heads)


def mp4(*, turned: bool = False) -> bytes:
    """Return an MP4 of 640 × 360 pixels and five seconds, its head behind its content; turned as upright telephones do."""

    def box(name: bytes, *inner: bytes) -> bytes:
        content = b"".join(inner)
        return struct.pack(">I4s", 8 + len(content), name) + content

    matrix = (0, 1 << 16, 0, -1 << 16, 0, 0, 0, 0, 1 << 30) if turned else (1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
    track = struct.pack(">40x9i2I", *matrix, 640 << 16, 360 << 16)
    sound = struct.pack(">40x9i2I", *matrix, 0, 0)
    head = struct.pack(">12xII80x", 1000, 5000)
    tracks = (box(b"trak", box(b"tkhd", each)) for each in (sound, track))
    return box(b"ftyp", b"isom\0\0\2\0isommp41") + box(b"mdat", bytes(200_000)) + box(b"moov", box(b"mvhd", head), *tracks)


def webm() -> bytes:
    """Return the head of a WebM of 640 × 360 pixels and five seconds, as it is recorded: its end is open."""

    def element(name: str, *inner: bytes) -> bytes:
        content = b"".join(inner)
        return bytes.fromhex(name) + (1 << 28 | len(content)).to_bytes(4, "big") + content

    info = element("1549a966", element("2ad7b1", (1_000_000).to_bytes(3, "big")), element("4489", struct.pack(">f", 5000)))
    video = element("e0", element("b0", (640).to_bytes(2, "big")), element("ba", (360).to_bytes(2, "big")))
    tracks = element("1654ae6b", element("ae", element("d7", b"\1")), element("ae", video))
    open_end = bytes.fromhex("18538067 01ffffffffffffff")
    return element("1a45dfa3", element("4282", b"webm")) + open_end + info + tracks + element("1f43b675", bytes(100))


def font(flavor: str | None = None) -> bytes:
    """Return a font in which each letter is a black square."""
    letters = {ord(letter): f"square{ord(letter)}" for letter in "ABCabc"}
    builder = FontBuilder(1000)
    builder.setupGlyphOrder([".notdef", *letters.values()])
    builder.setupCharacterMap(letters)
    pen = TTGlyphPen(None)
    corners = [(100, 0), (100, 700), (800, 700), (800, 0)]
    pen.moveTo(corners[0])
    for corner in corners[1:]:
        pen.lineTo(corner)
    pen.closePath()
    square = pen.glyph()
    builder.setupGlyf(dict.fromkeys([".notdef", *letters.values()], square))
    builder.setupHorizontalMetrics(dict.fromkeys([".notdef", *letters.values()], (900, 100)))
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": "Squares", "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    builder.font.flavor = flavor
    file = io.BytesIO()
    builder.save(file)
    return file.getvalue()


def archive(names: list[str]) -> bytes:
    """Return a ZIP with files of these names."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as out:
        for name in names:
            out.writestr(zipfile.ZipInfo(name, (2026, 11, 5, 12, 30, 0)), b"a" * 1000, zipfile.ZIP_DEFLATED)
    return file.getvalue()


def cube() -> bytes:
    """Return a GLB of a cube with a texture."""
    corners: list[list[float]] = []
    normals: list[list[float]] = []
    for axis, sign in itertools.product(range(3), (-1, 1)):
        for across, up in ((-1, -1), (1, -1), (1, 1), (-1, 1)):
            corner, normal = [0.0] * 3, [0.0] * 3
            corner[axis], corner[(axis + 1) % 3], corner[(axis + 2) % 3] = sign, across * sign, up
            normal[axis] = sign
            corners.append(corner)
            normals.append(normal)
    triangles = [4 * face + each for face in range(6) for each in (0, 1, 2, 0, 2, 3)]
    parts = (
        *(struct.pack("<72f", *itertools.chain(*values)) for values in (corners, normals)),
        *(struct.pack("<48f", *[0.5] * 48), struct.pack("<36H", *triangles), picture("PNG", (4, 4))),
    )
    data = b"".join(part + bytes(-len(part) % 4) for part in parts)
    starts = itertools.accumulate((len(part) + -len(part) % 4 for part in parts[:-1]), initial=0)
    attributes = {"POSITION": 0, "NORMAL": 1, "TEXCOORD_0": 2}
    floats = {"componentType": 5126, "count": 24}
    document = json.dumps(
        {
            "asset": {"version": "2.0"},
            "scenes": [{"nodes": [0]}],
            "scene": 0,
            "nodes": [{"mesh": 0}],
            "meshes": [{"primitives": [{"attributes": attributes, "indices": 3, "material": 0}]}],
            "materials": [{"pbrMetallicRoughness": {"baseColorTexture": {"index": 0}, "metallicFactor": 0}}],
            "textures": [{"source": 0}],
            "images": [{"bufferView": 4, "mimeType": "image/png"}],
            "accessors": [
                {"bufferView": 0, "type": "VEC3", "min": [-1, -1, -1], "max": [1, 1, 1], **floats},
                {"bufferView": 1, "type": "VEC3", **floats},
                {"bufferView": 2, "type": "VEC2", **floats},
                {"bufferView": 3, "type": "SCALAR", "componentType": 5123, "count": 36},
            ],
            "bufferViews": [
                {"buffer": 0, "byteOffset": start, "byteLength": len(part)}
                for start, part in zip(starts, parts, strict=True)
            ],
            "buffers": [{"byteLength": len(data)}],
        }
    ).encode()
    document += b" " * (-len(document) % 4)
    chunks = b"".join(struct.pack("<I4s", len(part), kind) + part for kind, part in ((b"JSON", document), (b"BIN\0", data)))
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks


def pdf() -> bytes:
    """Return a PDF of one page."""
    text = b"BT /F 36 Tf 40 90 Td (Hello) Tj ET"
    objects = (
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 200]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>>>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(text), text),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    )
    written, offsets = b"%PDF-1.4\n", []
    for number, each in enumerate(objects, 1):
        offsets.append(b"%010d 00000 n \n" % len(written))
        written += b"%d 0 obj%s endobj\n" % (number, each)
    table = b"xref\n0 6\n0000000000 65535 f \n" + b"".join(offsets) + b"trailer<</Size 6/Root 1 0 R>>\n"
    return written + table + b"startxref\n%d\n%%%%EOF" % len(written)
