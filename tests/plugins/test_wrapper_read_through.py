"""Reading through: one store in front of another shows both, writes to the first alone, and hides what was deleted."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assetstore import (
    AlreadyExistsError,
    AssetStore,
    IntegrityError,
    InvalidKeyError,
    NotFoundError,
    PreconditionError,
    Prefix,
    UnavailableError,
    UnsupportedError,
)
from assetstore.plugin import ListOptions, ListPage, Wrapper, hookimpl
from assetstore.testing import FaultyBackend, MemoryBackend, Raise
from assetstore_wrappers.read_through import ReadThrough

DATA = b"".join(b"%015d\n" % number for number in range(1_000))
DOWN = UnavailableError("no answer")
WRITES = {"upload", "delete", "copy", "upload_many"}


class Pair:
    """A store that reads through, its backend and the one behind, which note what they are asked, and each as a store."""

    def __init__(self, **given: Any) -> None:
        self.backends = FaultyBackend(MemoryBackend()), FaultyBackend(MemoryBackend())
        self.here, self.behind = AssetStore(self.backends[0]), AssetStore(self.backends[1], name="prod")
        self.store = AssetStore(
            self.backends[0], wrappers=[lambda inner: ReadThrough(inner, store=self.behind, **given)], name="dev"
        )
        for key in ("a", "maps/b", "maps/c"):
            self.behind.upload(DATA, key, metadata={"by": "gm"})
        self.backends[1].calls.clear()

    def writes_behind(self) -> list[str]:
        """Return the operations that changed the store behind since it was filled; there must never be any."""
        return [op for op, _ in self.backends[1].calls if op in WRITES]


def test_what_is_missing_here_is_read_from_behind() -> None:
    """Reads, ranges, stats, copies and updates see both; writes stay here; the store behind is never written to."""
    pair = Pair()
    store = pair.store
    assert (DATA, DATA[5:9]) == (store.read("a"), store.read("a", offset=5, length=4))
    assert {"by": "gm"} == store.stat("a").metadata
    assert [] == [*pair.here.list()]
    store.upload(b"mine", "a")
    assert (b"mine", DATA) == (store.read("a"), pair.behind.read("a"))
    store.copy("maps/b", "copy")
    store.update("maps/c", metadata={"by": "me"})
    store.move("maps/b", "moved")
    assert {"a": b"mine", "copy": DATA, "maps/c": DATA, "moved": DATA} == {
        info.key: store.read(info.key) for info in store.list()
    }
    assert ({"by": "me"}, {"by": "gm"}) == (store.stat("maps/c").metadata, pair.behind.stat("maps/c").metadata)
    with pytest.raises(NotFoundError) as caught:
        store.read("missing")
    assert ("missing", "dev") == (caught.value.key, caught.value.store)
    assert [] == pair.writes_behind()


def test_a_deleted_asset_does_not_come_back() -> None:
    """It is gone from reads and listings of any kind, until its mark is deleted or the key is written anew."""
    pair = Pair()
    store = pair.store
    assert {"a", "maps/b", "missing"} == {*store.delete_many(["a", "maps/b", "missing"]).deleted}
    assert [False, False, True] == [store.exists(key) for key in ("a", "maps/b", "maps/c")]
    assert ["maps/c"] == [info.key for info in store.list()]
    store.delete("maps/c")
    assert ([], []) == ([*store.list()], [*store.list(recursive=False)])
    store.upload(b"new", "a", overwrite=False)
    assert b"new" == store.read("a")
    store.delete("a")
    assert not store.exists("a")
    assert [".deleted/a", ".deleted/maps/b", ".deleted/maps/c"] == [info.key for info in store.list(".deleted/")]
    store.delete(".deleted/a")
    assert (DATA, 3, []) == (store.read("a"), len([*pair.behind.list()]), pair.writes_behind())


def test_a_deletion_that_is_cut_short_shows_no_older_asset() -> None:
    """The mark is set first: when the delete fails, the asset here is still what is read."""
    pair = Pair()
    pair.store.upload(b"mine", "a")
    with pair.backends[0].failing(Raise(op="delete", error=DOWN)), pytest.raises(UnavailableError):
        pair.store.delete("a")
    assert b"mine" == pair.store.read("a")
    pair.store.upload(b"mine", "maps/b")
    with pair.backends[0].failing(Raise(op="upload", error=DOWN)):
        (failure,) = pair.store.delete_many(["maps/b"]).failed
    assert ("maps/b", b"mine") == (failure.key, pair.store.read("maps/b"))
    pair.store.delete_many(["a", "maps/b"])
    assert ["maps/c"] == [info.key for info in pair.store.list()]


def test_conditions_look_behind_too() -> None:
    """A key that is taken behind is taken; an ETag from behind lets an upload through, once."""
    pair = Pair()
    with pytest.raises(AlreadyExistsError, match="taken in 'prod'"):
        pair.store.upload(b"x", "a", overwrite=False)
    pair.store.upload(b"y", "here")
    with pytest.raises(AlreadyExistsError):
        pair.store.copy("here", "a", overwrite=False)
    with pytest.raises(PreconditionError):
        pair.store.upload(b"x", "a", if_match="another")
    etag = pair.store.stat("a").etag
    pair.store.upload(b"x", "a", if_match=etag)
    assert (b"x", DATA) == (pair.store.read("a"), pair.behind.read("a"))
    with pytest.raises(PreconditionError):
        pair.store.read("maps/b", if_match="another")


def test_what_was_read_whole_is_kept_if_asked() -> None:
    """With fill a second read asks the store behind for nothing; ranges keep nothing, damaged bytes neither."""
    pair = Pair(fill=True)
    assert DATA[1:3] == pair.store.read("a", offset=1, length=2)
    assert [] == [*pair.here.list()]
    assert DATA == pair.store.read("a")
    pair.backends[1].calls.clear()
    assert (DATA, {"by": "gm"}, []) == (pair.store.read("a"), pair.store.stat("a").metadata, pair.backends[1].calls)
    with pair.backends[0].failing(Raise(op="upload", error=DOWN)):
        assert DATA == pair.store.read("maps/b")
    assert ["a"] == [info.key for info in pair.here.list()]


def test_damaged_bytes_are_not_kept() -> None:
    """What does not match its digest is an error, and leaves nothing here."""
    memory = MemoryBackend()
    behind = AssetStore(memory)
    behind.upload(DATA, "a")
    info, data = memory._assets["a"]
    memory._assets["a"] = info, data[:-1] + b"!"
    here = MemoryBackend()
    store = AssetStore(here, wrappers=[lambda inner: ReadThrough(inner, store=behind, fill=True)])
    with pytest.raises(IntegrityError):
        store.read("a")
    assert [] == [*AssetStore(here).list()]


def test_when_the_store_behind_is_away_what_is_here_can_be_read() -> None:
    """What must look behind is UnavailableError, never a wrong "there is none"."""
    pair = Pair()
    pair.store.upload(b"mine", "a")
    with pair.backends[1].failing(*(Raise(op=op, error=DOWN, nth=None) for op in ("read", "stat", "list"))):
        assert b"mine" == pair.store.read("a")
        pair.store.upload(b"more", "b")
        for attempt in (
            lambda: pair.store.read("maps/b"),
            lambda: pair.store.exists("maps/b"),
            lambda: [*pair.store.list()],
            lambda: pair.store.delete("maps/b"),
        ):
            with pytest.raises(UnavailableError):
                attempt()


def test_what_belongs_to_the_wrapper_is_refused() -> None:
    """Nobody writes marks by hand, and a key too long for one is not deleted as long as it is behind."""
    pair = Pair()
    with pytest.raises(InvalidKeyError):
        pair.store.upload(b"", ".deleted/a")
    with pytest.raises(InvalidKeyError):
        pair.store.copy("a", ".deleted/b")
    results = [*pair.store.upload_many([(b"", "x"), (b"", ".deleted/y")], ordered=True)]
    assert [type(None), InvalidKeyError] == [type(result.error) for result in results]
    long = "k" * 1020
    pair.behind.upload(b"", long)
    with pytest.raises(InvalidKeyError, match="too long"):
        pair.store.delete(long)
    assert pair.store.exists(long)
    with pytest.raises(UnsupportedError):
        pair.store.presign("a")


names = st.text("ab/", min_size=1, max_size=5).filter(lambda key: not key.startswith("/"))


@settings(max_examples=150)
@given(
    here=st.sets(names, max_size=8),
    behind=st.sets(names, max_size=8),
    gone=st.sets(names, max_size=4),
    prefix=st.sampled_from(["", "a", "a/", "b/a"]),
    limit=st.integers(1, 5),
    folded=st.booleans(),
    after=st.none() | names,
)
def test_a_listing_is_that_of_one_store(
    here: set[str], behind: set[str], gone: set[str], prefix: str, limit: int, folded: bool, after: str | None
) -> None:
    """Page by page, folded or not, it lists what a single store with the same assets lists, each once and in order."""
    expected = AssetStore(MemoryBackend())
    pair = Pair()
    pair.behind.delete_many(["a", "maps/b", "maps/c"])
    for key in behind:
        pair.behind.upload(b"", key)
    pair.store.delete_many(gone)
    for key in here:
        pair.here.upload(b"here", key)
    for key in here | (behind - gone):
        expected.upload(b"here" if key in here else b"", key)
    options = {"recursive": not folded, "start_after": after, "limit": limit}
    pages = [_all_pages(store, prefix, options) for store in (expected, pair.store)]
    assert pages[0] == pages[1]


@pytest.mark.parametrize("limit", [1, 2, 3])
@pytest.mark.parametrize("side", ["here", "behind"])
def test_an_empty_page_ends_no_listing(side: str, limit: int) -> None:
    """A service may answer with a page that has no names and a cursor: nothing that follows is left out."""

    class Gap(Wrapper):
        """Gives each page twice, without its names first."""

        supports = frozenset({"list.*"})

        @hookimpl
        def assetstore_list(self, prefix: str, options: ListOptions) -> ListPage | None:
            mark, _, cursor = (options.cursor or "").rpartition("!")
            page = self.inner.assetstore_list(prefix=prefix, options=attrs.evolve(options, cursor=cursor or None))
            if page is None or mark:
                return page and attrs.evolve(page, next_cursor=page.next_cursor and f"!{page.next_cursor}")
            return ListPage(items=(), next_cursor=f"gap!{cursor}")

    gaps = {side: [Gap]}
    behind = AssetStore(MemoryBackend(), wrappers=gaps.get("behind", []), name="behind")
    store = AssetStore(
        MemoryBackend(), wrappers=[lambda inner: ReadThrough(inner, store=behind), *gaps.get("here", [])], name="test"
    )
    for number, key in enumerate("abcdefg"):
        (store, behind)[number % 2].upload(b"", key)
    behind.upload(b"", "h")
    assert [*"abcdefgh"] == [key for key, _ in _all_pages(store, "", {"limit": limit})]


def _all_pages(store: AssetStore, prefix: str, options: dict[str, Any]) -> list[tuple[str, int]]:
    found: list[tuple[str, int]] = []
    cursor = None
    while True:
        page = store.list_page(prefix, cursor=cursor, **options)
        entries = [*page.items, *page.prefixes]
        assert len(entries) <= options["limit"]
        found += sorted((entry.key, -1 if isinstance(entry, Prefix) else entry.size) for entry in entries)
        cursor = page.next_cursor
        if cursor is None:
            return found
