"""What a notebook shows of results: ``_repr_html_``, which IPython and Jupyter call."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from assetstore import AssetInfo, AssetStore, ListPage, Prefix
from assetstore.testing import FaultyBackend, MemoryBackend
from assetstore_stats import Stats


class Table(HTMLParser):
    """Reads the rows of a table, and the names of all tags."""

    def __init__(self, shown: Any) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.tags: set[str] = set()
        self.feed(shown._repr_html_())
        self.close()

    def handle_starttag(self, tag: str, attrs: object) -> None:
        """Begin a row or a cell."""
        self.tags.add(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("th", "td"):
            self.rows[-1].append("")

    def handle_data(self, data: str) -> None:
        """Add to the cell."""
        self.rows[-1][-1] += data


def test_an_asset_is_a_table_of_what_is_known() -> None:
    """Each known field is a row; unknown ones are left out."""
    info = AssetInfo(key="maps/keep.webp", size=1_234_567, content_type="image/webp", metadata={"by": "gm", "é": "1"})
    expected = [["field", "value"], ["key", "maps/keep.webp"], ["size", "1,234,567"]]
    expected += [["content_type", "image/webp"], ["metadata", "by: gm\né: 1"]]
    assert expected == Table(info).rows
    assert ["size", "1"] in Table(AssetInfo(key="a", size=1)).rows
    assert ["valid", "False"] in Table(AssetInfo(key="../a", size=0, valid=False)).rows


@given(st.text(min_size=1), st.text())
def test_nothing_of_an_asset_becomes_markup(key: str, text: str) -> None:
    """Keys and metadata come from anybody: whatever they hold, the table has the tags of a table alone."""
    info = AssetInfo(key=f"<script>{key}", size=1, content_type=f"</td><img src=x onerror={text}>", metadata={text: key})
    page = ListPage(items=(info,), prefixes=(Prefix(key=f"<b>{key}/"),))
    assert {"table", "tr", "th", "td"} == Table(info).tags == Table(page).tags


def test_a_page_is_a_table_of_its_assets_and_prefixes() -> None:
    """Rows are in the order of keys, and a last row says that more follow."""
    store = AssetStore(MemoryBackend())
    for key in ("b/1", "a", "c"):
        store.upload(b"abc", key, content_type="text/plain")
    rows = Table(store.list_page(recursive=False)).rows
    assert (["key", "size", "last_modified", "content_type"], ["a", "b/", "c"]) == (rows[0], [row[0] for row in rows[1:]])
    assert [["3", "text/plain"], ["", ""], ["3", "text/plain"]] == [[row[1], row[3]] for row in rows[1:]]
    assert ["a", "…"] == [row[0] for row in Table(store.list_page(limit=1)).rows[1:]]


def test_showing_a_listing_reads_nothing_of_it() -> None:
    """The iterator names its prefix, asks the backend for nothing and is not used up."""
    spy = FaultyBackend(MemoryBackend())
    store = AssetStore(spy)
    store.upload(b"abc", "maps/a")
    spy.calls.clear()
    listing = store.list("maps/")
    assert "<listing of 'maps/': loop over it; list_page() shows a table>" == repr(listing)
    assert [] == spy.calls
    assert "maps/a" == next(listing).key
    assert [] == list(listing)


def test_statistics_are_a_table_of_what_happened() -> None:
    """Operations are rows; those that never happened are left out."""
    with AssetStore(MemoryBackend(), plugins=[Stats()]) as store:
        store.upload(b"abc", "a")
        stats = store.stats()
        rows = Table(stats).rows
    assert ["operation", "count", "bytes", "errors", "seconds"] == rows[0]
    assert [["uploads", "1", "3", "0"]] == [row[:4] for row in rows[1:]]
