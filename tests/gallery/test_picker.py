"""The picker, as a program sees it."""

from __future__ import annotations

from asking import BROWSER, Visit

from assetstore import open_store


def test_the_picker_shows_what_fits_to_allowed_origins_alone(visit: Visit) -> None:
    """Assets of the wanted type are shown for an origin among ``frame_ancestors``; any other gets nothing, nor does none."""
    with open_store("memory:") as store:
        for key in ("a.png", "b.txt", "maps/c.png"):
            store.upload(b"x", key=key)
        client = visit(store, frame_ancestors=("https://app.example",))
        asked = {"pick": "image/*", "origin": "https://app.example"}
        shown = client.get("/picker.json", params=asked).json()
        assert (["maps/"], ["a.png"]) == (shown["folders"], [each["key"] for each in shown["assets"]])
        inside = client.get("/picker.json", params={**asked, "prefix": "maps/"}).json()
        assert ["maps/c.png"] == [each["key"] for each in inside["assets"]]
        for origin in ("", "https://app.example.evil", "https://app.example/", "null"):
            assert 403 == client.get("/picker", params={**asked, "origin": origin}).status_code
        refused = client.get("/picker", headers=BROWSER)
        assert (403, True) == (refused.status_code, "Origin must be one of" in refused.text)


def test_the_picker_says_that_there_is_nothing_where_there_is_nothing(visit: Visit) -> None:
    """Beside folders it does not say so, and a page without a fit points to the next one."""
    with open_store("memory:") as store:
        for key in ("1.txt", "2.txt", "maps/c.txt"):
            store.upload(b"x", key=key)
        client = visit(store, frame_ancestors=("https://app.example",), page_size=1)
        asked = {"pick": "image/*", "origin": "https://app.example", "cursor": ""}
        page, empty = (client.get("/picker", params={**asked, "prefix": prefix}).text for prefix in ("", "nothing/"))
        assert (True, True) == ("Nothing so far" in page, "Nothing to choose here" in empty)
        store.delete_many(["1.txt", "2.txt"])
        folders = client.get("/picker", params=asked).text
        assert (True, False) == ("maps/" in folders, "Nothing" in folders)


def test_what_was_picked_comes_with_a_link_a_type_and_a_size(visit: Visit) -> None:
    """The answer has what the page that asked needs; a key that is not there is told as such."""
    with open_store("memory:") as store:
        store.upload(b"x", key="maps/ä b.png")
        client = visit(store)
        picked = client.get("/picker/chosen", params={"key": "maps/ä b.png"}).json()
        assert ("maps/ä b.png", "image/png", 1) == (picked["key"], picked["type"], picked["size"])
        assert picked["url"].endswith("/file?key=maps%2F%C3%A4+b.png")
        assert 404 == client.get("/picker/chosen", params={"key": "b"}).status_code
