"""The first bytes of a file: the types that they show, and whether they fit the claimed one."""

from __future__ import annotations

import io
import struct
import tarfile
import wave
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assetstore.content.content_types import canonical, essence
from assetstore.content.sniffing import allows, has_signature, needs_tail, refusal
from assetstore.limits import HEAD_BYTES
from assetstore.plugin import guess_content_type, looks_active, sniff_type

UNKNOWN = "application/octet-stream"


def zipped(*members: tuple[str, str], before: bytes = b"") -> bytes:
    """Return a ZIP file."""
    file = io.BytesIO(before)
    file.seek(0, io.SEEK_END)
    with zipfile.ZipFile(file, "a") as archive:
        for name, text in members or [("a", "b")]:
            archive.writestr(name, text)
    return file.getvalue()


def recorded() -> bytes:
    """Return a WAV file."""
    file = io.BytesIO()
    with wave.open(file, "wb") as recording:
        recording.setnchannels(1)
        recording.setsampwidth(2)
        recording.setframerate(8000)
        recording.writeframes(b"\0\0")
    return file.getvalue()


def tarred() -> bytes:
    """Return the first block of a TAR file from before POSIX, which has a checksum and no signature."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("a"))
    block = bytearray(file.getvalue()[:512])
    block[257:265] = bytes(8)
    block[148:156] = b"%06o\0 " % (sum(block[:148]) + 8 * 32 + sum(block[156:]))
    return bytes(block)


HEADS = {
    "a.png": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
    "a.jpg": b"\xff\xd8\xff\xe0\0\x10JFIF\0",
    "a.gif": b"GIF89a\x01\0\x01\0",
    "a.webp": b"RIFF\x1a\0\0\0WEBPVP8 ",
    "a.avif": b"\0\0\0\x1cftypavif\0\0\0\0",
    "a.heic": b"\0\0\0\x18ftypheic\0\0\0\0",
    "a.jxl": b"\xff\x0a\xfa\x1f",
    "a.bmp": b"BM" + struct.pack("<IHHII", 70, 0, 0, 54, 40) + b"\0" * 20,
    "a.tiff": b"II*\0\x08\0\0\0",
    "a.ico": b"\0\0\x01\0\x01\0\x10\x10",
    "a.mp3": b"ID3\x04\0\0\0\0",
    "bare.mp3": b"\xff\xfb\x90\x64\0",
    "a.aac": b"\xff\xf1\x50\x80",
    "a.flac": b"fLaC\0\0\0\x22",
    "a.ogg": b"OggS\0\x02\0\0",
    "a.opus": b"OggS\0\x02\0\0",
    "a.wav": recorded(),
    "a.aiff": b"FORM\0\0\0\x2eAIFFCOMM",
    "a.mid": b"MThd\0\0\0\x06\0\x01",
    "a.m4a": b"\0\0\0\x20ftypM4A \0\0\0\0",
    "a.mp4": b"\0\0\0\x18ftypmp42\0\0\0\0",
    "a.m4v": b"\0\0\0\x1cftypM4V ",
    "a.3gp": b"\0\0\0\x18ftyp3gp4",
    "a.mov": b"\0\0\0\x08wide\0\0\x10\0mdat",
    "a.webm": b"\x1a\x45\xdf\xa3\x01\0\0\0",
    "a.mkv": b"\x1a\x45\xdf\xa3\x01\0\0\0",
    "a.avi": b"RIFF\x24\0\0\0AVI LIST",
    "a.mpg": b"\0\0\x01\xba\x44",
    "a.pdf": b"%PDF-1.7\n",
    "a.zip": zipped(),
    "a.epub": zipped(("mimetype", "application/epub+zip"), ("META-INF/container.xml", "")),
    "a.odt": zipped(("mimetype", "application/vnd.oasis.opendocument.text"), ("content.xml", "")),
    "a.docx": zipped(("[Content_Types].xml", ""), ("word/document.xml", "")),
    "a.xlsx": zipped(("[Content_Types].xml", ""), ("xl/workbook.xml", "")),
    "a.doc": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
    "a.rtf": b"{\\rtf1\\ansi",
    "a.psd": b"8BPS\0\x01\0\0\0\0\0\0\0\x03",
    "a.gz": b"\x1f\x8b\x08\0\0\0\0\0\0\x03",
    "a.7z": b"7z\xbc\xaf\x27\x1c\0\x04",
    "a.rar": b"Rar!\x1a\x07\x01\0",
    "a.tar": tarred(),
    "a.ttf": b"\0\x01\0\0\0\x0f\0\x80",
    "a.woff2": b"wOF2\0\x01\0\0",
    "a.glb": b"glTF\x02\0\0\0",
    "a.wasm": b"\0asm\x01\0\0\0",
    "a.ts": (b"\x47" + bytes(187)) * 3,
    "segment.mp4": b"\0\0\0\x18stypmsdh\0\0\0\0msdhmsix",
    "a.ktx2": b"\xabKTX 20\xbb\r\n\x1a\n",
    "a.exe": b"MZ\x90\0\x03\0\0\0",
    "a.sqlite": b"SQLite format 3\0",
}
TEXTS = {
    "a.txt": b"Strength 12\n",
    "a.md": b"# The keep\n",
    "a.csv": b"name,hp\ngoblin,7\n",
    "cells.csv": b"<b>Name</b>,<b>HP</b>\ngoblin,7\n",
    "a.json": b'{"name": "keep"}',
    "comments.json": b"// made by hand\n{}",
    "a.gltf": b'{"asset": {"version": "2.0"}}',
    "a.svg": b'<svg xmlns="http://www.w3.org/2000/svg"/>',
    "late.svg": b'<?xml version="1.0"?>\n<!-- a -->\n<!DOCTYPE svg PUBLIC "a" "b">\n<svg/>',
    "a.html": b"<p>Hello",
    "a.css": b"body { color: red }",
    "a.js": b"#!/usr/bin/env node\nlet a = 1",
    "a.vtt": b"WEBVTT\n\n00:01.000 --> 00:02.000\nHello",
    "a.srt": b"1\n00:00:01,000 --> 00:00:02,000\nHello",
    "a.ass": b"[Script Info]\nTitle: e01\n",
    "a.tmx": b'<?xml version="1.0" encoding="UTF-8"?>\n<map version="1.10"/>',
    "a.gpx": b'<?xml version="1.0"?><gpx/>',
    "a.plist": b'<?xml version="1.0"?><plist/>',
    "a.conf": b"<?xml version='1.0'?><!DOCTYPE fontconfig SYSTEM 'fonts.dtd'><fontconfig/>",
    "a.obj": b"v 0 0 0\n",
    "wide.txt": "Größe".encode("utf-16"),
    "wide.xml": "<?xml version='1.0'?><a/>".encode("utf-16-le"),
    "a.sh": b"#!/bin/sh\n",
    "a.toml": b"",
}
MARKUP = [
    b"<!doctype html><p>",
    b"<html>",
    b"  \r\n\t<HTML lang=en>",
    b"<!-- a comment --><html>",
    b"<script>alert(1)</script>",
    b"<svg/onload=alert(1)>",
    b"<img src=x onerror=alert(1)>",
    b"<h1>Maps</h1>",
    b"<iframe\nsrc=x>",
    b"</p><script>",
    b'<?xml version="1.0"?><note/>',
    b'<note xmlns="http://www.w3.org/1999/xhtml">',
    b'<x:html xmlns:x="http://www.w3.org/1999/xhtml">',
    b"<!DOCTYPE svg PUBLIC>",
    b"<!ENTITY a 'b'>",
]
SCRIPTS = [b"#!/bin/sh\n", b"#! /usr/bin/env python3\n"]
PHP = [b"<?php system($_GET[0]);", b"<?= 1 ?>", b"<% Response.Write %>"]
ACTIVE = [*MARKUP, *SCRIPTS, *PHP]
PASSIVE = [
    b"",
    b"plain text",
    b"<gm> roll for it!",
    b"<john@example.org> wrote:",
    b"a < b, and b > c",
    b"< 5 gold",
    b"<3",
    b"# A heading",
    b'{"a": "<html>"}',
    b"// <html>",
    b"BM is no picture, and neither is this text of some length",
    b"ID3 is what music files begin with",
    b"PK and RIFF and OggS",
    b"the free mdat",
    b"a %PDF-1.7 is no PDF",
    b"</3",
]


@pytest.mark.parametrize("name", HEADS)
def test_a_file_is_known_by_its_beginning(name):
    """Each of the formats is told by its first bytes, fits what its name says, and is not active."""
    kind = canonical(guess_content_type(name))
    assert (True, None) == (has_signature(kind), refusal(kind, HEADS[name]))
    assert not looks_active(HEADS[name])


@pytest.mark.parametrize("name", TEXTS)
def test_a_text_fits_its_name(name):
    """A text is taken under its own name: with markup in its cells, in UTF-16, with comments, and of no bytes."""
    assert refusal(guess_content_type(name), TEXTS[name]) is None


@pytest.mark.parametrize("name", HEADS)
def test_a_type_with_a_beginning_has_to_show_it(name):
    """A claim whose beginning is known is refused for any other bytes: none, text, a page, another format."""
    claimed = canonical(guess_content_type(name))
    # Encrypted documents stand in the container of older ones.
    kin = {claimed, sniff_type(HEADS[name])[0], *(["application/msword"] if "openxmlformats" in claimed else [])}
    foreign = [head for head in HEADS.values() if not kin & {*sniff_type(head)}]
    for head in (b"", b"text", HEADS[name][:1], *ACTIVE, *foreign):
        assert refusal(claimed, head) is not None


@pytest.mark.parametrize("name", HEADS)
def test_a_known_format_is_refused_as_text_or_markup(name):
    """A picture, sound or archive cannot be text, a page or a drawing, but a vendor's own container."""
    for claimed in ("text/plain", "text/html", "image/svg+xml", "application/xhtml+xml", "model/gltf+json"):
        assert refusal(claimed, HEADS[name]) is not None or name in ("a.rtf", "a.aac")
    for claimed in (UNKNOWN, "application/x-anything"):
        assert refusal(claimed, HEADS[name]) is None


