"""Content types by suffix and categories by content type, the same on every machine and version of Python."""

from __future__ import annotations

import pytest

from assetstore.plugin import category_of, guess_content_type

TABLE = [
    ("a.png", "image/png", "images"),
    ("a.PNG", "image/png", "images"),
    ("a.jpg", "image/jpeg", "images"),
    ("a.jpeg", "image/jpeg", "images"),
    ("a.gif", "image/gif", "images"),
    ("a.svg", "image/svg+xml", "images"),
    ("a.tiff", "image/tiff", "images"),
    ("a.webp", "image/webp", "images"),
    ("a.avif", "image/avif", "images"),
    ("a.heic", "image/heic", "images"),
    ("a.jxl", "image/jxl", "images"),
    ("a.apng", "image/apng", "images"),
    ("a.mp4", "video/mp4", "videos"),
    ("a.mov", "video/quicktime", "videos"),
    ("a.webm", "video/webm", "videos"),
    ("a.mkv", "video/matroska", "videos"),
    ("a.mpeg", "video/mpeg", "videos"),
    ("a.ogv", "video/ogg", "videos"),
    ("a.mp3", "audio/mpeg", "audio"),
    ("a.wav", "audio/wav", "audio"),
    ("a.ogg", "audio/ogg", "audio"),
    ("a.opus", "audio/ogg", "audio"),
    ("a.flac", "audio/flac", "audio"),
    ("a.m4a", "audio/mp4", "audio"),
    ("a.aac", "audio/aac", "audio"),
    ("a.mid", "audio/midi", "audio"),
    ("a.pdf", "application/pdf", "documents"),
    ("a.doc", "application/msword", "documents"),
    ("a.xls", "application/vnd.ms-excel", "documents"),
    ("a.ppt", "application/vnd.ms-powerpoint", "documents"),
    ("a.docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document", "documents"),
    ("a.xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "documents"),
    ("a.pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation", "documents"),
    ("a.odt", "application/vnd.oasis.opendocument.text", "documents"),
    ("a.epub", "application/epub+zip", "documents"),
    ("a.js", "text/javascript", "documents"),
    ("a.xml", "text/xml", "documents"),
    ("a.bmp", "image/bmp", "images"),
    ("a.3gp", "video/3gpp", "videos"),
    ("a.avi", "video/x-msvideo", "videos"),
    ("a.m4v", "video/x-m4v", "videos"),
    ("a.7z", "application/x-7z-compressed", "other"),
    ("a.rtf", "application/rtf", "documents"),
    ("a.txt", "text/plain", "documents"),
    ("a.md", "text/markdown", "documents"),
    ("a.csv", "text/csv", "documents"),
    ("a.html", "text/html", "documents"),
    ("a.css", "text/css", "documents"),
    ("a.json", "application/json", "documents"),
    ("a.yaml", "application/yaml", "documents"),
    ("a.toml", "application/toml", "documents"),
    ("a.zip", "application/zip", "other"),
    ("a.glb", "model/gltf-binary", "other"),
    ("a.gltf", "model/gltf+json", "other"),
    ("a.woff2", "font/woff2", "other"),
    ("a.ttf", "font/ttf", "other"),
    ("a.wasm", "application/wasm", "other"),
    ("a.tar", "application/x-tar", "other"),
    ("a.svg.gz", "application/gzip", "other"),
    ("a.tar.bz2", "application/x-bzip2", "other"),
    ("a.tar.xz", "application/x-xz", "other"),
    ("a.txt.Z", "application/octet-stream", "other"),
    ("a.no-such-suffix", "application/octet-stream", "other"),
    ("a", "application/octet-stream", "other"),
    (".png", "application/octet-stream", "other"),
    ("", "application/octet-stream", "other"),
    ("maps/old.d/keep.png", "image/png", "images"),
    ("maps.png/keep", "application/octet-stream", "other"),
    ("http:a.png", "image/png", "images"),
    ("data:text/html,a.png", "image/png", "images"),
    ("a.png?b.gif#c.webp", "image/webp", "images"),
]


@pytest.mark.parametrize(("name", "content_type", "category"), TABLE)
def test_the_suffix_tells_content_type_and_category(name, content_type, category):
    """Only the last segment's suffix counts, in any case, and the name is never taken for a URL."""
    assert (content_type, category) == (guess_content_type(name), category_of(content_type))


@pytest.mark.parametrize(
    ("content_type", "category"),
    [
        ("IMAGE/PNG", "images"),
        ("text/html; charset=utf-8", "documents"),
        ("application/json ; a=b", "documents"),
        ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", "documents"),
        ("application/vnd.oasis.opendocument.text", "documents"),
        ("model/stl", "other"),
        ("nonsense", "other"),
        ("", "other"),
    ],
)
def test_any_media_type_has_a_category(content_type, category):
    """Case and parameters do not matter, and what is unknown is ``other``."""
    assert category == category_of(content_type)
