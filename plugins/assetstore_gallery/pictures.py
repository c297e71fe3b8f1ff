"""Says what browsers show of a file themselves, and where a smaller copy of a picture stands for it."""

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
_PLAYED = {
    *(f"audio/{name}" for name in ("aac", "flac", "mp4", "mpeg", "ogg", "opus", "wav", "wave", "webm", "x-wav")),
    *("video/mp4", "video/ogg", "video/webm"),
}
_COPIED = ("bmp", "heic", "heif", "jp2", "tiff", "vnd.adobe.photoshop", "vnd.ms-dds")
_SHRUNK = PICTURES | {f"image/{name}" for name in _COPIED}


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
    """Return what the page of a picture, a sound or a film shows.

    ``drawn`` and ``played`` are whether every browser draws or plays the file itself; ``picture`` is the address below the
    gallery's of what is drawn: the file, a copy, or ``None``.
    """
    essence = essence_of(type_of(info))
    drawn = essence in _DRAWN
    file = f"file?{urlencode({'key': info.key})}" if info.size else None
    return {"drawn": drawn, "played": essence in _PLAYED, "picture": file if drawn else copy_of(info, LARGE)}
