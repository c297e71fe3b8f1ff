"""The pages of folders."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from html import escape
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from asking import Visit
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assetstore import AssetStore, InvalidKeyError, open_store
from assetstore.testing.memory import MemoryBackend
from assetstore.testing.observer import RecordingObserver
from assetstore_gallery.browse import LOOKED_THROUGH
from assetstore_gallery.kinds import kind_of

ODD = ['"><img onerror=x>.png', "a b&c=d.txt", "ü/\u202egpj.exe", "50%.png", "q?x#y.txt"]


class Links(HTMLParser):
    """Collects the links of a page."""

    def __init__(self) -> None:
        """Begin with none."""
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep where a link leads, and which part of the page it stands in."""
        if tag == "a":
            self.found.append(dict(attrs).get("href") or "")

    @classmethod
    def of(cls, page: str) -> list[str]:
        """Return where the links of a page lead."""
        reader = cls()
        reader.feed(page)
        return reader.found


def test_a_folder_shows_its_folders_and_assets(visit: Visit) -> None:
    """The JSON twin of a page tells what the page shows."""
    with open_store("memory:") as store:
        store.upload(b"a map", key="maps/dungeon.txt")
        store.upload(b"a note", key="note.txt")
        client = visit(store)
        shown = client.get("/browse.json").json()
        assert ["maps/"] == shown["folders"]
        assert ["note.txt"] == [asset["key"] for asset in shown["assets"]]
        assert "note.txt" in client.get("/browse").text


@pytest.mark.parametrize(("prefix", "folder"), [("maps/", "maps/"), ("maps/ke", "maps/"), ("ma", ""), ("", "")])
def test_uploads_go_to_the_folder_that_is_named(visit: Visit, prefix: str, folder: str) -> None:
    """The page of a prefix that does not end with a folder has the name of that folder, and uploads go there."""
    with open_store("memory:") as store:
        store.upload(b"x", key="maps/keep.txt")
        page = visit(store, title="all").get("/browse", params={"prefix": prefix}).text
        name = f"<h1><bdi>{folder.rstrip('/') or 'all'}</bdi></h1>"
        assert (True, True) == (f'data-prefix="{folder}"' in page, name in page)


def _pages(client: httpx.Client, **asked: str) -> Iterator[dict[str, Any]]:
    while True:
        shown = client.get("/browse.json", params=asked).json()
        yield shown
        if shown["next"] is None:
            return
        asked["cursor"] = shown["next"]


def _keys(pages: Iterable[dict[str, Any]]) -> list[str]:
    return [asset["key"] for page in pages for asset in page["assets"]]


@pytest.mark.parametrize("kind", ["", "images"])
def test_every_asset_is_on_one_page(visit: Visit, kind: str) -> None:
    """The pages follow one another by their cursors, and together show all there is of a kind."""
    with open_store("memory:") as store:
        for number in range(25):
            store.upload(b"", f"{number:02}.{'png' if number % 3 == 0 else 'txt'}")
        shown = _keys(_pages(visit(store, page_size=4), kind=kind))
        assert [info.key for info in store.list() if not kind or info.key.endswith("png")] == shown


def _query(link: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(link).query))


PIECES = st.text(st.sampled_from("ab\"<>&'%+#?= é\u202eß"), min_size=1, max_size=4)


@settings(max_examples=15, suppress_health_check=list(HealthCheck))
@given(names=st.lists(st.lists(PIECES, min_size=1, max_size=3).map("/".join), unique=True, max_size=15))
def test_every_key_is_found_by_following_links(visit: Visit, names: list[str]) -> None:
    """Whatever the keys are, the links of the pages lead to each folder once and to each asset once."""
    with open_store("memory:") as store:
        for name in names:
            with suppress(InvalidKeyError):
                store.upload(b"", f"k{name}")
        client, found, left = visit(store, page_size=3), [], ["/browse?prefix="]
        while left:
            here = left.pop()
            for link in Links.of(client.get(here).text):
                if link.startswith("/asset?"):
                    found.append(_query(link)["key"])
                elif "cursor" in _query(link) or len(_query(link).get("prefix", "")) > len(_query(here).get("prefix", "")):
                    left.append(link)
        assert sorted(info.key for info in store.list()) == sorted(found)


