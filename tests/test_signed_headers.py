"""HTTP headers of more than ASCII: others can read them, and decoding restores them."""

from __future__ import annotations

from email.message import EmailMessage
from email.utils import unquote as unquote_whole
from urllib.parse import unquote

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from assetstore import InvalidOptionError
from assetstore.plugin import PresignOptions, attachment, decode_metadata, encode_metadata
from assetstore.signed_headers import answered, bound, r2_metadata_size, require_r2_metadata
from assetstore.testing.contract.signing import saved_as

TEXTS = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=40)
NAMES = st.from_regex(r"[b-z][a-z0-9-]{0,8}", fullmatch=True)


@given(TEXTS)
@example('a"b\\c%20;d/e.png')
@example("地図 🐉.webp")
@example("'quoted' & *starred*=")
def test_any_file_name_comes_back(name: str) -> None:
    """A reader of RFC 6266 finds the very name, in a header of printable ASCII."""
    header = attachment(name)
    assert header.isascii()
    assert header.isprintable()
    assert ("attachment", name) == (header.partition(";")[0], saved_as(header))


@given(TEXTS)
def test_readers_that_know_no_more_than_ascii_find_a_name_too(name: str) -> None:
    """The plain parameter is a quoted string without escapes, and of as many characters."""
    plain = attachment(name).split('"')[1]
    assert (len(name), True) == (len(plain), set(plain).isdisjoint('"\\%/'))


@given(TEXTS)
@example("地図.webp")
@example('""')
@example("<a>")
@example(' "ä" ')
def test_pythons_own_reader_agrees(name: str) -> None:
    """The standard library's parser of parameters (RFC 2231) finds the same."""
    # It decodes encoded words where RFC 2047 allows none.
    assume("=?" not in name)
    header = attachment(name)
    # That parser strips the blanks of any script, and quotes or angle brackets around a whole name, quoted or not.
    expected = unquote_whole(name).strip()
    if "filename*" not in header:
        assert expected == str(_parsed(header)).strip()
        return
    extended = header.rpartition("filename*=")[2]
    assert name == unquote(extended.removeprefix("UTF-8''"))
    assert expected == str(_parsed(f"attachment; filename*={extended}")).strip()


@given(st.dictionaries(NAMES, st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=40), max_size=4))
@example({"by": " =?utf-8?q?x?= "})
@example({"by": "", "title": "地図"})
def test_metadata_come_back(metadata: dict[str, str]) -> None:
    """Encoded values are printable ASCII without blanks at the ends, and decode to the same text."""
    encoded = encode_metadata(metadata)
    values = list(encoded.values())
    assert all(value.isascii() and value.isprintable() and value == value.strip() for value in values)
    assert metadata == decode_metadata(encoded)


@given(st.dictionaries(NAMES, st.text("abc é", max_size=4), max_size=4))
def test_an_empty_value_may_be_lost_on_the_way(metadata: dict[str, str]) -> None:
    """Some services drop a header without a value; the metadata are the same all the same."""
    assert metadata == decode_metadata({name: value for name, value in encode_metadata(metadata).items() if value})


def test_plain_metadata_stay_as_they_are() -> None:
    """Plain ASCII is not encoded."""
    assert {"by": "gm", "table": "4"} == encode_metadata({"by": "gm", "table": "4"})
    assert {} == encode_metadata(None)


@pytest.mark.parametrize("value", ["=?", "=?no-such-charset?q?x?=", "=?utf-8?b?/w==?=", "=?utf-8?x?a?="])
def test_metadata_of_others_that_cannot_be_decoded_stay_as_they_are(value: str) -> None:
    """A header that only looks like an encoded word is shown, and nothing raises."""
    assert {"by": value} == decode_metadata({"by": value})


def test_encoded_words_of_others_are_decoded() -> None:
    """RFC 2047 is what R2 and the SDKs of others write."""
    assert {"by": "Jürgen"} == decode_metadata({"by": "=?iso-8859-1?q?J=FCrgen?="})
    assert {"by": "gm", "x": "地図"} == decode_metadata({"by": "gm", "x": "=?UTF-8?B?5Zyw5Zuz?=", "assetstore-write": "0"})


def test_pieces_of_text_are_put_together_as_they_are() -> None:
    """Encoded words stand beside plain text and bytes without a charset."""
    assert {"by": "a ü b é"} == decode_metadata({"by": "a =?utf-8?b?w7w=?= b =?iso-8859-1?q?=E9?="})
    assert {"by": "\u00fc =? é"} == decode_metadata({"by": "\u00fc =? =?utf-8?q?=C3=A9?="})


@pytest.mark.parametrize(
    ("text", "size"),
    [("", 0), ("abc", 3), ("\u00ff" * 3, 3), ("\u0100", 2), ("ab\u0100", 6), ("\U0001f409", 4), ("a\U0001f409", 6)],
)
def test_metadata_are_counted_as_r2_counts_them(text: str, size: int) -> None:
    """UTF-16 units, twice in a text beyond U+00FF, with 129 of assetstore's own; an empty value is named as escaped."""
    escaped = len("assetstore-escaped") + len("n") if not text else 0
    assert 129 + len("n") + size + escaped == r2_metadata_size({"n": text})
    assert 129 == r2_metadata_size({})


def test_metadata_larger_than_r2_takes_are_refused() -> None:
    """The error has R2's words and both sizes."""
    require_r2_metadata({"n": "x" * 8062})
    require_r2_metadata(None)
    with pytest.raises(InvalidOptionError) as caught:
        require_r2_metadata({"n": "x" * 8063})
    limit = "Your metadata headers exceed the maximum allowed metadata size. R2 counts 8193, allows 8192"
    assert f"{limit}; shorten it; a text with any character beyond U+00FF counts twice" == str(caught.value)


def test_a_signed_put_is_bound_to_what_it_was_given() -> None:
    """Headers, metadata, length, digest and create-only have S3's names, in order; nothing else is bound."""
    options = PresignOptions(
        method="PUT",
        content_type="image/webp",
        cache_control="no-store",
        content_length=0,
        overwrite=False,
        sha256="00" * 32,
        metadata={"by": "ü"},
    )
    expected = [
        ("cache-control", "no-store"),
        ("content-length", "0"),
        ("content-type", "image/webp"),
        ("if-none-match", "*"),
        ("x-amz-checksum-sha256", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="),
        ("x-amz-meta-by", "=?utf-8?b?w7w=?="),
    ]
    assert expected == list(bound(options).items())
    assert {} == bound(PresignOptions(method="PUT"))
    assert {} == bound(PresignOptions(method="GET", content_type="image/webp"))


def test_the_answer_to_a_signed_get_is_bound_too() -> None:
    """Its type and the name to save it under; a HEAD has no type of its own."""
    assert {} == answered(PresignOptions())
    both = PresignOptions(content_type="image/webp", download_as="a.webp")
    assert {"content-disposition": 'attachment; filename="a.webp"', "content-type": "image/webp"} == answered(both)
    assert {} == answered(PresignOptions(method="PUT", content_type="image/webp"))


def _parsed(header: str) -> str | None:
    message = EmailMessage()
    message["content-disposition"] = header
    return message.get_filename()
