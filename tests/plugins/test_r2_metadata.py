"""Metadata of any text survive headers of ASCII, on services that decode RFC 2047 and on those that do not."""

from __future__ import annotations

import base64
from email.header import decode_header

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from r2_stand_in import backend_on, put

from assetstore import AssetInfo
from assetstore.plugin import StatOptions, decode_metadata, encode_metadata
from assetstore_r2.headers import SHA256

NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,10}", fullmatch=True).filter(lambda name: not name.startswith("assetstore-"))
TEXT = st.text(st.characters(blacklist_categories=["Cc", "Cs"]), max_size=40)
WORDS = st.builds("=?utf-8?{}?{}?=".format, st.sampled_from("qQbB"), st.text("aA=_4?", max_size=8))
VALUES = TEXT | WORDS | st.tuples(TEXT, WORDS, TEXT).map("".join)
ODD = {"umlaut": "Müller", "word": "=?utf-8?Q?x?=", "edges": "  a  ", "empty": "", "both": " =?utf-8?b?w7w=?= ü"}


def as_r2_stores(value: str) -> str:
    """Decode metadata as R2 does when it stores, and encode non-ASCII text as it does when it responds."""
    pieces = decode_header(value.strip())
    text = "".join(piece if isinstance(piece, str) else piece.decode(charset or "ascii") for piece, charset in pieces)
    text = text.strip()
    return text if text.isascii() else f"=?utf-8?b?{base64.b64encode(text.encode()).decode()}?="


@given(st.dictionaries(NAMES, VALUES, max_size=4))
@example({"a": "=?utf-8?Q?x?="})
@example({"a": " =?utf-8?b?w7w=?= "})
@example({"a": "", "b": " "})
@example({"a": "=?"})
@example({"a": "%41", "b": "=?%41"})
def test_metadata_round_trip_wherever_they_are_stored(metadata: dict[str, str]) -> None:
    """Metadata come back as given, from a plain service and from one that decodes and encodes RFC 2047."""
    headers = encode_metadata(metadata)
    assert all(value.isascii() and value.isprintable() and value == value.strip() for value in headers.values())
    assert metadata == decode_metadata(headers)
    assert metadata == decode_metadata({name: as_r2_stores(value) for name, value in headers.items()})


@given(st.text(max_size=30))
@example("=?nonsense?q?x?=")
@example("=?utf-8?b?w?=")
@example("=?utf-8?b?//8=?=")
def test_foreign_metadata_never_raise(value: str) -> None:
    """Whatever another program stored is shown in some way."""
    assert {"a"} == set(decode_metadata({"a": value}))


def test_our_own_metadata_are_not_shown() -> None:
    """Names that begin with assetstore- stay inside."""
    assert {"by": "gm"} == decode_metadata({"by": "gm", SHA256: "00", "assetstore-later": "x"})


@pytest.mark.parametrize("name", ["seaweedfs", "emulator"])
def test_odd_metadata_survive_a_real_server(name: str, request: pytest.FixtureRequest, unique_prefix: str) -> None:
    """Umlauts, encoded words, blanks at the edges and empty values come back as given."""
    backend = backend_on(request.getfixturevalue(name))
    put(backend, f"{unique_prefix}a", b"x", metadata=ODD)
    info = backend.assetstore_stat(key=f"{unique_prefix}a", options=StatOptions())
    backend.assetstore_close()
    assert isinstance(info, AssetInfo)
    assert ODD == dict(info.metadata or {})