@pytest.mark.parametrize("suffix", ["docx", "xlsx", "woff2", "glb", "gz", "csv", "svg", "doc", "rtf", "tga", "stl"])
def test_a_program_is_not_taken_for_a_document(suffix):
    """A renamed program is refused under every name that says what the bytes are; as unknown bytes it is taken."""
    program = b"\x7fELF\x02\x01\x01" + bytes(57)
    assert refusal(guess_content_type(f"a.{suffix}"), program) is not None
    assert refusal(UNKNOWN, program) is None


@pytest.mark.parametrize(
    ("name", "head", "reason"),
    [
        ("a.docx", b"", "the bytes do not begin as"),
        ("a.docx", zipped(), "the bytes are a ZIP, and not that of"),
        ("a.docx", HEADS["a.odt"], "the bytes are a ZIP, and not that of"),
        ("a.odt", HEADS["a.epub"], "the bytes are a ZIP, and not that of"),
        ("a.epub", zipped(), "the bytes are a ZIP, and not that of"),
        ("a.txt", bytes(9), "text/plain is text, and the bytes hold NULs"),
        ("a.json", b"let a = 1", "the bytes do not begin as application/json does"),
        ("a.webmanifest", b"// a\n{}", "the bytes do not begin as application/manifest+json does"),
        ("a.vtt", b"1\n00:00:01,000 --> 00:00:02,000\n", "the bytes do not begin as text/vtt does"),
        ("a.svg", b"plain", "the bytes do not begin as image/svg+xml does"),
        ("a.svg", b"<?xml version='1.0'?><html/>", "the root element is html and not svg"),
        ("a.html", b"plain", "the bytes do not begin as text/html does"),
        ("a.blend", b"", "the bytes do not begin as application/x-blender does"),
        ("a.tga", b"", "the bytes do not begin as image/x-tga does"),
    ],
)
def test_each_type_says_how_it_is_known(name, head, reason):
    """A signature, an archive's members, the first element or value, and no NUL in a text: what is missing is told."""
    assert (refusal(guess_content_type(name), head) or "").startswith(reason)


