"""An upload policy, as an installed wrapper: what breaks a rule is never stored."""

from __future__ import annotations

import gzip
import itertools
import re
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from assetstore import AssetStore, InvalidOptionError
from assetstore.testing import FaultyBackend

Open: TypeAlias = Callable[..., AssetStore]
Stack: TypeAlias = Callable[..., tuple[AssetStore, FaultyBackend]]

DATA = b"".join(b"%015d\n" % number for number in range(10_000))

HEADS = {
    "image/png": b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR",
    "image/jpeg": b"\xff\xd8\xff\xe0\x00\x10JFIF\x00",
    "image/gif": b"GIF89a\x01\x00\x01\x00",
    "image/webp": b"RIFF\x1a\x00\x00\x00WEBPVP8 ",
    "image/avif": b"\x00\x00\x00\x1cftypavif\x00\x00\x00\x00",
    "application/pdf": b"%PDF-1.7\n",
    "audio/ogg": b"OggS\x00\x02\x00\x00",
    "audio/mpeg": b"ID3\x04\x00\x00\x00\x00",
    "audio/wav": b"RIFF\x24\x00\x00\x00WAVEfmt ",
    "video/mp4": b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00",
    "video/webm": b"\x1a\x45\xdf\xa3\x01\x00\x00\x00",
}


def test_bytes_have_to_be_what_they_are_declared_as(stacked: Stack) -> None:
    """Each of the known types is taken as itself, with parameters too, and under no other one's name."""
    store, _ = stacked("policy")
    for (kind, head), declared in itertools.product(HEADS.items(), [*HEADS, "text/html", "image/svg+xml"]):
        if kind == declared:
            store.upload(head, "a", content_type=f"{declared}; x=y")
            continue
        with pytest.raises(InvalidOptionError, match=re.escape(f"are {kind} and not {declared}")):
            store.upload(head, "a", content_type=declared)
    for kind in HEADS:
        with pytest.raises(InvalidOptionError, match=f"do not begin as {kind} does"):
            store.upload(b"<script>alert(1)</script>", "a", content_type=kind)
    with pytest.raises(InvalidOptionError, match="HTML, SVG, XML or a script"):
        store.upload(b"<script>alert(1)</script>", "a", content_type="text/plain")
    for declared in ("text/plain", "application/octet-stream"):
        assert 9 == store.upload(b"free text", "a", content_type=declared).size


def test_packed_bytes_are_refused_where_they_would_be_looked_into(stacked: Stack) -> None:
    """A coding hides what the bytes are; a policy that does not look takes them."""
    with pytest.raises(InvalidOptionError, match="content_encoding must be empty"):
        stacked("policy")[0].upload(gzip.compress(b"<script>alert(1)</script>"), "a.txt", content_encoding="gzip")
    assert "gzip" == stacked("policy", sniff=False)[0].upload(b"packed", "a.css", content_encoding="gzip").content_encoding


def test_a_stream_is_looked_into_and_stored_whole(stacked: Stack) -> None:
    """What was looked at of a stream that can be read only once is stored with the rest."""
    store, _ = stacked("policy", max_size=1_000)
    store.upload(iter([HEADS["image/png"][:5], HEADS["image/png"][5:], b"rest"]), "a.png")
    assert HEADS["image/png"] + b"rest" == store.read("a.png")


def test_only_allowed_types_are_stored(opened: Open) -> None:
    """Types and patterns of types are allowed; what declares nothing is taken by what its bytes are."""
    store = opened('url = "memory:"\nwrappers = ["policy"]', policy='allowed_types = ["image/*", "application/pdf"]')
    for name, kind in (("a.png", "image/png"), ("b", "image/webp"), ("c.pdf", "application/pdf")):
        store.upload(HEADS[kind], name)
    for name, data in (("d.html", b"<p>"), ("e", b"bytes"), ("f.mp3", HEADS["audio/mpeg"])):
        with pytest.raises(InvalidOptionError, match=r"must be one of image/\*, application/pdf, got"):
            store.upload(data, name)
    with pytest.raises(InvalidOptionError):
        store.update("a.png", content_type="text/html")
    assert ["a.png", "b", "c.pdf"] == [info.key for info in store.list()]


def test_nothing_too_large_is_ever_stored(stacked: Stack, tmp_path: Path) -> None:
    """A known size is refused before anything is sent, an endless stream soon after the bound; the old asset stays."""
    store, backend = stacked("policy", max_size=len(DATA))
    path = tmp_path / "large"
    path.write_bytes(DATA + b"x")
    store.upload(iter([DATA]), "a")
    backend.calls.clear()
    for source in (DATA + b"x", path):
        with pytest.raises(InvalidOptionError, match=f"at most {len(DATA)} bytes"):
            store.upload(source, "a")
    assert [] == backend.calls
    for key in ("a", "b"):
        with pytest.raises(InvalidOptionError, match=f"at most {len(DATA)} bytes"):
            store.upload(itertools.repeat(DATA), key)
    assert [("a", len(DATA))] == [(info.key, info.size) for info in store.list()]
