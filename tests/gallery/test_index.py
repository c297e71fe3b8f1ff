"""The index of names, by which searches and orders reach over a whole folder."""

from __future__ import annotations

import math
import os
import stat
import threading
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from asking import PATIENCE, Visit
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assetstore import AssetInfo, AssetStore, InvalidKeyError, InvalidOptionError, ListPage, open_store
from assetstore.plugin import ListOptions, hookimpl
from assetstore.testing import MemoryBackend
from assetstore_gallery import GalleryOptions
from assetstore_gallery.browse import SEARCHED_AT_ONCE
from assetstore_gallery.index import Index, folded
from assetstore_gallery.kinds import KINDS, kind_of, type_of

LETTERS = st.text(st.sampled_from("abÜß/ .é\u0301\U0010ffff"), min_size=1, max_size=6)
KEYS = st.tuples(LETTERS, st.sampled_from(("", ".png", ".TXT", ".ogg"))).map("".join)


def made(index: Index) -> Index:
    """Return an index when its walk is over."""
    index.facts()
    while (walk := index._walk) is not None:
        walk.join()
    return index


def pages(index: Index, limit: int, **asked: Any) -> list[AssetInfo]:
    """Return what is on all pages of the index."""
    found, cursor = [], None
    while True:
        page = index.find(**asked, cursor=cursor, limit=limit)
        assert page is not None
        found += page.assets
        if (cursor := page.next) is None:
            return found


def order(info: AssetInfo, sort: str) -> int:
    """Return what an asset is sorted by before its key."""
    age = datetime.max.replace(tzinfo=UTC) - (info.last_modified or datetime.min.replace(tzinfo=UTC))
    by = {
        "name": 0,
        "size": -info.size,
        "kind": KINDS.index(kind_of(type_of(info))),
        "date": age // timedelta(microseconds=1),
    }
    return by[sort]


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    keys=st.lists(KEYS, max_size=12),
    prefix=st.sampled_from(("", "a/", "a", "Ü/", "é")) | LETTERS,
    words=st.sampled_from(("", "a", "u ss", "e", "png a", "/")) | LETTERS,
    kind=st.sampled_from(("", *KINDS)),
    sort=st.sampled_from(("name", "size", "date", "kind")),
    limit=st.integers(1, 5),
)
def test_the_index_finds_what_the_listing_has(
    tmp_path: Path, keys: list[str], prefix: str, words: str, kind: str, sort: str, limit: int
) -> None:
    """Its pages together are the listing below the folder, filtered and sorted; so are its folders and counts."""
    with open_store("memory:") as store:
        for number, key in enumerate(keys):
            with suppress(InvalidKeyError):
                store.upload(b"x" * (number % 3), key)
        index = made(Index(store, tmp_path / f"{os.urandom(8).hex()}.sqlite", PATIENCE))
        wanted = folded(words).split()
        below = [info for info in store.list() if info.key.startswith(prefix)]
        level = prefix.count("/")
        if wanted:
            below = [info for info in below if all(word in folded(info.key.removeprefix(prefix)) for word in wanted)]
        else:
            folders = sorted(
                {info.key[: info.key.index("/", len(prefix)) + 1] for info in below if info.key.count("/") > level}
            )
            below = [info for info in below if info.key.count("/") == level]
        expected = [info for info in below if not kind or kind_of(type_of(info)) == kind]
        expected.sort(key=lambda info: (order(info, sort), info.key.encode()))
        asked = {"prefix": prefix, "words": words, "kind": kind, "sort": sort}
        assert [(info.key, info.size) for info in expected] == [
            (each.key, each.size) for each in pages(index, limit, **asked)
        ]
        first = index.find(**asked, cursor=None, limit=limit)
        assert first is not None
        assert {name: sum(kind_of(type_of(info)) == name for info in below) for name in KINDS} == first.counts
        if not wanted:
            assert folders == sorted(first.folders)


