"""The pages of folders."""

from __future__ import annotations

from collections.abc import Callable

import httpx

from assetstore import open_store


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
