"""Content types by file name, and the category of a content type. The same answer on every machine."""

from __future__ import annotations

import mimetypes

DEFAULT_CONTENT_TYPE = "application/octet-stream"

# What Python 3.11's own table lacks or has under an outdated name; sources: IANA's registry and the WHATWG MIME standard.
_MORE = {
    ".aac": "audio/aac",
    ".apng": "image/apng",
    ".avif": "image/avif",
    ".flac": "audio/flac",
    ".glb": "model/gltf-binary",
    ".gltf": "model/gltf+json",
    ".heic": "image/heic",
    ".jxl": "image/jxl",
    ".m4a": "audio/mp4",
    ".md": "text/markdown",
    ".mid": "audio/midi",
    ".midi": "audio/midi",
    ".mkv": "video/matroska",
    ".oga": "audio/ogg",
    ".ogg": "audio/ogg",
    ".ogv": "video/ogg",
    ".opus": "audio/ogg",
    ".otf": "font/otf",
    ".rtf": "application/rtf",
    ".toml": "application/toml",
    ".ttf": "font/ttf",
    ".wav": "audio/wav",
    ".weba": "audio/webm",
    ".webm": "video/webm",
    ".webp": "image/webp",
    ".woff": "font/woff",
    ".woff2": "font/woff2",
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

# filenames=() keeps the machine's own mime.types out, which differ from one system to the next.
_table = mimetypes.MimeTypes(filenames=())
for _suffix, _type in _MORE.items():
    _table.add_type(_type, _suffix)


def guess_content_type(name: str) -> str:
    """Return the media type that the name's suffix says, ``application/octet-stream`` when it says none.

    A compressed file (``map.svg.gz``) is what its compression is, ``application/gzip``, for its bytes are those.
    """
    kind, encoding = _table.guess_type("x/" + name.rpartition("/")[2], strict=False)
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
