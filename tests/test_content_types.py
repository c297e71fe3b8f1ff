"""Content types by suffix and categories by content type, the same on every machine and version of Python."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assetstore.content.content_types import canonical
from assetstore.plugin import category_of, guess_content_encoding, guess_content_type

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
    ("p.jfif", "image/jpeg", "images"),
    ("a.psd", "image/vnd.adobe.photoshop", "images"),
    ("i.jp2", "image/jp2", "images"),
    ("t.ktx2", "image/ktx2", "images"),
    ("t.dds", "image/vnd.ms-dds", "images"),
    ("t.tga", "image/x-tga", "images"),
    ("t.exr", "image/aces", "images"),
    ("t.hdr", "image/vnd.radiance", "images"),
    ("a.xcf", "image/x-xcf", "images"),
    ("a.hif", "image/heic", "images"),
    ("a.dng", "image/x-adobe-dng", "images"),
    ("a.cr3", "image/x-canon-cr3", "images"),
    ("b.m4b", "audio/mp4", "audio"),
    ("s.spx", "audio/ogg", "audio"),
    ("s.it", "audio/x-it", "audio"),
    ("s.s3m", "audio/x-s3m", "audio"),
    ("s.rmi", "audio/midi", "audio"),
    ("v.m2ts", "video/mp2t", "videos"),
    ("v.m4s", "video/iso.segment", "videos"),
    ("v.flv", "video/x-flv", "videos"),
    ("c.usdz", "model/vnd.usdz+zip", "other"),
    ("m.stl", "model/stl", "other"),
    ("m.obj", "model/obj", "other"),
    ("m.dae", "model/vnd.collada+xml", "other"),
    ("m.3mf", "model/3mf", "other"),
    ("m.blend", "application/x-blender", "other"),
    ("f.ttc", "font/collection", "other"),
    ("g.geojson", "application/geo+json", "other"),
    ("g.gpx", "application/gpx+xml", "other"),
    ("g.kml", "application/vnd.google-earth.kml+xml", "other"),
    ("g.pmtiles", "application/vnd.pmtiles", "other"),
    ("t.tmx", "application/x-tiled-tmx", "other"),
    ("t.ldtk", "application/json", "documents"),
    ("t.uvtt", "application/json", "documents"),
    ("c.srt", "application/x-subrip", "documents"),
    ("c.ttml", "application/ttml+xml", "documents"),
    ("c.ics", "text/calendar", "documents"),
    ("e.fb2", "application/x-fictionbook+xml", "documents"),
    ("e.cbz", "application/vnd.comicbook+zip", "documents"),
    ("e.jsonl", "application/x-ndjson", "documents"),
    ("e.sql", "application/sql", "documents"),
    ("e.scss", "text/x-scss", "documents"),
    ("e.log", "text/plain", "documents"),
    ("e.po", "text/x-gettext-translation", "documents"),
    # One suffix, several formats: these were decided.
    ("e.ass", "text/x-ssa", "documents"),
    ("e.pot", "text/x-gettext-translation-template", "documents"),
    ("s.mod", "audio/x-mod", "audio"),
    ("v.ts", "video/mp2t", "videos"),
    ("v.d.ts", "text/x-typescript", "documents"),
    ("e.js.map", "application/json", "documents"),
    ("e.map", "application/octet-stream", "other"),
    ("e.cjs", "text/javascript", "documents"),
    # Players refuse audio/vnd.wave and audio/opus, which other tables give these.
    ("s.wav", "audio/wav", "audio"),
    ("s.opus", "audio/ogg", "audio"),
    # Names as people have them.
    ("Keep.PNG ", "image/png", "images"),
    ("keep.png.", "image/png", "images"),
    ("C:\\maps\\keep.png", "image/png", "images"),
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
    ("name", "content_type", "encoding"),
    [
        ("map.svgz", "image/svg+xml", "gzip"),
        ("Build/game.wasm.br", "application/wasm", "br"),
        ("Build/game.data.gz", "application/octet-stream", "gzip"),
        ("Build/game.framework.js.br", "text/javascript", "br"),
        ("Build/game.symbols.json.gz", "application/json", "gzip"),
        ("site.css.gz", "text/css", "gzip"),
        ("saves.tar.gz", "application/gzip", None),
        ("dump.csv.gz", "application/gzip", None),
        ("game.unityweb", "application/octet-stream", None),
        ("a.br", "application/octet-stream", None),
    ],
)
def test_what_loaders_unpack_has_the_type_of_its_content(name, content_type, encoding):
    """Pages and engines get packed files as what they hold; an archive that a person downloads stays as it is."""
    assert (content_type, encoding) == (guess_content_type(name), guess_content_encoding(name))


@pytest.mark.parametrize(
    ("alias", "name"),
    [
        ("audio/x-wav", "audio/wav"),
        ("audio/vnd.wave", "audio/wav"),
        ("Audio/Wave; rate=8000", "audio/wav"),
        ("audio/x-m4a", "audio/mp4"),
        ("video/x-matroska", "video/matroska"),
        ("application/x-zip-compressed", "application/zip"),
        ("image/pjpeg", "image/jpeg"),
        ("image/jpg", "image/jpeg"),
        ("application/xml", "text/xml"),
        ("application/x-javascript", "text/javascript"),
        ("application/anything", "application/anything"),
        ("application/x-anything", "application/x-anything"),
    ],
)
def test_a_type_has_one_name(alias, name):
    """Browsers and systems call one format by several names; policies and claims are compared by one."""
    assert name == canonical(alias)


@given(st.text(), st.sampled_from(["png", "svgz", "wasm.br", "js.map", "nothing"]))
def test_any_name_has_a_type_and_any_type_one_name(stem, suffix):
    """Nothing fails on any name, and the name of a name is itself."""
    kind = guess_content_type(f"{stem}.{suffix}")
    assert canonical(kind) == canonical(canonical(kind))
    assert category_of(kind) in ("images", "videos", "audio", "documents", "other")


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
