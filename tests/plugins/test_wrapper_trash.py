"""The trash: nothing that was deleted is lost before it is emptied, whatever interrupts a deletion."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import ClassVar

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assetstore import (
    AlreadyExistsError,
    AssetStore,
    InvalidKeyError,
    InvalidOptionError,
    NotFoundError,
    PreconditionError,
    UnavailableError,
    UnsupportedError,
    open_store,
)
from assetstore.plugin import (
    AssetInfo,
    CopyOptions,
    DeleteOptions,
    ListOptions,
    ListPage,
    Source,
    UploadOptions,
    Wrapper,
    hookimpl,
)
from assetstore.testing import FaultyBackend, MemoryBackend, Raise
from assetstore_local import LocalBackend
from assetstore_wrappers.trash import Trash, deleted, empty, restore

LONG_KEY = "maps/" + "ä" * 500


def trashing(backend: object = None) -> AssetStore:
    """Return a store with a trash, over a new memory if no backend is given."""
    return AssetStore(backend or MemoryBackend(), wrappers=[Trash], name="test")


@pytest.mark.parametrize("key", ["maps/keep.webp", "a", "a//b", "a/", "~" + "0" * 64, ".trash", LONG_KEY])
def test_what_was_deleted_comes_back_as_it_was(key: str) -> None:
    """Bytes, type and metadata are those of the asset, and nothing is left in the trash."""
    store = trashing()
    before = store.upload(b"abc", key, content_type="image/webp", metadata={"by": "gm"}, cache_control="no-store")
    store.delete(key)
    assert (False, []) == (store.exists(key), [*store.list()])
    assert [(key, 3)] == [(each.key, each.size) for each in deleted(store)]
    restored = restore(store, key)
    assert (b"abc", key) == (store.read(key), restored.key)
    after = store.stat(key)
    assert before.given() == after.given() == restored.given()
    assert [] == [*deleted(store)]


def test_each_deletion_of_a_key_is_kept() -> None:
    """The last one comes back first, and any one by its entry."""
    store = trashing()
    for data in (b"one", b"two", b"three"):
        store.upload(data, "a")
        store.delete("a")
    store.upload(b"deeper", "a/b")
    store.delete("a/b")
    found = [each for each in deleted(store, "a") if each.key == "a"]
    assert [b"one", b"two", b"three"] == [store.read(each.entry) for each in sorted(found, key=lambda each: each.time)]
    assert b"three" == store.read(restore(store, "a").key)
    store.delete("a")
    restore(store, "a", entry=found[0].entry, to="first")
    assert (b"one", ["a", "a", "a/b"]) == (store.read("first"), sorted(each.key for each in deleted(store)))
    (deeper,) = deleted(store, "a/b")
    for key, entry in (("other", found[1].entry), ("a", deeper.entry)):
        with pytest.raises(NotFoundError, match="not an entry of this key"):
            restore(store, key, entry=entry)


def test_restoring_overwrites_nothing_unless_asked() -> None:
    """A key that is taken is AlreadyExistsError; what is overwritten on demand goes into the trash in turn."""
    store = trashing()
    store.upload(b"old", "a")
    store.delete("a")
    store.upload(b"new", "a")
    with pytest.raises(AlreadyExistsError):
        restore(store, "a")
    assert (b"new", 1) == (store.read("a"), len([*deleted(store)]))
    restore(store, "a", overwrite=True)
    assert (b"old", [b"new"]) == (store.read("a"), [store.read(each.entry) for each in deleted(store)])
    with pytest.raises(NotFoundError, match="nothing in the trash had this key"):
        restore(store, "b")


def test_what_a_restoration_overwrites_keeps_its_key() -> None:
    """However long the key is, and where nothing is copied natively, what was overwritten can be listed and restored too."""
    for key in ("a", LONG_KEY):
        for without in ((), ("copy",)):
            store = trashing(FaultyBackend(MemoryBackend(), without=without))
            store.upload(b"old", key)
            store.delete(key)
            store.upload(b"new", key, metadata={"by": "gm"})
            restore(store, key, overwrite=True)
            assert [(key, b"new")] == [(each.key, store.read(each.entry)) for each in deleted(store)]
            assert b"old" == store.read(key)
            restore(store, key, overwrite=True)
            assert (b"new", {"by": "gm"}) == (store.read(key), store.stat(key).metadata)


def test_what_vanishes_while_the_trash_is_listed_is_left_out() -> None:
    """Two that empty a trash at once disturb each other in nothing, long keys included."""

    class Unnamed(Wrapper):
        """Lists no metadata, as S3 does, and has somebody else empty the trash right after a listing."""

        @hookimpl
        def assetstore_list(self, prefix: str, options: ListOptions) -> ListPage | None:
            page = self.inner.assetstore_list(prefix=prefix, options=options)
            assert page is not None
            self.inner.assetstore_delete(keys=[item.key for item in page.items], options=DeleteOptions())
            return attrs.evolve(page, items=tuple(attrs.evolve(item, metadata=None) for item in page.items))

    store = AssetStore(MemoryBackend(), wrappers=[Trash, Unnamed])
    store.upload(b"abc", LONG_KEY)
    store.delete(LONG_KEY)
    assert [] == [*deleted(store)]


def test_emptying_takes_what_is_old_enough() -> None:
    """Younger deletions stay, other prefixes too; a duration that is none is refused."""
    store = trashing()
    for key in ("maps/a", "maps/b", "notes/a"):
        store.upload(b"abc", key)
    store.delete_many(["maps/a", "maps/b", "notes/a"])
    assert () == empty(store, older_than="1d").deleted
    assert () == empty(store, older_than=timedelta(hours=1)).deleted
    assert 2 == len(empty(store, older_than=0, prefix="maps/").deleted)
    assert ["notes/a"] == [each.key for each in deleted(store)]
    with pytest.raises(InvalidOptionError, match="older_than must be"):
        empty(store, older_than="soon")


def test_the_trash_is_out_of_sight() -> None:
    """No listing shows it unless asked for by name, on whichever page and however folded; like names are shown."""
    memory = MemoryBackend()
    store = trashing(memory)
    keys = ["!a", *(f".a{number}" for number in range(5)), ".trash", ".trash0", ".trashed/b", "a/b", "c"]
    for key in (*keys, *(f"gone/{number}" for number in range(30))):
        store.upload(b"", key)
    store.delete_many([f"gone/{number}" for number in range(30)])
    AssetStore(memory).upload(b"", ".trash/\U0010ffff\U0010ffff/by hand")
    for limit in (1, 2, 7, 1000):
        for folded in (True, False):
            names, cursor = [], None
            while True:
                page = store.list_page(limit=limit, cursor=cursor, recursive=not folded)
                names += [each.key for each in (*page.items, *page.prefixes)]
                cursor = page.next_cursor
                if cursor is None:
                    break
            shown = [key if not folded or "/" not in key else key.partition("/")[0] + "/" for key in keys]
            assert sorted(shown) == sorted(names)
    assert [".trash", ".trash0", ".trashed/b"] == [each.key for each in store.list(".tr")]
    assert ["a/b", "c"] == [each.key for each in store.list(start_after=".trashed/b")]
    assert 31 == len([*store.list(".trash/")])


def test_nobody_writes_into_the_trash() -> None:
    """Uploads, one by one or many, copies and moves to a key in it are refused and change nothing."""
    store = trashing()
    store.upload(b"abc", "a")
    for attempt in (
        lambda: store.upload(b"", ".trash/a"),
        lambda: store.copy("a", ".trash/a"),
        lambda: store.move("a", ".trash/a"),
    ):
        with pytest.raises(InvalidKeyError, match="belong to a wrapper"):
            attempt()
    errors = [type(result.error) for result in store.upload_many([(b"", "b"), (b"", ".trash/b")], ordered=True)]
    assert [type(None), InvalidKeyError] == errors
    assert ["a", "b"] == [each.key for each in store.list()]


def test_a_signed_delete_is_refused_and_other_signatures_are_not(tmp_path: Path) -> None:
    """Signed GET, HEAD and PUT work as ever."""
    store = trashing(LocalBackend(root=tmp_path))
    for method in ("GET", "HEAD", "PUT"):
        assert method == store.presign("a", method=method).method
    assert 2 == len([*store.presign_many(["a", "b"])])
    with pytest.raises(UnsupportedError, match="go past the trash"):
        store.presign("a", method="DELETE")
    assert False is trashing().can("presign")


def test_what_cannot_be_copied_is_not_deleted() -> None:
    """A failed copy is reported for its key, and the asset stays; the others go."""
    memory = FaultyBackend(MemoryBackend())
    store = trashing(memory)
    for key in "abc":
        store.upload(key.encode(), key)
    with memory.failing(Raise(op="copy", error=UnavailableError("no answer"), nth=2)):
        report = store.delete_many("abc")
    assert [1, 2] == [len(report.failed), len(report.deleted)]
    (left,) = store.list()
    assert (left.key, sorted("abc")) == (report.failed[0].key, sorted([left.key, *(each.key for each in deleted(store))]))


def test_a_deletion_that_fails_after_the_copy_loses_nothing() -> None:
    """The asset is still there, and in the trash as well."""
    memory = FaultyBackend(MemoryBackend())
    store = trashing(memory)
    store.upload(b"abc", "a")
    with (
        memory.failing(Raise(op="delete", error=UnavailableError("no answer"))),
        pytest.raises(UnavailableError),
    ):
        store.delete("a")
    assert (b"abc", ["a"]) == (store.read("a"), [each.key for each in deleted(store)])


class Rival(Wrapper):
    """Has somebody replace an asset as soon as it was copied, while there is something to replace it with."""

    supports = frozenset({"copy.*"})
    passes = frozenset({"copy"})
    versions: ClassVar[list[tuple[str, bytes]]] = []

    @hookimpl
    def assetstore_copy(self, source: str, destination: str, options: CopyOptions) -> AssetInfo | None:
        """Copy, then replace."""
        copied = self.inner.assetstore_copy(source=source, destination=destination, options=options)
        if self.versions:
            key, data = self.versions.pop()
            self.inner.assetstore_upload(key=key, source=Source(data), options=UploadOptions())
        return copied


def test_what_is_written_while_an_asset_is_deleted_is_kept_too() -> None:
    """A version that arrives between copy and delete is in the trash as well, or the deletion fails and it stays."""
    store = AssetStore(MemoryBackend(), wrappers=[Trash, Rival], name="test")
    store.upload(b"old", "a")
    Rival.versions[:] = [("a", b"new")]
    store.delete("a")
    assert ([], {b"old", b"new"}) == ([*store.list()], {store.read(each.entry) for each in deleted(store)})
    store.upload(b"0", "b")
    Rival.versions[:] = [("b", b"%d" % number) for number in (3, 2, 1)]
    with pytest.raises(PreconditionError, match="replaced again and again"):
        store.delete("b")
    assert (b"3", {b"0", b"1", b"2"}) == (store.read("b"), {store.read(each.entry) for each in deleted(store, "b")})


KILLED = """
import os, signal, sys
from assetstore import AssetStore
from assetstore.plugin import Wrapper, hookimpl
from assetstore_local import LocalBackend
from assetstore_wrappers.trash import Trash, restore

