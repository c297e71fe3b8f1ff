"""Says what pages show of a picture: the file itself, a smaller copy that the gallery makes, or nothing."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from assetstore import AssetInfo
from assetstore_gallery.confined import SIDE
from assetstore_gallery.kinds import PICTURES, essence_of, type_of

LARGE = 1600
"""The longer side in pixels, at most, of a copy for who cannot see the file."""
MAX_SHRUNK = 64 << 20
"""The most bytes of a picture of which a smaller one is made."""
_DRAWN = PICTURES | {"image/apng", "image/bmp", "image/vnd.microsoft.icon", "image/x-icon"}
_SHRUNK = PICTURES | {"image/bmp", "image/tiff", "image/vnd.adobe.photoshop", "image/vnd.ms-dds"}


def is_shrunk(info: AssetInfo) -> bool:
    """Return whether a smaller copy may be made of an asset: it is a picture that runs nothing, and not too large."""
    return info.valid and essence_of(type_of(info)) in _SHRUNK and 0 < info.size <= MAX_SHRUNK


def copy_of(info: AssetInfo, side: int = SIDE) -> str | None:
    """Return the address, below the gallery's, of a copy of at most so many pixels; ``None`` where there is none."""
    if not is_shrunk(info):
        return None
    query = {"key": info.key, "v": info.etag or "", **({"side": side} if side != SIDE else {})}
    return f"thumbnail?{urlencode(query)}"


def look_of(info: AssetInfo) -> dict[str, Any]:
    """Return what the page of a picture shows.

    ``drawn`` is whether browsers draw the file itself; ``picture`` is the address below the gallery's of what they draw:
    the file, a copy, or ``None``.
    """
    drawn = essence_of(type_of(info)) in _DRAWN
    file = f"file?{urlencode({'key': info.key})}" if info.size else None
    return {"drawn": drawn, "picture": file if drawn else copy_of(info, LARGE)}
