"""Makes thumbnails of pictures that come on standard input. ``workers`` runs this file as a program of its own.

Pictures come from anybody, and decoders have bugs: so this process knows nothing but the bytes of one picture. It has no
environment, and once it is ready it can open no file and no connection. It needs Pillow and the standard library alone.
"""

from __future__ import annotations

import contextlib
import io
import sys
from typing import IO

if __name__ == "__main__":
    sys.path[:] = sys.argv[1:]  # so that Pillow is found where the gallery finds it

from PIL import Image, ImageOps

SIDE = 256
"""The longer side of a thumbnail in pixels, at most."""
MAX_PIXELS = 100_000_000
"""Of how many pixels a picture is decoded at most. All of a PNG are decoded at once; a JPEG is made smaller on the way."""
MAX_MEMORY = 1 << 30
"""Bytes of address space of this process, which bound what a picture can make a decoder use."""
QUALITY = 80
_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "AVIF", "BMP", "TIFF", "PSD", "DDS")
"""Each begins in a way of its own, so that none is taken for another."""
_LENGTH = 4
_MAX_PROFILE = 4096
"""The longest colour profile that a thumbnail keeps, in bytes: those of cameras and screens are shorter."""


def main() -> None:
    """Answer each size and picture with the smaller picture, or with nothing, until standard input ends."""
    _confine()
    source, target = sys.stdin.buffer, sys.stdout.buffer
    while (side := received(source)) is not None and (data := received(source)) is not None:
        try:
            thumbnail = shrunk(data, int.from_bytes(side, "big"))
        except Exception:  # whatever a decoder raises for bytes that are no picture
            thumbnail = b""
        send(target, thumbnail)


def received(source: IO[bytes]) -> bytes | None:
    """Return the next message, or ``None`` at the end."""
    length = source.read(_LENGTH)
    data = source.read(int.from_bytes(length, "big"))
    is_whole = len(length) == _LENGTH and len(data) == int.from_bytes(length, "big")
    return data if is_whole else None


def send(target: IO[bytes], data: bytes) -> None:
    """Send a message: its length in four bytes, then its bytes."""
    target.write(len(data).to_bytes(_LENGTH, "big"))
    target.write(data)
    target.flush()


def shrunk(data: bytes, side: int = SIDE) -> bytes:
    """Return a picture as WebP, the first of moving ones, or nothing if it has too many pixels.

    Args:
        data: the file.
        side: to how many pixels at most the longer side is made smaller.

    Raises:
        Exception: of any kind, if the bytes are not a picture.
    """
    with Image.open(io.BytesIO(data), formats=_FORMATS) as source:
        image: Image.Image = source
        if image.width * image.height > MAX_PIXELS:
            return b""
        profile = image.info.get("icc_profile") or b""
        if image.mode not in ("RGB", "RGBA", "P") or len(profile) > _MAX_PROFILE:
            profile = b""
        mode = "RGBA" if image.has_transparency_data else "RGB"
        # A JPEG must not be touched before: it is decoded at a smaller size, which takes a fraction of the time.
        if source.format not in ("JPEG", "MPO") and image.mode != mode:
            image = _as_bytes(image).convert(mode)
        image.thumbnail((side, side), reducing_gap=1.5)
        ImageOps.exif_transpose(image, in_place=True)
        thumbnail = io.BytesIO()
        image.convert(mode).save(thumbnail, "WEBP", quality=QUALITY, icc_profile=profile)
        return thumbnail.getvalue()


def _as_bytes(image: Image.Image) -> Image.Image:
    """Return a picture with at most 8 bits a channel; Pillow would cut 16 bits of grey off instead of scaling them."""
    return image.point(lambda value: value * (1 / 256)).convert("L") if image.mode.startswith("I") else image


def _confine() -> None:
    """Load what decodes pictures, by a thumbnail of each kind; then give up opening anything and much memory."""
    Image.init()
    for name in _FORMATS:
        with contextlib.suppress(Exception):  # this Pillow may not write all of them
            picture = io.BytesIO()
            Image.new("RGB", (2 * SIDE, 2)).save(picture, name)
            shrunk(picture.getvalue())
    try:
        import resource
    except ImportError:
        return  # Windows has no such limits
    for kind, limit in ((resource.RLIMIT_AS, MAX_MEMORY), (resource.RLIMIT_NOFILE, 3), (resource.RLIMIT_CORE, 0)):
        with contextlib.suppress(ValueError, OSError):  # some systems refuse some limits
            resource.setrlimit(kind, (limit, limit))


if __name__ == "__main__":
    main()
