"""Does what parsers with bugs might do harm in: makes pictures smaller, and counts the pages of PDFs.

``workers`` runs this file as a program of its own for one job. Files come from anybody: so the process knows nothing but
the bytes that it is sent. It has no environment, and once it is ready it can open no file and no connection. It needs
Pillow and pi-heif, or pypdf, and the standard library alone.
"""

from __future__ import annotations

import contextlib
import io
import struct
import sys
from typing import IO, Any

if __name__ == "__main__":
    sys.path[:] = sys.argv[2:]  # so that packages are found where the gallery finds them

from PIL import Image, ImageOps

SIDE = 256
"""The longer side of a thumbnail in pixels, at most."""
MAX_PIXELS = 100_000_000
"""Of how many pixels a picture is decoded at most. All of a PNG are decoded at once; a JPEG is made smaller on the way."""
MAX_MEMORY = 1 << 30
"""Bytes of address space of this process, which bound what a file can make a parser use."""
QUALITY = 80
_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "AVIF", "BMP", "TIFF", "PSD", "DDS", "JPEG2000", "HEIF")
"""Each begins in a way of its own, so that none is taken for another."""
_LENGTH = 4
WANTED = struct.Struct(">QI")
"""How the process asks for bytes of a file: from where, and how many."""
MAX_COUNT = 1_000_000
"""More pages than any document has: a larger number is none."""
_MAX_PROFILE = 4096
"""The longest colour profile that a thumbnail keeps, in bytes: those of cameras and screens are shorter."""


def main(job: str) -> None:
    """Answer each message, or with nothing where that fails, until standard input ends."""
    load, work = {"shrink": (_load_decoders, _shrink), "count": (_load_pypdf, _count)}[job]
    load()
    _confine()
    source, target = sys.stdin.buffer, sys.stdout.buffer
    while (message := received(source)) is not None:
        try:
            answer = work(message, source, target)
        except Exception:  # whatever a parser raises for bytes that are not what they should be
            answer = b""
        send(target, answer)


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


def _shrink(side: bytes, source: IO[bytes], _: IO[bytes]) -> bytes:
    """Return the picture of the next message made smaller."""
    return shrunk(received(source) or b"", int.from_bytes(side, "big"))


def _count(size: bytes, source: IO[bytes], target: IO[bytes]) -> bytes:
    """Return how many pages the PDF of so many bytes has, which are asked for as they are needed."""
    return page_count(io.BufferedReader(Asked(int.from_bytes(size, "big"), source, target))).to_bytes(4, "big")


class Asked(io.RawIOBase):
    """A file of which the other process sends what is asked for."""

    def __init__(self, size: int, source: IO[bytes], target: IO[bytes]) -> None:
        self._size, self._source, self._target = size, source, target
        self._position = 0

    def readable(self) -> bool:
        """Return ``True``."""
        return True

    def seekable(self) -> bool:
        """Return ``True``."""
        return True

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Move to a position and return it."""
        self._position = (0, self._position, self._size)[whence] + offset
        return self._position

    def readinto(self, buffer: Any, /) -> int:
        """Fill the buffer, less of it at the end, and return how many bytes there are."""
        send(self._target, WANTED.pack(self._position, len(buffer)))
        data = received(self._source) or b""
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)


def page_count(file: IO[bytes]) -> int:
    """Return how many pages a PDF says that it has; to count them would be to read the file.

    Raises:
        Exception: of any kind, if the bytes are not a PDF.
    """
    from pypdf import PdfReader

    trailer: Any = PdfReader(file).trailer
    count = int(trailer["/Root"]["/Pages"]["/Count"])
    if not 0 < count <= MAX_COUNT:
        raise ValueError("not a number of pages")
    return count


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


def _load_decoders() -> None:
    """Load what decodes pictures, by a thumbnail of each kind."""
    import pi_heif

    Image.init()
    # Each process has one picture at a time, and each core a process.
    pi_heif.register_heif_opener(decode_threads=1, thumbnails=False, depth_images=False, aux_images=False)
    for name in _FORMATS:
        with contextlib.suppress(Exception):  # this Pillow may not write all of them
            picture = io.BytesIO()
            Image.new("RGB", (2 * SIDE, 2)).save(picture, name)
            shrunk(picture.getvalue())


def _load_pypdf() -> None:
    """Load what reads PDFs, by reading one."""
    from pypdf import PdfWriter

    writer, document = PdfWriter(), io.BytesIO()
    writer.add_blank_page(72, 72)
    writer.write(document)
    page_count(document)


def _confine() -> None:
    """Give up opening anything and much memory."""
    try:
        import resource
    except ImportError:
        return  # Windows has no such limits
    for kind, limit in ((resource.RLIMIT_AS, MAX_MEMORY), (resource.RLIMIT_NOFILE, 3), (resource.RLIMIT_CORE, 0)):
        with contextlib.suppress(ValueError, OSError):  # some systems refuse some limits
            resource.setrlimit(kind, (limit, limit))


if __name__ == "__main__":
    main(sys.argv[1])