class Killer(Wrapper):
    supports = frozenset({"delete.*", "copy.*"})
    passes = frozenset({"copy"})
    left = 0

    def count(self):
        Killer.left -= 1
        if Killer.left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

    @hookimpl
    def assetstore_copy(self, source, destination, options):
        self.count()
        made = self.inner.assetstore_copy(source=source, destination=destination, options=options)
        self.count()
        return made

    @hookimpl
    def assetstore_delete(self, keys, options):
        self.count()
        done = self.inner.assetstore_delete(keys=keys, options=options)
        self.count()
        return done

for moment in range(10):
    child = os.fork()
    if not child:
        Killer.left = moment
        store = AssetStore(LocalBackend(root=f"{sys.argv[1]}/{moment}"), wrappers=[Trash, Killer])
        store.delete("a")
        restore(store, "a")
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_a_kill_at_any_moment_loses_nothing(tmp_path: Path) -> None:
    """Whenever a process is killed that deletes or restores, the asset is at its key or in the trash, whole."""
    stores = [trashing(LocalBackend(root=tmp_path / str(moment))) for moment in range(10)]
    for store in stores:
        store.upload(b"abc", "a", metadata={"by": "gm"})
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], capture_output=True, text=True)
    assert [-9] * 8 + [0, 0] == [*map(int, done.stdout.split())]
    for store in stores:
        kept = [*(["a"] if store.exists("a") else []), *(each.entry for each in deleted(store))]
        assert kept
        assert [(b"abc", {"by": "gm"})] * len(kept) == [(store.read(key), store.stat(key).metadata) for key in kept]


