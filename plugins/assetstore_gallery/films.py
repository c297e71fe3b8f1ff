"""Reads the size of films, which no small library reads, and the length of WebM: two formats of boxes in boxes."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from typing import Any

from assetstore_gallery.bounded import Bounded
from assetstore_gallery.boxes import Box, boxes

_EBML, _SEGMENT, _CLUSTER = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67", b"\x1f\x43\xb6\x75"
_INFO, _SCALE, _DURATION = b"\x15\x49\xa9\x66", b"\x2a\xd7\xb1", b"\x44\x89"
_TRACKS, _TRACK, _VIDEO, _WIDTH, _HEIGHT = b"\x16\x54\xae\x6b", b"\xae", b"\xe0", b"\xb0", b"\xba"


def facts_of(file: Bounded) -> dict[str, Any]:
    """Return those that are known of ``width`` and ``height`` in pixels, as shown, and of WebM ``seconds``."""
    magic = file.read(8)
    if magic.startswith(_EBML):
        return _webm(file)
    return _mp4(file) if magic[4:] == b"ftyp" else {}


def _mp4(file: Bounded) -> dict[str, Any]:
    moov = next((box for box in boxes(file, 0, file.size) if box[0] == b"moov"), None)
    for name, start, end in boxes(file, *moov[1:]) if moov else ():
        if name != b"trak":
            continue
        head = next((box for box in boxes(file, start, end) if box[0] == b"tkhd"), None)
        if head is None:
            continue
        # The end of it is a matrix of nine numbers, of which the first two say whether it is turned, and the size.
        file.seek(head[2] - 44)
        along, across, width, height = struct.unpack(">ii28xII", file.read(44))
        if width and height:
            size = {"width": width >> 16, "height": height >> 16}
            return {"width": size["height"], "height": size["width"]} if across and not along else size
    return {}


def _webm(file: Bounded) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    segment = next((each for each in _elements(file, 0, file.size) if each[0] == _SEGMENT), None)
    for name, start, end in _elements(file, *segment[1:]) if segment else ():
        if name == _CLUSTER:
            break
        if name == _INFO:
            inner = {each[0]: each for each in _elements(file, start, end)}
            scale = int.from_bytes(_content(file, inner[_SCALE]), "big") if _SCALE in inner else 1_000_000
            data = _content(file, inner[_DURATION]) if _DURATION in inner else b""
            seconds = struct.unpack(">f" if len(data) == 4 else ">d", data)[0] * scale / 1e9 if data else 0
            facts |= {"seconds": round(seconds, 3)} if 0 < seconds < math.inf else {}
        elif name == _TRACKS:
            tracks = (each for each in _elements(file, start, end) if each[0] == _TRACK)
            films = (each for track in tracks for each in _elements(file, *track[1:]) if each[0] == _VIDEO)
            for film in films:
                inner = {each[0]: each for each in _elements(file, *film[1:])}
                width, height = (int.from_bytes(_content(file, inner[each]), "big") for each in (_WIDTH, _HEIGHT))
                facts |= {"width": width, "height": height}
                break
    return facts


def _elements(file: Bounded, start: int, end: int) -> Iterator[Box]:
    """Yield the elements of EBML (RFC 8794) in a part of a file."""
    while start < end:
        file.seek(start)
        head = file.read(12)
        named = _length(head)
        sized = _length(head[named:])
        every_bit = (1 << 7 * sized) - 1
        size = int.from_bytes(head[named : named + sized], "big") & every_bit
        begin = start + named + sized
        # All bits set: it goes on to the end.
        start = end if size == every_bit else begin + size
        yield head[:named], begin, min(start, end)


def _length(data: bytes) -> int:
    """Return how many bytes a number has, by the first one."""
    if not data or not data[0]:
        raise ValueError("not a number of EBML")
    return 9 - data[0].bit_length()


def _content(file: Bounded, box: Box) -> bytes:
    file.seek(box[1])
    return file.read(min(8, box[2] - box[1]))
