"""Guesses the content type from a file name and the category from a content type, the same on every machine."""

from __future__ import annotations

import functools
import mimetypes

DEFAULT_CONTENT_TYPE = "application/octet-stream"

# Types that Python 3.11's own table lacks or has under an outdated name (IANA's registry, WHATWG MIME standard).
_MORE = {
    ".3gp": "video/3gpp",
    ".7z": "application/x-7z-compressed",
    ".aac": "audio/aac",
    ".apng": "image/apng",
    ".avi": "video/x-msvideo",
    ".avif": "image/avif",
    ".bmp": "image/bmp",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".epub": "application/epub+zip",
    ".flac": "audio/flac",
    ".glb": "model/gltf-binary",
    ".gltf": "model/gltf+json",
    ".heic": "image/heic",
    ".js": "text/javascript",
    ".jxl": "image/jxl",
    ".m4a": "audio/mp4",
    ".m4v": "video/x-m4v",
    ".md": "text/markdown",
    ".mid": "audio/midi",
    ".midi": "audio/midi",
    ".mjs": "text/javascript",
    ".mkv": "video/matroska",
    ".odp": "application/vnd.oasis.opendocument.presentation",
    ".ods": "application/vnd.oasis.opendocument.spreadsheet",
    ".odt": "application/vnd.oasis.opendocument.text",
    ".oga": "audio/ogg",
    ".ogg": "audio/ogg",
    ".ogv": "video/ogg",
    ".opus": "audio/ogg",
    ".otf": "font/otf",
    ".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    ".rtf": "application/rtf",
    ".toml": "application/toml",
    ".ttf": "font/ttf",
    ".wav": "audio/wav",
    ".weba": "audio/webm",
    ".webm": "video/webm",
    ".webp": "image/webp",
    ".woff": "font/woff",
    ".woff2": "font/woff2",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".xml": "text/xml",
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
    ".zip": "application/zip",
}

_DOCUMENTS = {
    "application/epub+zip",
    "application/json",
    "application/msword",
    "application/pdf",
    "application/rtf",
    "application/toml",
    "application/yaml",
    "application/xml",
}
_OFFICE = ("application/vnd.openxmlformats-officedocument.", "application/vnd.oasis.opendocument.", "application/vnd.ms-")


@functools.cache
def _table() -> mimetypes.MimeTypes:
    # filenames=() ignores the system's mime.types, which differ between machines.
    table = mimetypes.MimeTypes(filenames=())
    for suffix, kind in _MORE.items():
        table.add_type(kind, suffix)
    return table


def guess_content_type(name: str) -> str:
    """Return the media type of the name's suffix, ``application/octet-stream`` for an unknown one.

    A compressed file (``map.svg.gz``) has the type of its compression, ``application/gzip``, which is that of its bytes.
    """
    kind, encoding = _table().guess_type("x/" + name.rpartition("/")[2], strict=False)
    if encoding is not None:
        return {"gzip": "application/gzip", "bzip2": "application/x-bzip2", "xz": "application/x-xz"}.get(
            encoding, DEFAULT_CONTENT_TYPE
        )
    return kind or DEFAULT_CONTENT_TYPE


def category_of(content_type: str) -> str:
    """Return ``images``, ``videos``, ``audio``, ``documents`` or ``other`` for a media type."""
    kind = content_type.partition(";")[0].strip().lower()
    top = kind.partition("/")[0]
    if top in ("image", "video", "audio", "text"):
        return {"image": "images", "video": "videos", "audio": "audio", "text": "documents"}[top]
    return "documents" if kind in _DOCUMENTS or kind.startswith(_OFFICE) else "other"
