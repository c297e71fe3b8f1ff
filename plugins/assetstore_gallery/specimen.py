"""Shows a font as a specimen: a stylesheet of its own makes it known to the page, whose policy allows no inline style."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from assetstore_gallery.bounded import Bounded

_FORMATS = {
    **dict.fromkeys((b"\0\1\0\0", b"true", b"OTTO"), "opentype"),
    b"ttcf": "collection",
    b"wOFF": "woff",
    b"wOF2": "woff2",
}
TYPES = frozenset(
    (
        *("font/collection", "font/otf", "font/sfnt", "font/ttf", "font/woff", "font/woff2", "application/font-woff"),
        *("application/font-sfnt", "application/x-font-otf", "application/x-font-ttf", "application/x-font-woff"),
    )
)


def facts_of(file: Bounded) -> dict[str, Any]:
    """Return ``font``, the format as stylesheets name it, by the first bytes."""
    found = _FORMATS.get(file.read(4))
    return {} if found is None else {"font": found}


def stylesheet(key: str) -> str:
    """Return the stylesheet that names an asset as the font of specimens; it stands beside the path of the bytes."""
    return f'@font-face {{ font-family: specimen; src: url("file?key={quote(key, safe="")}"); }}\n'
