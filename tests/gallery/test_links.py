"""The links that people copy, and the fields they stand in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from asking import Visit
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from assetstore import AssetStore, open_store
from assetstore_gallery.links import markdown

MARKS = st.text(st.sampled_from("ab é\\`*_[]()<>&;~|!#\"'.-"), min_size=1, max_size=12)


@given(name=MARKS.map(str.strip).filter(bool), is_picture=st.booleans())
def test_markdown_is_one_link_whose_text_is_the_name(name: str, is_picture: bool) -> None:
    """Whatever a name holds, CommonMark reads one link or one picture with this name, and nothing beside it."""
    url = "https://files.example/a%20(b).png?x=<1>"
    tokens: Any = MarkdownIt("commonmark").parseInline(markdown(name, url, is_picture=is_picture))[0].children
    address = "https://files.example/a%20%28b%29.png?x=%3C1%3E"
    if is_picture:
        assert [("image", address)] == [(each.type, each.attrs["src"]) for each in tokens]
        assert name == "".join(each.content for each in tokens[0].children)
    else:
        assert ("link_open", address, "link_close") == (tokens[0].type, tokens[0].attrs["href"], tokens[-1].type)
        assert name == "".join(each.content for each in tokens[1:-1])


@pytest.fixture
def folder(tmp_path: Path) -> Any:
    """Give a store that signs links and has public ones."""
    with open_store({"url": f"file:{tmp_path}", "public_url": "https://files.example/"}) as store:
        store.upload(b"x", "maps/a_[1].png")
        yield store


def test_a_signed_link_is_made_when_it_is_asked_for(folder: AssetStore, visit: Visit) -> None:
    """No page has one before; one that has it is neither kept nor packed, and works for the time that was chosen."""
    client = visit(folder)
    before = client.get("/asset", params={"key": "maps/a_[1].png"})
    assert ("gzip", False) == (before.headers["content-encoding"], "expires=" in before.text.lower())
    asked = {"key": "maps/a_[1].png", "minutes": "15"}
    page, twin = (client.get(path, params=asked) for path in ("/asset", "/asset.json"))
    assert ["no-store"] * 2 == [each.headers["cache-control"] for each in (page, twin)]
    assert [False] * 2 == ["content-encoding" in each.headers for each in (page, twin)]
    assert twin.json()["signed"].partition("?")[0] in page.text
    assert client.get("/asset.json", params={**asked, "minutes": "16"}).json()["signed"] is None


def test_links_stand_in_fields_that_can_be_selected(folder: AssetStore, visit: Visit) -> None:
    """Key, public link and Markdown are there without JavaScript; the buttons wait for it."""
    client = visit(folder)
    shown = client.get("/asset.json", params={"key": "maps/a_[1].png"}).json()
    assert "![a\\_\\[1\\].png](https://files.example/maps/a_%5B1%5D.png)" == shown["markdown"]
    text = client.get("/asset", params={"key": "maps/a_[1].png"}).text
    for name, value in (("key", "maps/a_[1].png"), ("public", shown["public"]), ("markdown", shown["markdown"])):
        assert f'<input readonly id="copy-{name}" value="{value}">' in text
    assert 3 == text.count('<button type="button" hidden data-copy=')


def test_a_store_without_links_offers_the_key_alone(visit: Visit) -> None:
    """What a store cannot make is not on the page."""
    with open_store("memory:") as store:
        store.upload(b"x", "a.txt")
        shown = visit(store).get("/asset.json", params={"key": "a.txt"}).json()
        assert [None, None, None, []] == [shown[name] for name in ("public", "markdown", "signed", "minutes")]
