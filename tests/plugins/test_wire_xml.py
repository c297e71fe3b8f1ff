"""The XML of S3 as ten services write it, and as no service should."""

from __future__ import annotations

from urllib.parse import quote_plus, unquote_plus

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from assetstore_r2.wire import xml
from assetstore_r2.wire.client import _decoded

PAGE = """<?xml version="1.0" encoding="UTF-8"?>
<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>assets</Name><Prefix></Prefix>\
<Contents><Key>a&amp;b</Key><ETag>&#34;x&#34;</ETag><Size>3</Size><Owner><ID>me</ID><DisplayName/></Owner></Contents>\
<Contents><Key>c d</Key><Size>4</Size></Contents><CommonPrefixes><Prefix>p/</Prefix></CommonPrefixes>\
<IsTruncated>false</IsTruncated></ListBucketResult>"""
ENTRY = {"Key": "a&b", "ETag": '"x"', "Size": "3"}


def laid_out(page: str, line: str) -> bytes:
    """Return a document with blanks before each element and before the end of each that holds others."""
    return page.replace("><", f">{line}<").replace(f"<Prefix>{line}</Prefix>", "<Prefix></Prefix>").encode()


@pytest.mark.parametrize("line", ["", "\n", "\n    ", "\r\n\t", " "], ids=["compact", "lines", "indented", "tabs", "blanks"])
def test_how_a_document_is_laid_out_makes_no_difference(line: str) -> None:
    """Some services indent their answers; no blank of that gets into a key."""
    found = xml.read(laid_out(PAGE, line))
    assert found is not None
    assert ("ListBucketResult", "false") == (found.root, found.texts["IsTruncated"])
    assert [ENTRY, {"Key": "c d", "Size": "4"}] == [
        {name: text for name, text in texts.items() if name in ENTRY} for texts in found.groups["Contents"]
    ]
    assert [{"Prefix": "p/"}] == found.groups["CommonPrefixes"]


@pytest.mark.parametrize("line", ["", "\n  "])
def test_blanks_at_the_ends_of_a_text_belong_to_it(line: str) -> None:
    """A service that does not encode keys may list one that begins with a blank."""
    found = xml.read(laid_out("<L><Contents><Key> a </Key><ETag>x</ETag></Contents></L>", line))
    assert found is not None
    assert [" a "] == texts_of(found, "Key")


@pytest.mark.parametrize(
    ("data", "root"),
    [
        (b"<Error><Code>NoSuchKey</Code></Error>", "Error"),
        (b"\n  \n<Error><Code>NoSuchKey</Code></Error>", "Error"),
        (b'  \r\n<?xml version="1.0"?>\n\n<Error><Code>NoSuchKey</Code></Error>\n', "Error"),
        (b'\xef\xbb\xbf<?xml version="1.0"?><Error><Code>NoSuchKey</Code></Error>', "Error"),
        (b'<?xml version="1.0"?>     \n   \n <Error>\n <Code>NoSuchKey</Code></Error>', "Error"),
        ('<?xml version="1.0" encoding="UTF-16"?><Error><Code>NoSuchKey</Code></Error>'.encode("utf-16"), "Error"),
    ],
    ids=["plain", "lines first", "blanks before the declaration", "byte order mark", "blanks after it", "UTF-16"],
)
def test_an_error_is_read_whatever_stands_before_it(data: bytes, root: str) -> None:
    """Services send blanks to keep a connection open while they join parts."""
    found = xml.read(data)
    assert found is not None
    assert (root, "NoSuchKey") == (found.root, found.texts["Code"])


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"   ",
        b"Internal Server Error",
        b"<html><body><p>Welcome</body></html>",
        b"<Error><Code>NoSuchKey</Co",
        b"<Error><Code>\x01</Code></Error>",
        b"<Error><Code>\xff</Code></Error>",
        b'<?xml version="1.0" encoding="x-odd"?><Error/>',
        b"<a/><b/>",
        b'<!DOCTYPE x [<!ENTITY a "aaaaaaaa"><!ENTITY b "&a;&a;">]><Error><Code>&b;</Code></Error>',
        b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><Error><Code>&a;</Code></Error>',
        b"<Error>" * 100_000,
        b'{"error": 1}',
        b"\0" * 100,
    ],
    ids=lambda data: repr(data[:30]),
)
def test_what_is_no_document_is_none(data: bytes) -> None:
    """Plain texts, pages of proxies, cut documents and entities never raise, and never give a part of a document."""
    assert xml.read(data) is None


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_no_bytes_raise(data: bytes) -> None:
    """Whatever is received, reading it gives a document or none."""
    xml.read(data)