@pytest.mark.parametrize("start", [b"MZ\x90\0" + bytes(60), b"\x7fELF" + bytes(60), b"#!/bin/sh\n", b"<script>a()</script>"])
def test_nothing_that_runs_hides_before_another_format(start):
    """A program may stand before a ZIP alone, as one that extracts itself, and a page or script before nothing."""
    frame = b"\xff\xfb\x90\x64" + bytes(413)
    whole = zipped(("[Content_Types].xml", ""), before=start)
    for claimed, head, tail in (
        ("application/pdf", start + b"%PDF-1.7", b""),
        ("audio/mpeg", start + frame * 3, b""),
        (guess_content_type("a.docx"), whole, whole),
        ("application/zip", start + b"PK\x05\x06", start + b"PK\x05\x06"),
    ):
        assert refusal(claimed, head[:HEAD_BYTES], tail=tail) is not None
    assert (refusal("application/zip", whole, tail=whole) is None) == (start[:2] in (b"MZ", b"\x7fE"))


@pytest.mark.parametrize("piece", [b"<!-- -->", b"<!DOCTYPE a []>", b"<?a?>", b"<!--", b"<!DOCTYPE [", b"<a ", b" ", b"<"])
def test_a_long_prolog_is_judged_at_once(piece):
    """What is repeated through a whole head ends: a pattern within a pattern would go on for years."""
    for claimed in ("image/svg+xml", "text/xml", "application/gpx+xml", "text/html", "text/csv", "application/x-anything"):
        refusal(claimed, (piece * HEAD_BYTES)[:HEAD_BYTES])


