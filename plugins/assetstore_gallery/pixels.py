"""Reads how many pixels a picture has. No pixel is decoded, so a picture of any size may be asked."""

from __future__ import annotations

from typing import Any

from PIL import Image

from assetstore_gallery.bounded import Bounded
from assetstore_gallery.boxes import photo_size

_FORMATS = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "PSD", "DDS", "JPEG2000")
_ORIENTATION = 274
_ON_ITS_SIDE = (5, 6, 7, 8)


def size_of(file: Bounded) -> dict[str, Any]:
    """Return ``width`` and ``height`` in pixels, as the picture is shown."""
    head = file.read(30)
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        width, height = _webp(head)
        return {"width": width, "height": height}
    if head[4:8] == b"ftyp":
        return photo_size(file)
    Image.init()
    for name in _FORMATS:
        # Image.open would refuse pictures that are too large to decode.
        factory, accepts = Image.OPEN.get(name, (None, None))
        if factory is None or (accepts is not None and accepts(head[:16]) is not True):
            continue
        file.seek(0)
        image = factory(file, "")
        width, height = image.size
        on_its_side = name == "JPEG" and image.getexif().get(_ORIENTATION) in _ON_ITS_SIDE
        return {"width": height, "height": width} if on_its_side else {"width": width, "height": height}
    return {}


def _webp(head: bytes) -> tuple[int, int]:
    """Read the header; Pillow reads the whole file and makes room for its pixels."""
    kind, body = head[12:16], head[20:30]
    if kind == b"VP8X":
        return int.from_bytes(body[4:7], "little") + 1, int.from_bytes(body[7:10], "little") + 1
    if kind == b"VP8L":
        bits = int.from_bytes(body[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    return int.from_bytes(body[6:8], "little") & 0x3FFF, int.from_bytes(body[8:10], "little") & 0x3FFF
