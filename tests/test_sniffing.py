"""The first bytes of a file: the types that they show, and whether they fit the claimed one."""

from __future__ import annotations

import io
import struct
import wave
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assetstore.content.sniffing import HEAD_BYTES, allows, essence, has_signature, refusal
from assetstore.plugin import guess_content_type, looks_active, sniff_type

UNKNOWN = "application/octet-stream"


def zipped() -> bytes:
    """Return a ZIP file."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a", "b")
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
    "late.pdf": b"\xef\xbb\xbf\r\n%PDF-1.4",
    "a.zip": zipped(),
    "a.epub": zipped(),
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
    kind = guess_content_type(name)
    assert (True, True, None) == (kind in sniff_type(HEADS[name]), has_signature(kind), refusal(kind, HEADS[name]))
    assert not looks_active(HEADS[name])


@pytest.mark.parametrize("name", HEADS)
def test_a_type_with_a_beginning_has_to_show_it(name):
    """A claim whose beginning is known is refused for any other bytes: none, text, a page, another format."""
    claimed = guess_content_type(name)
    others = [head for head in HEADS.values() if claimed not in sniff_type(head)]
    for head in (b"", b"text", HEADS[name][:1], *ACTIVE, *others):
        assert refusal(claimed, head) is not None


@pytest.mark.parametrize("name", HEADS)
def test_a_known_format_is_refused_as_text_or_markup(name):
    """A picture, sound or archive cannot be text, a page, a font or a model, but a vendor's container."""
    for claimed in ("text/plain", "text/html", "image/svg+xml", "application/xhtml+xml", "font/woff2", "model/gltf+json"):
        assert f"the bytes are {sniff_type(HEADS[name])[0]} and not {claimed}" == refusal(claimed, HEADS[name])
    for claimed in (UNKNOWN, "application/vnd.oasis.opendocument.text", "application/x-anything"):
        assert refusal(claimed, HEADS[name]) is None


def test_a_format_built_on_another_one_is_taken():
    """A raw photograph begins as TIFF does, and is claimed as itself; a sound is no photograph."""
    assert refusal("image/x-adobe-dng", HEADS["a.tiff"]) is None
    assert refusal("image/x-adobe-dng", HEADS["a.flac"]) is not None


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
    """A page is no picture, no unknown bytes, and nothing that an application may open by itself."""
    for claimed in (UNKNOWN, "image/x-anything", "application/json", "application/pdf", "video/x-anything", "text/csv"):
        expected = None if claimed == "text/csv" and head in SCRIPTS else str
        assert expected is None or isinstance(refusal(claimed, head), expected)


def test_active_content_is_taken_as_what_it_is():
    """Active content is accepted under its own type, with parameters or without."""
    for head in MARKUP:
        for claimed in ("text/html; charset=utf-8", "IMAGE/SVG+XML", "application/xhtml+xml", "text/xml", "text/markdown"):
            assert refusal(claimed, head) is None
    for head in SCRIPTS:
        for claimed in ("application/x-sh", "text/x-python", "text/plain", "text/javascript"):
            assert refusal(claimed, head) is None
    for head in PHP:
        assert refusal("application/x-httpd-php", head) is None


def test_what_begins_like_nothing_is_taken():
    """Bytes without a known signature may have any type without one."""
    for claimed in (UNKNOWN, "text/plain", "model/gltf-binary", "font/woff2", "application/json", "image/svg+xml"):
        assert refusal(claimed, b"glTF\x02\0\0\0") is None


def test_what_claims_nothing_is_judged_by_what_it_is():
    """A policy of documents takes a PDF as unknown bytes and no picture, unless it names unknown bytes themselves."""
    head = HEADS["a.png"]
    assert "the bytes are image/png, which is not allowed" == refusal(UNKNOWN, head, ("application/*",))
    assert [None, None] == [refusal(UNKNOWN, head, ("application/*", kind)) for kind in (UNKNOWN, "image/png")]
    assert [None, None] == [refusal(UNKNOWN, start, ("application/*",)) for start in (HEADS["a.pdf"], b"bytes")]


def test_a_policy_names_types_and_patterns():
    """``*`` stands for any part of a type; capitals and parameters do not count; no types at all allow everything."""
    types = ("image/*", "application/pdf")
    assert (True, True, True) == (allows(types, "image/png"), allows(types, "Application/PDF; a=b"), allows((), "a/b"))
    assert (False, False) == (allows(types, "text/html"), allows(types, "application/pdf2"))
    assert ("image/png", UNKNOWN) == (essence(" Image/PNG ; charset=x"), essence(""))


@given(st.binary(max_size=64), st.sampled_from([UNKNOWN, *map(guess_content_type, HEADS)]))
def test_any_bytes_are_judged(head, claimed):
    """Nothing fails on any bytes, and a claim that has a signature is taken exactly when the bytes show it."""
    found = sniff_type(head)
    assert all(map(has_signature, found))
    if has_signature(claimed):
        assert (refusal(claimed, head) is None) == (claimed in found)


@given(st.integers(0, HEAD_BYTES - 100), st.sampled_from([b" ", b"\n", b"\0"]))
def test_blanks_do_not_hide_a_page(count, blank):
    """However many blanks stand before it within what a browser looks at, a page is a page."""
    assert looks_active(blank * count + b"<script>alert(1)</script>")