@pytest.mark.parametrize(
    ("name", "head"),
    [
        ("a.wpl", b'<?wpl version="1.0"?><smil/>'),
        ("a.xmp", b'<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/"/>'),
        ("a.pct", bytes(522) + b"\0\x11\x02\xff"),
        ("a.mp3", bytes(600) + (b"\xff\xfb\x90\x64" + bytes(413)) * 3),
        ("a.tar", bytes(1024)),
        ("a.ts", b"abc" + (b"\x47" + bytes(203)) * 3),
        ("a.avci", b"\0\0\0\x18ftypavci"),
        ("a.fbx", b"; FBX 7.3.0 project file\n"),
        ("a.tsv", b"<b>1</b>\t2\n"),
        ("a.txt", "ясно\n".encode("cp1251")),
        ("a.txt", b"CWS - China\n"),
        ("a.txt", b"PWAD files are maps\n"),
        ("a.csv", b"SDPX,1\n"),
        ("a.musepack.mpc", b"MPCKSH"),
    ],
)
def test_uncommon_genuine_files_are_taken(name, head):
    """Variants that tools really write, and texts that begin like a format."""
    assert refusal(guess_content_type(name), head) is None


def test_a_beginning_of_a_format_without_a_rule_is_told_too():
    """What only may begin so contradicts another type by its name."""
    assert "the bytes are audio/x-musepack and not image/png" == refusal("image/png", b"MPCKSH")


def test_a_document_of_an_office_may_be_encrypted():
    """Word, Excel and PowerPoint keep an encrypted document in the container of older ones."""
    assert refusal(guess_content_type("a.docx"), HEADS["a.doc"]) is None


