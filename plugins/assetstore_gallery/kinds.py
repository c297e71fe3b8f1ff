"""Sorts assets into the kinds that a gallery tells apart, by their types."""

from __future__ import annotations

from assetstore import AssetInfo
from assetstore.plugin import guess_content_type

KINDS = ("images", "video", "audio", "documents", "models", "other")
_BY_TYPE = {"image": "images", "video": "video", "audio": "audio", "text": "documents", "model": "models"}
_DOCUMENTS = ("application/pdf", "application/json", "application/epub+zip", "application/rtf")
PICTURES = frozenset(f"image/{name}" for name in ("avif", "gif", "jpeg", "png", "webp"))
"""The types that every browser shows as a picture and of which it runs nothing."""
_OFFICE = ("application/msword", "application/vnd.ms-", "application/vnd.oasis.", "application/vnd.openxmlformats-")


def type_of(info: AssetInfo) -> str:
    """Return the Content-Type of an asset; a listing knows none, and the name tells it."""
    return info.content_type or guess_content_type(info.key)


def essence_of(content_type: str) -> str:
    """Return a Content-Type without its parameters, in lower case."""
    return content_type.partition(";")[0].strip().lower()


def kind_of(content_type: str) -> str:
    """Return the kind of a Content-Type, one of ``KINDS``."""
    essence = essence_of(content_type)
    if essence in _DOCUMENTS or essence.startswith(_OFFICE):
        return "documents"
    return _BY_TYPE.get(essence.partition("/")[0], "other")


def is_picture(content_type: str) -> bool:
    """Return whether a Content-Type is one of ``PICTURES``."""
    return essence_of(content_type) in PICTURES
