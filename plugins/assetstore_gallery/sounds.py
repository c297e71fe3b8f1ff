"""Reads what sounds and films say of themselves: length, sample rate, title, artist, cover."""

from __future__ import annotations

import io
import math
import re
from typing import Any, BinaryIO

import attrs
from tinytag import TinyTag

from assetstore_gallery.bounded import Bounded

MAX_COVER = 4 << 20
"""Bytes of a cover at most."""
MAX_TEXT = 300
"""Characters of a title or an artist that are shown."""
_OGG_HEAD, _OGG_TAIL = 1 << 20, 1 << 17
_COVERS = (
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "image/png"),
    (re.compile(rb"\xff\xd8\xff"), "image/jpeg"),
    (re.compile(rb"GIF8[79]a"), "image/gif"),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), "image/webp"),
)


@attrs.frozen
class Cover:
    """The picture in a sound.

    Attributes:
        content_type: what its bytes are; what the sound says of them counts for nothing.
        data: its bytes.
    """

    content_type: str
    data: bytes


def facts_of(file: Bounded) -> dict[str, Any]:
    """Return those that are known of ``seconds``, ``sample_rate`` (in Hz), ``title``, ``artist`` and ``cover``."""
    tag = TinyTag.get(file_obj=_shortened(file), image=True)
    facts: dict[str, Any] = {
        "seconds": round(tag.duration, 3) if tag.duration and math.isfinite(tag.duration) else None,
        "sample_rate": int(tag.samplerate) if tag.samplerate else None,
        "title": _text(tag.title),
        "artist": _text(tag.artist),
        "cover": _cover(tag) is not None or None,
    }
    return {name: value for name, value in facts.items() if value is not None}


def cover_of(file: Bounded) -> Cover | None:
    """Return the picture in a sound, ``None`` where there is none that browsers show without running it."""
    return _cover(TinyTag.get(file_obj=_shortened(file), duration=False, image=True))


def _cover(tag: TinyTag) -> Cover | None:
    image = tag.images.front_cover or tag.images.any
    if image is None or len(image.data) > MAX_COVER:
        return None
    found = (content_type for begin, content_type in _COVERS if begin.match(image.data))
    content_type = next(found, None)
    return None if content_type is None else Cover(content_type, image.data)


def _text(text: str | None) -> str | None:
    printed = "".join(each for each in text or "" if each.isprintable()).strip()
    return printed[:MAX_TEXT] or None


def _shortened(file: Bounded) -> BinaryIO:
    """Return the first and last pages of a long Ogg: the length is in the last one, and a parser would walk all between."""
    magic = file.read(4)
    file.seek(0)
    if magic != b"OggS" or file.size <= _OGG_HEAD + _OGG_TAIL:
        return file
    head = file.read(_OGG_HEAD)
    file.seek(file.size - _OGG_TAIL)
    tail = file.read(_OGG_TAIL)
    return io.BytesIO(head[: head.rindex(b"OggS")] + tail[tail.index(b"OggS") :])