@pytest.mark.parametrize("before", [b"\xef\xbb\xbf\r\n", b"\x1b%-12345X@PJL JOB\r\n", b"x" * 1000])
def test_a_pdf_may_begin_later(before):
    """Readers look for the header within the first 1,024 bytes, and printers put their own commands before it."""
    assert refusal("application/pdf", before + b"%PDF-1.7\n%%EOF") is None
    assert refusal("application/pdf", bytes(1024) + b"%PDF-1.7") is not None


@pytest.mark.parametrize(
    ("frame", "count"),
    [
        (b"\xff\xfb\x90\x64" + bytes(413), 417),
        (b"\xff\xfe\x10\x00" + bytes(28), 9),
        (b"\xff\xf3\x40\xc4" + bytes(140), 0),
    ],
)
def test_music_may_begin_behind_padding(frame, count):
    """MPEG audio of any layer and version is known by two frames in a row; one alone may be chance."""
    assert refusal("audio/mpeg", bytes(count) + frame * 3) is None
    assert refusal("audio/mpeg", bytes(count + 1) + frame + b"\0") is not None


def test_a_tag_is_followed_by_what_tells_more():
    """FLAC and AAC behind an ID3 tag are told from MP3, where the tag ends within the head."""
    tag = b"ID3\x04\0\0\0\0\0\x05hello"
    assert [None, None] == [refusal("audio/flac", tag + HEADS["a.flac"]), refusal("audio/aac", tag + HEADS["a.aac"])]
    assert "the bytes are audio/mpeg and not audio/flac" == refusal("audio/flac", tag + HEADS["bare.mp3"])
    assert refusal("audio/flac", tag[:10]) is None


def test_a_zip_is_known_by_its_end():
    """A self-extracting archive is a ZIP behind a program; its end record is asked for, and tells."""
    whole = zipped(before=b"MZ" + bytes(62))
    head, tail = whole[:HEAD_BYTES], whole[-65_557:]
    assert (True, False) == (needs_tail("application/zip", head), needs_tail("application/zip", zipped()))
    assert needs_tail("image/png", head) is False
    assert (None, True) == (refusal("application/zip", head, tail=tail), refusal("application/zip", head) is not None)


def test_a_format_built_on_another_one_is_taken():
    """A raw photograph begins as TIFF does, and is claimed as itself; a sound is no photograph."""
    assert refusal("image/x-adobe-dng", HEADS["a.tiff"]) is None
    assert refusal("image/x-anything", HEADS["a.tiff"]) is None
    assert refusal("image/x-adobe-dng", HEADS["a.flac"]) is not None
    assert refusal("image/x-anything", HEADS["a.flac"]) is not None


@pytest.mark.parametrize("head", ACTIVE)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be"])
def test_active_content_is_recognised(head, encoding):
    """Pages, drawings, XML and scripts are recognised in capitals and small letters, in each encoding, behind blanks."""
    text = head.decode()
    for variant in (text, text.upper(), text.lower(), f" \n\t\f{text}"):
        assert looks_active(variant.encode(encoding))


@pytest.mark.parametrize("head", PASSIVE)
def test_plain_text_is_not_taken_for_more(head):
    """Text with a ``<`` or the letters of a signature in it is text."""
    assert (False, ()) == (looks_active(head), sniff_type(head))
    assert (None, None) == (refusal("text/plain", head), refusal(UNKNOWN, head))


@pytest.mark.parametrize("head", ACTIVE)
def test_active_content_is_refused_under_another_claim(head):
    """A page is no picture, film, value or table, and a script is no picture either."""
    for claimed in ("image/x-anything", "application/json", "application/pdf", "video/x-anything", "text/css"):
        assert (head in SCRIPTS and claimed == "text/css") or isinstance(refusal(claimed, head), str)
    if head not in SCRIPTS and head != b"<h1>Maps</h1>":
        assert isinstance(refusal("text/csv", head), str)


