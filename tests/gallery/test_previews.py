"""Texts, tables and JSON on the page of an asset."""

from __future__ import annotations

import json

import pytest
from asking import Visit
from hypothesis import example, given
from hypothesis import strategies as st

from assetstore import open_store
from assetstore_gallery.previews import COLUMNS, ROWS, TEXT_BYTES, preview

TEXT = "Drachenhöhle – 12 €"


def test_a_table_is_shown_as_one(visit: Visit) -> None:
    """Cells stand in rows under their headings, escaped, and JSON has them too."""
    with open_store("memory:") as store:
        store.upload(b"name;damage\n<b>Sword</b>;1d8\n", "weapons.csv")
        client = visit(store)
        page = client.get("/asset", params={"key": "weapons.csv"}).text
        facts = client.get("/asset.json", params={"key": "weapons.csv"}).json()
    assert "<th scope=col>name<th scope=col>damage" in page
    assert "<td>&lt;b&gt;Sword&lt;/b&gt;<td>1d8" in page
    assert ([["name", "damage"], ["<b>Sword</b>", "1d8"]], True) == (facts["table"], facts["text_is_whole"])


def test_a_long_text_says_that_it_goes_on(visit: Visit) -> None:
    """Its beginning is shown, without half a character at the end."""
    with open_store("memory:") as store:
        store.upload(b"x" + "é".encode() * TEXT_BYTES, "long.txt", content_type="text/plain; charset=utf-8")
        client = visit(store)
        facts = client.get("/asset.json", params={"key": "long.txt"}).json()
        page = client.get("/asset", params={"key": "long.txt"}).text
    assert ("x" + "é" * (TEXT_BYTES // 2 - 1), False) == (facts["text"], facts["text_is_whole"])
    assert "This is the beginning" in page


@pytest.mark.parametrize(
    ("encoding", "content_type"),
    [
        ("utf-8", "text/plain"),
        ("utf-8-sig", "text/plain"),
        ("utf-16", "text/plain; charset=iso-8859-1"),
        ("cp1252", "text/plain"),
        ("cp1252", 'text/plain; charset="Windows-1252"'),
        ("iso8859-15", "text/plain; charset=ISO-8859-15"),
        ("utf-8", "text/plain; charset=unicode_escape"),
        ("utf-8", "text/plain; charset=nonsense"),
    ],
)
def test_a_text_is_read_in_its_encoding(encoding: str, content_type: str) -> None:
    """A mark at its beginning counts most, then its charset, then UTF-8, then Windows-1252."""
    text = TEXT.replace("–", "-") if encoding == "iso8859-15" else TEXT
    assert text == preview(text.encode(encoding), content_type, is_whole=True).text


def test_a_table_is_shown_up_to_100_rows_and_50_columns() -> None:
    """Of a longer or wider one it is said that it goes on; a row that may be cut off is left out."""
    line = b"\t".join([b"x"] * 60) + b"\n"
    wide = preview(line, "text/tab-separated-values", is_whole=True)
    long = preview(b"a,b\n" * 101, "text/csv", is_whole=True)
    cut = preview(b"a,b\n1,2\n3,", "text/csv", is_whole=False)
    assert ([["x"] * COLUMNS], False) == (wide.table, wide.is_whole)
    assert ([["a", "b"]] * ROWS, False) == (long.table, long.is_whole)
    assert ([["a", "b"], ["1", "2"]], False) == (cut.table, cut.is_whole)


@pytest.mark.parametrize(
    "text", ['{"a":1,"a":2}', "[1.0000]", "[1e400]", "[NaN]", "[" * 50_000, "{", '"\\ud800"', f"[{'9' * 5000}]"]
)
def test_json_that_indenting_would_change_stays_as_it_is(text: str) -> None:
    """Names that stand twice and numbers that Python writes in another way are shown as they are."""
    assert text == preview(text.encode(), "application/json", is_whole=True).text


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(VALUES)
def test_json_keeps_its_value(value: object) -> None:
    """It is indented, and still means the same."""
    shown = preview(json.dumps(value).encode(), "application/json", is_whole=True).text
    assert value == json.loads(shown)


@given(st.binary(), st.sampled_from(["text/csv", "text/plain", "application/json"]), st.text(max_size=12), st.booleans())
@example(b"", "text/csv", "", False)
@example(b"\xff\xfea", "text/plain", "", True)
def test_any_bytes_can_be_shown(data: bytes, essence: str, charset: str, is_whole: bool) -> None:
    """Whatever they are, a page can be made of them."""
    shown = preview(data, f"{essence}; charset={charset}", is_whole=is_whole)
    assert [shown.text, shown.table] == json.loads(json.dumps([shown.text, shown.table], ensure_ascii=False).encode())
