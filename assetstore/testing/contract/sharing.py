"""Guarantees about stores that are shared, scoped, forked, pickled and closed."""

from __future__ import annotations

import contextlib
import os
import pickle
import threading
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from assetstore.errors import AssetStoreError, InvalidKeyError, UnsupportedError
from assetstore.store import AssetStore
from assetstore.testing.contract.fixtures import Fixtures
from assetstore.testing.memory import MemoryBackend


class SharingGuarantees(Fixtures):
    """A store among threads, processes and other stores.

    A store may be shared by threads, used after a fork and narrowed to a prefix. Built from live objects, with
    connections and secrets, it is not pickled. It does nothing once it is closed.
    """

    def test_threads_share_a_store(self, store: AssetStore) -> None:
        """Threads that write, read, list and delete their own keys at once do not disturb each other."""
        start = threading.Barrier(8)

        def work(number: int) -> list[str]:
            start.wait()
            for turn in range(4):
                key = f"thread-{number}/{turn}"
                store.upload(key.encode() * 1000, key)
                assert key.encode() * 1000 == store.read(key)
            store.delete(f"thread-{number}/0")
            return sorted(item.key for item in store.list(f"thread-{number}/"))

        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(work, range(8)))
        expected = [[f"thread-{number}/{turn}" for turn in (1, 2, 3)] for number in range(8)]
        assert expected == found
        # A write or a delete that another one undid may show only now.
        assert [key for keys in expected for key in keys] == [item.key for item in store.list("thread-")]

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
    def test_a_forked_child_can_use_the_store(self, store: AssetStore) -> None:
        """A child made by fork reads and writes through the store it inherited, and the parent goes on."""
        store.upload(b"parent", "a")
        with warnings.catch_warnings():
            # Python warns of threads at a fork; that the store stands it is what is shown here.
            warnings.simplefilter("ignore", DeprecationWarning)
            child = os.fork()
        if child == 0:
            os._exit(0 if _works(store) else 1)
        assert 0 == os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        assert b"parent" == store.read("a")

    def test_a_store_of_live_objects_refuses_to_be_pickled(self, store: AssetStore) -> None:
        """Pickling a store that was not opened by name or URL is a TypeError that says what to do."""
        with pytest.raises(TypeError, match="cannot be pickled"):
            pickle.dumps(store)

    def test_what_a_store_tells_can_be_pickled(self, store: AssetStore) -> None:
        """Facts about an asset, pages of a listing and signed requests go to other processes and come back equal."""
        reported: list[object] = [store.upload(b"abc", "a"), store.stat("a"), store.list_page()]
        with contextlib.suppress(UnsupportedError):
            reported += [store.presign("a"), store.presign("a", method="PUT", content_type="x/y")]
        assert reported == pickle.loads(pickle.dumps(reported))  # noqa: S301 - our own bytes

    def test_two_stores_in_one_process_do_not_mix(self, store: AssetStore) -> None:
        """What is written to one store is not in another."""
        with AssetStore(MemoryBackend()) as other:
            store.upload(b"1", "a")
            other.upload(b"2", "b")
            assert ["a"] == [item.key for item in store.list()]
            assert ["b"] == [item.key for item in other.list()]

    def test_two_stores_over_one_place_agree(
        self, store: AssetStore, rival: Callable[[], AssetStore] | None
    ) -> None:
        """What one store writes, replaces and deletes, another over the same place sees at once."""
        if rival is None:
            return
        with rival() as other:
            for data in (b"first", b"second"):
                store.upload(data, "a/b")
                assert data == other.read("a/b")
                assert ["a/b"] == [item.key for item in other.list()]
            other.delete("a/b")
            assert (False, []) == (store.exists("a/b"), list(store.list()))
            other.upload(b"third", "a")
        assert b"third" == store.read("a")

    def test_a_scoped_store_cannot_leave_its_prefix(self, store: AssetStore) -> None:
        """A store under a prefix sees and changes only what is below it, and says keys without it."""
        for key in ("t/a", "t-evil/a", "t", "u/a"):
            store.upload(key.encode(), key)
        inner = store.scoped("t/")
        assert b"t/a" == inner.read("a")
        assert ["a"] == [item.key for item in inner.list()]
        for key in ("../u/a", "/u/a", "x/../../u/a", "./a"):
            with pytest.raises(InvalidKeyError):
                inner.upload(b"evil", key)
            with pytest.raises(InvalidKeyError):
                inner.copy("a", key)
        assert "b/c" == inner.copy("a", "b/c").key
        assert ["a"] == [item.key for item in inner.list(limit=1)]
        assert ["b/c"] == [item.key for item in inner.list("b/")]
        assert ("a", "b/c") == tuple(sorted(inner.delete_many(inner.list()).deleted))
        assert ["t", "t-evil/a", "u/a"] == sorted(item.key for item in store.list())

    def test_a_prefix_without_a_slash_is_a_plain_beginning(self, store: AssetStore) -> None:
        """A scope may end anywhere; a key that would melt into it in Unicode is refused."""
        inner = store.scoped("pre-e")
        inner.upload(b"1", "x")
        assert b"1" == store.read("pre-ex")
        with pytest.raises(InvalidKeyError):
            inner.upload(b"2", "\u0301")

    def test_a_closed_store_refuses_everything(self, store: AssetStore) -> None:
        """After close(), which may be called twice, each operation is an AssetStoreError."""
        store.close()
        store.close()
        operations: list[Callable[[], object]] = [
            lambda: store.upload(b"", "a"),
            lambda: store.read("a"),
            lambda: store.open("a"),
            lambda: store.stat("a"),
            lambda: store.exists("a"),
            lambda: store.list(),
            lambda: store.list_page(),
            lambda: store.delete("a"),
            lambda: store.delete_many([]),
            lambda: store.copy("a", "b"),
            lambda: store.move("a", "b"),
            lambda: store.update("a"),
            lambda: store.presign("a"),
            lambda: store.scoped("a/").read("a"),
        ]
        for operation in operations:
            with pytest.raises(AssetStoreError, match="closed"):
                operation()


def _works(store: AssetStore) -> bool:
    try:
        store.upload(b"child", "b")
        return (store.read("a"), store.read("b")) == (b"parent", b"child")
    except Exception:  # the child has no other way to tell than its exit status
        return False
