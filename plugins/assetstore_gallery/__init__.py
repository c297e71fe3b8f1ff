"""The gallery: pages on which people look at a store, search it, and change what they may. ``create_gallery`` makes it."""

from __future__ import annotations

from assetstore.plugin import require_extra

for _module in ("jinja2", "PIL", "pypdf", "starlette", "tinytag"):
    require_extra(_module, "gallery")

from assetstore_gallery.app import create_gallery  # noqa: E402 - each needs the extra
from assetstore_gallery.options import GalleryOptions  # noqa: E402
from assetstore_gallery.rights import Rights, Visitor  # noqa: E402

__all__ = ["GalleryOptions", "Rights", "Visitor", "create_gallery"]