@given(st.lists(st.tuples(st.sampled_from(["put", "delete", "restore", "move"]), st.sampled_from("abc")), max_size=25))
def test_no_version_is_lost_but_by_an_overwrite(steps: list[tuple[str, str]]) -> None:
    """After any steps, each version that was not overwritten is at a key or in the trash."""
    store = trashing()
    expected: Counter[bytes] = Counter()
    for number, (step, key) in enumerate(steps):
        if step == "put" and not store.exists(key):
            store.upload(b"%d" % number, key)
            expected[b"%d" % number] += 1
        elif step == "delete":
            store.delete(key)
        elif step == "move" and store.exists(key) and not store.exists("c"):
            expected[store.read(key)] += key != "c"  # a move deletes, and so leaves a version in the trash
            store.move(key, "c")
        elif step == "restore" and any(each.key == key for each in deleted(store)):
            restore(store, key, overwrite=True)
    kept = [*(each.key for each in store.list()), *(each.entry for each in deleted(store))]
    assert expected == Counter(map(store.read, kept))


def test_processes_that_delete_the_same_assets_lose_none(tmp_path: Path) -> None:
    """Of several deleters at once each asset is in the trash at least once, and gone from its key."""
    store = trashing(LocalBackend(root=tmp_path))
    keys = [f"k{number}" for number in range(40)]
    for key in keys:
        store.upload(key.encode(), key)
    program = """
import sys
from assetstore import AssetStore
from assetstore_local import LocalBackend
from assetstore_wrappers.trash import Trash
store = AssetStore(LocalBackend(root=sys.argv[1]), wrappers=[Trash])
print(len(store.delete_many([f"k{number}" for number in range(40)]).failed))
"""
    with ThreadPoolExecutor(3) as pool:
        command = [sys.executable, "-c", program, str(tmp_path)]
        done = list(pool.map(lambda _: subprocess.run(command, capture_output=True, text=True).stdout, range(3)))
    assert (["0\n"] * 3, []) == (done, [*store.list()])
    assert {key: key.encode() for key in keys} == {each.key: store.read(each.entry) for each in deleted(store)}