def test_a_folder_is_sorted_over_all_its_pages(visit: Visit, store: AssetStore) -> None:
    """The largest asset stands first, on whichever page of the listing it is; chips tell how many there are of a kind."""
    for number in range(30):
        store.upload(b"x" * (number + 1), f"maps/{number:02}.{'png' if number % 3 else 'txt'}")
    store.upload(b"", "maps/deep/a.txt")
    client = visit(store, page_size=4)
    shown = client.get("/browse.json", params={"prefix": "maps/", "sort": "size"}).json()
    while shown["counts"] is None:
        shown = client.get("/browse.json", params={"prefix": "maps/", "sort": "size"}).json()
    assert [30, 29, 28, 27] == [asset["size"] for asset in shown["assets"]]
    assert (["maps/deep/"], 20, 10) == (shown["folders"], shown["counts"]["images"], shown["counts"]["documents"])
    following = client.get("/browse.json", params={"prefix": "maps/", "sort": "size", "cursor": shown["next"]}).json()
    assert ([26, 25, 24, 23], []) == ([asset["size"] for asset in following["assets"]], following["folders"])
    page = client.get("/browse", params={"prefix": "maps/", "sort": "size"}).text
    assert ("Images 20" in page, "31 names as of" in page, "Sorted within" in page) == (True, True, False)


