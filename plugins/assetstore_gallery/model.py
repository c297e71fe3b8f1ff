"""Shows a 3D model (GLB) on a page of its own, which stands in a frame: the viewer needs more than the pages may."""

from __future__ import annotations

from typing import Any

from assetstore_gallery.bounded import Bounded
from assetstore_gallery.options import GalleryOptions, frame_policy

TYPE = "model/gltf-binary"
MAX_BYTES = 64 << 20
"""Bytes of the largest model that is shown: a browser loads all of it."""
_VIEWER_STYLE = "'sha256-PXtZZkJMMyc18o/DN1ZEFOJ2qEGq95IQbVaJFMOXOb0='"
"""What the viewer writes into its own element; a test in a browser tells the hash of another version."""


def facts_of(file: Bounded) -> dict[str, Any]:
    """Return ``model``, which is ``"glb"``, by the first bytes."""
    return {"model": "glb"} if file.size <= MAX_BYTES and file.read(8) == b"glTF\2\0\0\0" else {}


def policy(options: GalleryOptions) -> str:
    """Return the policy of the page: textures are blobs, the viewer has one style inline, and nothing is external.

    WebAssembly is what the viewer carries to unpack meshes; scripts from texts stay refused.
    """
    parts = {
        "default-src": "'none'",
        "script-src": "'self' 'wasm-unsafe-eval'",
        "style-src": f"'self' {_VIEWER_STYLE}",
        "img-src": "'self' blob: data:",
        "connect-src": "'self' blob: data:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    return "; ".join((*(f"{name} {value}" for name, value in parts.items()), frame_policy(options)))