def test_a_part_of_a_store_deletes_into_the_trash_of_the_whole() -> None:
    """A scoped store deletes as ever, and the whole store restores."""
    store = trashing()
    part = store.scoped("tenant/")
    part.upload(b"abc", "a")
    part.delete("a")
    assert ([], ["tenant/a"]) == ([*part.list()], [each.key for each in deleted(store, "tenant/")])
    restore(store, "tenant/a")
    assert b"abc" == part.read("a")


def test_without_native_copies_the_trash_reads_and_uploads() -> None:
    """Over a backend that cannot copy nothing changes."""
    store = trashing(FaultyBackend(MemoryBackend(), without=["copy"]))
    store.upload(b"abc", "a", metadata={"by": "gm"})
    store.delete("a")
    restore(store, "a")
    assert (b"abc", {"by": "gm"}) == (store.read("a"), store.stat("a").metadata)


def test_the_commands_list_restore_and_empty(tmp_path: Path) -> None:
    """The command line does what the functions do, and names the key in an error."""
    (tmp_path / "assetstore.toml").write_text('[stores.dev]\nurl = "file:assets"\nwrappers = ["trash"]\n')

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "assetstore", "-s", "dev", "trash", *words]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)

    with open_store("dev", config=tmp_path / "assetstore.toml") as store:
        for key in ("a", "b"):
            store.upload(b"abc", key)
        store.delete_many(["a", "b"])
        assert ["a", "b"] == [json.loads(line)["key"] for line in run("list", "--json").stdout.splitlines()]
        assert ("a\n", b"abc") == (run("restore", "a").stdout, store.read("a"))
        missing = run("restore", "a")
        assert (True, True) == (missing.returncode != 0, "nothing in the trash had this key" in missing.stderr)
        assert "would remove 1 deleted assets, 3 bytes\n" == run("empty", "--older-than", "0", "-n").stderr
        assert "removed 1 deleted assets, 3 bytes\n" == run("empty", "--older-than", "0").stderr
        assert [] == [*deleted(store)]
