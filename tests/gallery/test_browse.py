"""The pages of folders."""

from __future__ import annotations

from collections.abc import Callable
from html import escape

import httpx
import pytest

from assetstore import open_store
from assetstore_gallery.kinds import kind_of

ODD = ['"><img onerror=x>.png', "a b&c=d.txt", "ü/\u202egpj.exe", "50%.png", "q?x#y.txt"]


def test_a_folder_shows_its_folders_and_assets(visit: Callable[..., httpx.Client]) -> None:
    """The JSON twin of a page tells what the page shows."""
    with open_store("memory:") as store:
        store.upload(b"a map", key="maps/dungeon.txt")
        store.upload(b"a note", key="note.txt")
        client = visit(store)
        shown = client.get("/browse.json").json()
        assert ["maps/"] == shown["folders"]
        assert ["note.txt"] == [asset["key"] for asset in shown["assets"]]
        assert "note.txt" in client.get("/browse").text


@pytest.mark.parametrize("kind", ["", "images"])
def test_every_asset_is_on_one_page(visit: Callable[..., httpx.Client], kind: str) -> None:
    """The pages follow one another by their cursors, and together show all there is of a kind."""
    with open_store("memory:") as store:
        for number in range(25):
            store.upload(b"", f"{number:02}.{'png' if number % 3 == 0 else 'txt'}")
        client = visit(store, page_size=4)
        seen: list[str] = []
        asked = {"kind": kind}
        while True:
            shown = client.get("/browse.json", params=asked).json()
            seen += [asset["key"] for asset in shown["assets"]]
            if shown["next"] is None:
                break
            asked["cursor"] = shown["next"]
        assert [info.key for info in store.list() if not kind or info.key.endswith("png")] == seen


def test_any_key_is_shown_as_text_and_linked(visit: Callable[..., httpx.Client]) -> None:
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