def test_a_search_looks_below_the_folder_for_all_words_without_case_and_marks(visit: Visit) -> None:
    """Words may stand in any order and anywhere in the path below the folder; others of the store are not found."""
    with open_store("memory:") as store:
        for key in ("maps/Höhle/Große Karte.png", "maps/höhle.txt", "sounds/hohle karte.ogg"):
            store.upload(b"", key)
        client = visit(store)
        assert ["maps/Höhle/Große Karte.png"] == _keys(_pages(client, prefix="maps/", q="KARTE hohle"))
        assert ["maps/Höhle/Große Karte.png", "sounds/hohle karte.ogg"] == _keys(_pages(client, q="karte"))
        assert ["maps/Höhle/Große Karte.png"] == _keys(_pages(client, q="grosse"))
        assert ["sounds/hohle karte.ogg"] == _keys(_pages(client, q="karte", kind="audio"))
        assert [] == _keys(_pages(client, q="karte x"))


def test_one_page_reads_a_bounded_part_of_the_store(visit: Visit) -> None:
    """A search for what is rare reads some pages of the listing and leaves the rest to the next page."""
    observer = RecordingObserver()
    with AssetStore(MemoryBackend(), plugins=[observer], name="counted") as store:
        for number in range(25):
            store.upload(b"", f"{number:02}.txt")
        store.upload(b"", "z.png")
        client = visit(store, page_size=2)
        observer.events.clear()
        page = client.get("/browse", params={"kind": "images"})
        assert LOOKED_THROUGH == [event.op for event in observer.events].count("list")
        assert "the next page looks further" in page.text
        assert ["z.png"] == _keys(_pages(client, kind="images"))


@pytest.mark.parametrize(("sort", "order"), [("name", "abc"), ("size", "bca"), ("odd", "abc")])
def test_a_page_is_sorted_as_asked(visit: Visit, sort: str, order: str) -> None:
    """By name, by size with the largest first; an order that there is not is that of names."""
    with open_store("memory:") as store:
        for key, size in (("a", 1), ("b", 3), ("c", 2)):
            store.upload(b"x" * size, key)
        assert list(order) == _keys(_pages(visit(store), sort=sort))


def test_links_keep_what_the_page_shows(visit: Visit) -> None:
    """View, kind, order and search stand in the URL: choosing one keeps the others, and so does the form."""
    with open_store("memory:") as store:
        store.upload(b"", "maps/a.png")
        asked = {"prefix": "maps/", "view": "list", "kind": "images", "sort": "size", "q": "a"}
        text = visit(store).get("/browse", params=asked).text
        queries = [_query(link) for link in Links.of(text)]
        assert {**asked, "sort": "date"} in queries
        assert {**asked, "kind": "video"} in queries
        assert {name: value for name, value in asked.items() if name != "view"} in queries
        for name in ("prefix", "view", "kind", "sort"):
            assert f'name="{name}" value="{asked[name]}"' in text


def test_any_key_is_shown_as_text_and_linked(visit: Visit) -> None:
    """No key becomes markup, and the link of each leads to its page."""
    with open_store("memory:") as store:
        for key in ODD:
            store.upload(b"", key)
        client = visit(store)
        page = client.get("/browse").text
        assert "<img onerror" not in page
        assert escape("a b&c=d.txt") in page
        for key in ODD:
            assert key == client.get("/asset.json", params={"key": key}).json()["key"]


@pytest.mark.parametrize(
    ("content_type", "kind"),
    [
        *(("image/png", "images"), ("VIDEO/mp4", "video"), ("audio/ogg", "audio"), ("text/plain; a=b", "documents")),
        *(("application/pdf", "documents"), ("model/gltf-binary", "models"), ("application/zip", "other"), ("", "other")),
    ],
)
def test_kinds_are_told_by_types(content_type: str, kind: str) -> None:
    """A type has one kind, whatever its case and parameters."""
    assert kind == kind_of(content_type)
