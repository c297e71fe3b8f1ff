"""The page of one asset, and its bytes."""

from __future__ import annotations

import pytest
from asking import Visit
from hypothesis import given
from hypothesis import strategies as st

from assetstore import AssetInfo, AssetStore, open_store
from assetstore.plugin import StatOptions, hookimpl
from assetstore.testing import MemoryBackend
from assetstore_gallery.asset import MAX_DIGITS, range_of
from made_files import sound

DATA = bytes(range(256)) * 40


def test_the_page_tells_what_the_store_knows(store: AssetStore, visit: Visit) -> None:
    """Size, type, digest, headers and metadata stand on the page and in its JSON twin."""
    info = store.upload(b"hello", "notes/a.txt", cache_control="no-store", metadata={"by": "gm"})
    client = visit(store)
    shown = client.get("/asset.json", params={"key": "notes/a.txt"}).json()
    assert ("a.txt", "notes/", 5, "documents", info.digest) == (
        *(shown["name"], shown["prefix"], shown["size"], shown["kind"]),
        shown["digest"],
    )
    assert ({"cache-control": "no-store"}, {"by": "gm"}, "hello") == (shown["headers"], shown["metadata"], shown["text"])
    page = client.get("/asset", params={"key": "notes/a.txt"}).text
    assert ["hello", "no-store", "gm"] == [text for text in ("hello", "no-store", "gm") if text in page]
    assert (1, 0) == (page.count('value="notes/a.txt"'), page.count(">notes/a.txt<"))  # only where it can be copied


class WrittenMeanwhile(MemoryBackend):
    """Another program writes the asset right after it was looked at."""

    @hookimpl
    def assetstore_stat(self, key: str, options: StatOptions) -> AssetInfo:
        """Return what was there."""
        info = super().assetstore_stat(key, options)
        AssetStore(self).upload(b"newer", key, overwrite=True)
        return info


def test_the_text_shown_is_that_of_the_version_described(visit: Visit) -> None:
    """Where the bytes are of another version than size and digest, the page says that the asset changed."""
    with AssetStore(WrittenMeanwhile()) as changing:
        changing.upload(b"older", "a.txt")
        answer = visit(changing).get("/asset.json", params={"key": "a.txt"})
        assert (409, "Precondition") == (answer.status_code, answer.json()["error"])


@pytest.mark.parametrize("key", ["a.png", "a.tiff", "a.wav", "a.avi", "a.csv", "a.txt", "a.pdf"])
def test_an_empty_file_is_called_empty(store: AssetStore, visit: Visit, key: str) -> None:
    """No player, picture, table or frame stands for a file without bytes."""
    store.upload(b"", key)
    page = visit(store).get("/asset", params={"key": key}).text
    assert (True, []) == (
        "The file is empty." in page,
        [tag for tag in ("<img", "<audio", "<video", "<table", "<pre", "<iframe", 'class="note"') if tag in page],
    )


@pytest.mark.parametrize("key", ["a/", "a/ ", "a/\u200b"])
def test_a_name_in_which_nothing_is_seen_has_words_for_it(store: AssetStore, visit: Visit, key: str) -> None:
    """The page, its title, and the links of a folder and of the picker say that there is no name."""
    store.upload(b"x", key)
    client = visit(store, frame_ancestors=("https://app.example",))
    page = client.get("/asset", params={"key": key}).text
    assert (True, True) == ("<title>(no name)</title>" in page, "<h1><bdi>(no name)</bdi></h1>" in page)
    for path in ("/browse", "/picker"):
        asked = {"prefix": "a/", "origin": "https://app.example"}
        assert "<bdi>(no name)</bdi>" in client.get(path, params=asked).text


def test_seconds_are_written_as_the_language_does(store: AssetStore, visit: Visit) -> None:
    """A German page has a comma in them."""
    store.upload(sound(), "a.wav")
    for language, text in (("en", "2.0 s"), ("de", "2,0 s"), ("fr", "2,0 s")):
        assert f"<dd>{text}" in visit(store, language=language).get("/asset", params={"key": "a.wav"}).text


def test_a_missing_asset_is_a_page_of_404(store: AssetStore, visit: Visit) -> None:
    """The page, its twin and the bytes of what is not there say so."""
    client = visit(store)
    assert [404] * 3 == [client.get(path, params={"key": "no"}).status_code for path in ("/asset", "/asset.json", "/file")]