@pytest.mark.parametrize("head", ACTIVE)
def test_unknown_bytes_may_be_anything(head):
    """``application/octet-stream`` is only ever saved, so it may hold a page, a script or XML of a vendor."""
    assert refusal(UNKNOWN, head) is None


def test_active_content_is_taken_as_what_it_is():
    """Active content is accepted under its own type, with parameters or without."""
    for head in MARKUP:
        for claimed in ("text/html; charset=utf-8", "text/xml", "text/markdown", "application/x-httpd-php", "text/x-vue"):
            assert refusal(claimed, head) is None
    for head in SCRIPTS:
        for claimed in ("application/x-sh", "text/x-python", "text/plain", "text/javascript"):
            assert refusal(claimed, head) is None
    for head in PHP:
        assert refusal("application/x-httpd-php", head) is None


def test_xml_of_a_vendor_is_taken_as_his():
    """XML that holds no page, drawing or script may have any application's type."""
    assert refusal("application/x-anything", b'<?xml version="1.0"?><map/>') is None
    assert refusal("application/x-anything", b'<?xml version="1.0"?><a><svg/></a>') is not None


def test_what_begins_like_nothing_is_taken():
    """Bytes without a known signature may have any type without one."""
    for claimed in (UNKNOWN, "image/x-tga", "model/stl", "application/x-anything", "audio/x-musepack"):
        assert refusal(claimed, b"\x01\x02\x03\x04") is None


def test_what_claims_nothing_is_judged_by_what_it_is():
    """A policy of documents takes a PDF as unknown bytes and no picture, unless it names unknown bytes themselves."""
    head = HEADS["a.png"]
    assert "the bytes are image/png, which is not allowed" == refusal(UNKNOWN, head, ("text/*",))
    assert [None, None] == [refusal(UNKNOWN, head, ("text/*", kind)) for kind in (UNKNOWN, "image/png")]
    assert [None, None] == [refusal(UNKNOWN, start, ("application/pdf",)) for start in (HEADS["a.pdf"], b"bytes")]


def test_a_policy_names_types_and_patterns():
    """``*`` stands for any part of a type; capitals and parameters do not count; no types at all allow everything."""
    types = ("image/*", "application/pdf")
    assert (True, True, True) == (allows(types, "image/png"), allows(types, "Application/PDF; a=b"), allows((), "a/b"))
    assert (False, False) == (allows(types, "text/html"), allows(types, "application/pdf2"))
    assert ("image/png", UNKNOWN) == (essence(" Image/PNG ; charset=x"), essence(""))


@pytest.mark.parametrize(
    ("claimed", "allowed"),
    [
        ("audio/x-wav", "audio/wav"),
        ("audio/x-m4a", "audio/mp4"),
        ("video/x-matroska", "video/matroska"),
        ("application/x-zip-compressed", "application/zip"),
        ("image/pjpeg", "image/jpeg"),
    ],
)
def test_a_policy_of_one_name_allows_the_others(claimed, allowed):
    """Whichever name of a type the policy or the browser has, it is one type."""
    assert (True, True) == (allows((allowed,), claimed), allows((claimed,), allowed))


@given(st.binary(max_size=64), st.sampled_from([UNKNOWN, *map(guess_content_type, {**HEADS, **TEXTS})]))
def test_any_bytes_are_judged(head, claimed):
    """Nothing fails on any bytes, and whatever they show has a signature."""
    assert all(map(has_signature, sniff_type(head)[:1]))
    assert refusal(claimed, head) is None or refusal(claimed, head)


@given(st.integers(0, HEAD_BYTES - 100), st.sampled_from([b" ", b"\n", b"\0"]))
def test_blanks_do_not_hide_a_page(count, blank):
    """However many blanks stand before it within what a browser looks at, a page is a page."""
    assert looks_active(blank * count + b"<script>alert(1)</script>")
