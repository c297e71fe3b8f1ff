"""How files of well-known types begin."""

from __future__ import annotations

import re

HEAD_BYTES = 16

_SIGNATURES = {
    rb"\x89PNG\r\n\x1a\n": ("image/png", "image/apng"),
    rb"\xff\xd8\xff": ("image/jpeg",),
    rb"GIF8[79]a": ("image/gif",),
    rb"RIFF....WEBP": ("image/webp",),
    rb"\0...ftypavi[fs]": ("image/avif",),
    rb"%PDF-": ("application/pdf",),
    rb"OggS": ("audio/ogg", "video/ogg", "application/ogg"),
    rb"ID3|\xff[\xe2\xe3\xf2\xf3\xfa\xfb]": ("audio/mpeg",),
    rb"R(?:IFF|F64)....WAVE": ("audio/wav", "audio/x-wav", "audio/vnd.wave"),
    rb"\0...(?:ftyp(?!avi[fs]|hei|hev|mif1)|moov|mdat|wide|free|skip)": (
        *("video/mp4", "audio/mp4", "audio/x-m4a"),
        *("video/quicktime", "video/x-m4v", "video/3gpp"),
    ),
    rb"\x1a\x45\xdf\xa3": ("video/webm", "audio/webm", "video/matroska", "video/x-matroska"),
}
_TABLE = tuple((re.compile(pattern, re.DOTALL), types) for pattern, types in _SIGNATURES.items())
_KNOWN = frozenset(name for types in _SIGNATURES.values() for name in types)


def types_of(head: bytes) -> tuple[str, ...]:
    """Return the types that a file with this beginning may have, the likeliest first; none when it has no signature."""
    return next((types for pattern, types in _TABLE if pattern.match(head)), ())


def has_signature(content_type: str) -> bool:
    """Tell whether every file of this type begins in a way that is known here."""
    return content_type in _KNOWN