@given(st.integers(0, len(PAGE) - 1), st.integers(0, 255))
def test_no_changed_byte_raises(place: int, byte: int) -> None:
    """The same of a listing with one byte changed."""
    data = bytearray(PAGE.encode())
    data[place] = byte
    xml.read(bytes(data))


ALIKE = """<?xml version="1.0" encoding="UTF-8"?>
<L><Name>assets</Name><Contents><Key>a b</Key><ETag>&quot;x&quot;</ETag></Contents><Contents><Key>ä</Key><ETag></ETag>\
</Contents><IsTruncated>true</IsTruncated></L>"""
ODD = ("<!--", "-->", "<![CDATA[", "]]>", "<?x ", "?>", "&amp;", "&#34;", "&", "<", ">", "\r\n", "\x01", "\ufffe", "/")
PARTS = ("<Contents>", "</Contents>", "<Key>", "</Key>", "<Key/>", "<L>", "</L>", "<Contents/>", "<Prefix>p</Prefix>")


def texts_of(document: xml.Document, name: str) -> list[str | None]:
    """Return the texts of an element of all assets."""
    if document.columns:
        return list(document.columns.get(name, [None] * len(next(iter(document.columns.values())))))
    return [entry.get(name) for entry in document.groups["Contents"]]


RUN = (ALIKE.index("<Contents>") + 1, ALIKE.index("<IsTruncated>") - 1)


@given(st.integers(*RUN), st.integers(0, 30), st.sampled_from(ODD + PARTS) | st.text(max_size=3))
@example(ALIKE.index("<L>") + 3, 0, "<!--")
@example(ALIKE.index("<Contents>"), 0, "<?x ")
@example(ALIKE.index("UTF-8"), 5, "ISO-8859-1")
def test_assets_that_are_built_alike_are_read_as_the_parser_reads_them(place: int, length: int, text: str) -> None:
    """The quick way for a page whose elements are all built alike never sees other assets than the parser, nor fewer."""
    data = (ALIKE[:place] + text + ALIKE[place + length :]).encode("utf-8", "replace")
    quick, slow = xml.read(data), xml._read(data)
    assert (quick is None) == (slow is None)
    if quick is not None and slow is not None:
        assert [entry.get("Key") for entry in slow.groups["Contents"]] == texts_of(quick, "Key")
        assert [entry.get("ETag") for entry in slow.groups["Contents"]] == texts_of(quick, "ETag")
        assert (quick.root, quick.texts.get("IsTruncated")) == (slow.root, slow.texts.get("IsTruncated"))


def test_most_listings_need_no_parser_for_their_assets() -> None:
    """What is as the services write it is read the quick way."""
    columns, rest = xml._columns(ALIKE.encode())
    assert {"Key": ["a b", "ä"], "ETag": ['"x"', ""]} == {name: list(texts) for name, texts in columns.items()}
    assert b"Contents" not in rest


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"))))
def test_what_is_written_is_read_back(keys: list[str]) -> None:
    """Every key that XML can hold survives."""
    found = xml.read(xml.write("Delete", "Contents", [{"Key": key} for key in keys]))
    assert found is not None
    assert [{"Key": key} for key in keys] == found.groups["Contents"]


@given(st.text("%2F05+ aé\n", max_size=12) | st.text(max_size=10).map(lambda key: quote_plus(key, errors="replace")))
@example("maps%2Flevel%201%2Fa+b.webp")
@example("100%25%2520")
def test_a_key_of_a_listing_is_decoded_as_by_urllib(text: str) -> None:
    """The quick way for keys with slashes and blanks alone gives what the slow one gives."""
    assert unquote_plus(text) == _decoded(text)