@pytest.mark.parametrize(
    ("name", "way"),
    [
        *(("map.webp", "inline"), ("wind.ogg", "inline"), ("rules.pdf", "inline"), ("note.txt", "inline")),
        *(("page.html", "attachment"), ("drawing.svg", "attachment"), ("feed.xml", "attachment"), ("run.js", "attachment")),
    ],
)
def test_what_could_run_is_only_saved(store: AssetStore, visit: Visit, name: str, way: str) -> None:
    """Each file comes with a sandbox and its own type; a browser shows alone what it does not run."""
    store.upload(b"<script>alert(1)</script>", name, content_type=None)
    answer = visit(store).get("/file", params={"key": name})
    assert answer.headers["content-disposition"].startswith(f"{way};")
    assert "sandbox; default-src 'none'; frame-ancestors 'self'" == answer.headers["content-security-policy"]
    assert "nosniff" == answer.headers["x-content-type-options"]


def test_ranges_are_slices_of_one_version(store: AssetStore, visit: Visit) -> None:
    """A player seeks: a range is answered by 206, and by the whole where it is of an older version."""
    store.upload(DATA, "a.bin")
    client = visit(store)
    whole = client.get("/file", params={"key": "a.bin"})
    assert (200, DATA) == (whole.status_code, whole.content)
    part = client.get("/file", params={"key": "a.bin"}, headers={"range": "bytes=100-199"})
    assert (206, DATA[100:200]) == (part.status_code, part.content)
    assert f"bytes 100-199/{len(DATA)}" == part.headers["content-range"]
    old = client.get("/file", params={"key": "a.bin"}, headers={"range": "bytes=1-2", "if-range": '"older"'})
    assert (200, len(DATA)) == (old.status_code, len(old.content))
    beyond = client.get("/file", params={"key": "a.bin"}, headers={"range": f"bytes={len(DATA)}-"})
    assert 416 == beyond.status_code
    endless = client.get("/file", params={"key": "a.bin"}, headers={"range": f"bytes=0-{5000 * '9'}"})
    assert (200, len(DATA)) == (endless.status_code, len(endless.content))
    again = client.get("/file", params={"key": "a.bin"}, headers={"if-none-match": whole.headers["etag"]})
    assert 304 == again.status_code


@given(st.integers(0, 300), st.integers(0, 300), st.integers(1, 300))
def test_a_range_is_read_as_http_says(first: int, last: int, size: int) -> None:
    """Both ends count, the end may be left out, and a number alone behind a dash counts from the end (RFC 9110, 14.1.2)."""
    data = bytes(size % 256 for size in range(size))
    expected = data[first : last + 1] if last >= first else None
    found = range_of(f"bytes={first}-{last}", size)
    assert expected == (None if found is None else data[slice(*found)])
    open_end = range_of(f"bytes={first}-", size)
    assert open_end is not None
    assert data[first:] == data[slice(*open_end)]
    of_end = range_of(f"bytes=-{last}", size)
    assert of_end is not None
    assert (data[-last:] if last else b"") == data[slice(*of_end)]


ENDLESS = [f"bytes={5000 * '9'}-", f"bytes=0-{5000 * '9'}", f"bytes=-{5000 * '9'}", f"bytes=-{'9' * (MAX_DIGITS + 1)}"]


@pytest.mark.parametrize(
    "text", ["", "bytes", "bytes=", "bytes=-", "items=1-2", "bytes=1-2,4-5", "bytes=a-b", "bytes=٣-٤", *ENDLESS]
)
def test_what_is_no_single_range_asks_for_the_whole(text: str) -> None:
    """A header that is not understood is ignored."""
    assert range_of(text, 10) is None


def test_a_signed_link_is_made_where_the_store_signs(
    visit: Visit, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """It is on the page for who asked, for the time that was chosen."""
    with open_store({"url": f"file:{tmp_path_factory.mktemp('signed')}"}) as folder:
        folder.upload(b"1", "a.txt")
        client = visit(folder)
        assert client.get("/asset.json", params={"key": "a.txt"}).json()["signed"] is None
        signed = client.get("/asset.json", params={"key": "a.txt", "minutes": "1440"}).json()["signed"]
        assert "a.txt?" in signed