class SlowForTheIndex(MemoryBackend):
    """Lets the walk of the index wait until ``go_on`` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.go_on = threading.Event()

    @hookimpl
    def assetstore_list(self, prefix: str, options: ListOptions) -> ListPage:
        """List for others at once."""
        if threading.current_thread().name == "assetstore-gallery-index":
            self.go_on.wait()
        return super().assetstore_list(prefix, options)


def test_a_page_says_what_it_looked_through_and_leads_to_the_index(visit: Visit) -> None:
    """While the names are gathered it tells through how many it looked, and links the search that asks the index."""
    backend = SlowForTheIndex()
    with AssetStore(backend) as slow:
        for number in range(SEARCHED_AT_ONCE + 1):
            slow.upload(b"", f"{number:05}.txt")
        client = visit(slow, patience=0)  # the names cannot be gathered while it waits
        again = 'href="/browse?prefix=&amp;q=txt">Look again'
        shown = client.get("/browse.json", params={"q": "txt"}).json()
        page = client.get("/browse", params={"q": "txt"}).text
        assert (SEARCHED_AT_ONCE, 0, None) == (shown["looked_through"], shown["index"]["walked"], shown["counts"])
        assert [True] * 3 == [text in page for text in ("looked through 1,000 names", "being gathered, 0 so far", again)]
        backend.go_on.set()
        while (found := client.get("/browse.json", params={"q": "txt"}).json())["counts"] is None:
            pass
        assert (None, SEARCHED_AT_ONCE + 1) == (found["looked_through"], found["counts"]["documents"])
        older = client.get("/browse", params={"q": "txt", "cursor": shown["next"]}).text
        assert [True, True, False] == [text in older for text in ("are gathered by now", again, "looked through")]


@pytest.mark.parametrize("name", ["patience", "facts_patience"])
@pytest.mark.parametrize("seconds", [-1, 601, math.nan])
def test_a_patience_that_no_page_could_have_is_refused(name: str, seconds: float) -> None:
    """The error names the option and says what it may be."""
    with pytest.raises(InvalidOptionError, match=f"^{name} must be between 0 and 600 seconds, got {seconds}"):
        GalleryOptions(**{name: seconds})


def test_what_the_gallery_changes_is_found_at_once(visit: Visit, store: AssetStore) -> None:
    """An asset that is moved or deleted by the gallery is not found any more where it was, nor missed where it is."""
    for name in ("one karte.txt", "two karte.txt"):
        store.upload(b"x", name)
    client = visit(store)

    def found() -> list[str]:
        return [asset["key"] for asset in client.get("/browse.json", params={"q": "karte"}).json()["assets"]]

    assert ["one karte.txt", "two karte.txt"] == found()
    headers = {"X-Assetstore": "1"}
    client.post("/do/move", json={"items": [{"key": "one karte.txt", "to": "a/karte.txt"}]}, headers=headers)
    client.post("/do/delete", json={"items": [{"key": "two karte.txt"}]}, headers=headers)
    client.put("/do/upload/body", params={"key": "z karte.txt"}, content=b"x", headers=headers)
    assert ["a/karte.txt", "z karte.txt"] == found()


def test_an_index_that_would_be_too_large_says_so(tmp_path: Path, store: AssetStore) -> None:
    """It takes the first keys and tells that it is not whole."""
    for number in range(5):
        store.upload(b"", f"{number}.txt")
    facts = made(Index(store, tmp_path / "a.sqlite", PATIENCE, most=3)).facts()
    assert facts is not None
    assert (3, False) == (facts["count"], facts["whole"])


@pytest.mark.parametrize("data", [b"", b"no database", b"SQLite format 3\0" + b"x" * 5000])
def test_a_damaged_index_is_made_anew(tmp_path: Path, store: AssetStore, data: bytes) -> None:
    """A file that is not an index is replaced, and the search works."""
    store.upload(b"", "a.txt")
    file = tmp_path / "a.sqlite"
    file.write_bytes(data)
    index = made(Index(store, file, PATIENCE))
    assert ["a.txt"] == [each.key for each in pages(index, 10, prefix="", words="a", kind="", sort="name")]


def test_an_index_is_for_its_user_alone_and_shared_by_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two objects of one store have one file that only its user may read; other stores and parts of it have others."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with open_store(f"file:{tmp_path}/store") as store, open_store(f"file:{tmp_path}/store") as again:
        store.upload(b"", "a/b.txt")
        one, two, part = (Index.of(each, PATIENCE) for each in (store, again, store.scoped("a/")))
        threads = [threading.Thread(target=made, args=(index,)) for index in (one, two)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert one.file == two.file
        assert one.file != part.file
        assert (0o600, 0o700) == tuple(stat.S_IMODE(path.stat().st_mode) for path in (one.file, one.file.parent))
        assert [one.file.name] == [path.name for path in one.file.parent.iterdir()]
        assert ["a/b.txt"] == [each.key for each in pages(two, 10, prefix="", words="b", kind="", sort="name")]


def test_a_folder_that_cannot_be_written_leaves_the_search_to_the_listing(
    visit: Visit, store: AssetStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The page finds what it finds in the listing, and says that the names could not be gathered."""
    (tmp_path / "cache").write_text("a file, not a folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    store.upload(b"", "a.txt")
    client = visit(store)
    shown = client.get("/browse.json", params={"q": "a"}).json()
    while shown["index"]["walked"] is not None:
        shown = client.get("/browse.json", params={"q": "a"}).json()
    assert (["a.txt"], None) == ([asset["key"] for asset in shown["assets"]], shown["counts"])
    assert "its log says why" in shown["index"]["problem"]
    assert "cannot make its index" in caplog.text


@pytest.mark.parametrize("rest", ["", "[]", "1", "[1]", '["1", "a"]', "[1, 2]", "[1e400, 3]", '[99999999999999999999, "a"]'])
def test_a_cursor_that_no_page_gave_is_refused(tmp_path: Path, store: AssetStore, rest: str) -> None:
    """The error says what to do."""
    index = made(Index(store, tmp_path / "a.sqlite", PATIENCE))
    with pytest.raises(InvalidOptionError, match="cursor must be one that a page before gave"):
        index.find(prefix="", words="a", kind="", sort="name", cursor=f"index:{rest}", limit=1)


def test_a_closed_index_walks_no_more(tmp_path: Path, store: AssetStore) -> None:
    """Neither the walk under way nor a new one goes on."""
    index = Index(store, tmp_path / "a.sqlite", PATIENCE)
    index.close()
    assert index.facts() is None
    assert [] == list(tmp_path.iterdir())
