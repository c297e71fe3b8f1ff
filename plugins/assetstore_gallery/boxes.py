"""Walks the boxes of which films and photos are made (ISO 14496-12), and reads how large a photo is (ISO 23008-12)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any, TypeAlias

from assetstore_gallery.bounded import Bounded

Box: TypeAlias = tuple[bytes, int, int]
"""Its name, and where its content begins and ends."""
_VERSION = 4
"""Bytes of version and flags with which some boxes begin."""


def boxes(file: Bounded, start: int, end: int) -> Iterator[Box]:
    """Yield the boxes in a part of a file."""
    while start + 8 <= end:
        file.seek(start)
        head = file.read(16)
        length, begin = int.from_bytes(head[:4], "big"), 8
        if length == 1:
            length, begin = int.from_bytes(head[8:], "big"), 16
        elif length == 0:
            length = end - start
        if length < begin:
            return
        yield head[4:8], start + begin, min(start + length, end)
        start += length


def photo_size(file: Bounded) -> dict[str, Any]:
    """Return ``width`` and ``height`` of an AVIF or HEIC in pixels, as it is shown.

    Raises:
        Exception: of any kind, if the bytes are not such a photo.
    """
    top = {name: span for name, *span in boxes(file, 0, file.size)}
    start, end = top[b"meta"]
    meta = {name: span for name, *span in boxes(file, start + _VERSION, end)}
    groups = {name: span for name, *span in boxes(file, *meta[b"iprp"])}
    held = list(boxes(file, *groups[b"ipco"]))
    size: dict[str, Any] = {}
    is_turned = False
    for number in _properties(_content(file, meta[b"pitm"]), _content(file, groups[b"ipma"])):
        name, start, end = held[number - 1]
        if name == b"ispe":
            _, size["width"], size["height"] = struct.unpack(">III", _content(file, [start, end]))
        elif name == b"irot":
            is_turned = bool(_content(file, [start, end])[0] & 1)
    return {"width": size["height"], "height": size["width"]} if is_turned else size


def _properties(primary: bytes, links: bytes) -> list[int]:
    """Return the numbers, from 1 on, of the properties that the photo itself has, and not its tiles or its preview."""
    wide = ">I" if primary[0] else ">H"
    (wanted,) = struct.unpack_from(wide, primary, _VERSION)
    item = struct.Struct(">IB" if links[0] else ">HB")
    link, bits = (struct.Struct(">H"), 0x7FFF) if links[_VERSION - 1] & 1 else (struct.Struct(">B"), 0x7F)
    (count,) = struct.unpack_from(">I", links, _VERSION)
    at = _VERSION + 4
    for _ in range(count):
        number, many = item.unpack_from(links, at)
        at += item.size
        found = [link.unpack_from(links, at + each * link.size)[0] & bits for each in range(many)]
        at += many * link.size
        if number == wanted:
            return [each for each in found if each]
    return []


def _content(file: Bounded, span: list[int]) -> bytes:
    file.seek(span[0])
    return file.read(span[1] - span[0])
