"""Guarantees about writes that depend on what is stored."""

from __future__ import annotations

import functools
import multiprocessing
import os
import threading
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any

import pytest

from assetstore.errors import AlreadyExistsError, AssetStoreError, PreconditionError
from assetstore.store import AssetStore
from assetstore.testing.contract.fixtures import Able, Fixtures, brief

WRITERS = 8

_start: Any = None
_rival: Any = None


class ConditionGuarantees(Fixtures):
    """Create-only, compare-and-swap, and who wins.

    A condition and its write are one step: of any number of rivals, in threads or in processes, exactly one succeeds and the
    others are told so.
    """

    def test_a_create_only_upload_refuses_a_taken_key(self, store: AssetStore, able: Able) -> None:
        """``overwrite=False`` writes a free key and raises AlreadyExistsError, a FileExistsError, for a taken one."""
        if not able("upload.overwrite"):
            return
        store.upload(b"first", "a", overwrite=False)
        for source in (b"second", b"", iter([b"third"])):
            with pytest.raises(FileExistsError) as caught:
                store.upload(source, "a", overwrite=False)
            assert isinstance(caught.value, AlreadyExistsError)
        assert b"first" == store.read("a")
        store.delete("a")
        store.upload(b"again", "a", overwrite=False)
        assert b"again" == store.read("a")

    def test_a_create_only_upload_ignores_keys_around_it(self, store: AssetStore, able: Able) -> None:
        """Keys below and above do not take a key."""
        if not able("upload.overwrite"):
            return
        for key in ("a/b", "a", "a/b/c", "a-b"):
            store.upload(b"", key, overwrite=False)
        assert ["a", "a-b", "a/b", "a/b/c"] == sorted(item.key for item in store.list())

    def test_a_compare_and_swap_needs_the_stored_etag(self, store: AssetStore, able: Able) -> None:
        """``if_match`` writes over that version only, on S3 over those bytes; another or none at all is refused."""
        if not able("upload.if_match"):
            return
        first = store.upload(b"1", "a").etag
        second = store.upload(b"2", "a", if_match=first).etag
        assert None is not first != second
        for etag in (first, "no-such-etag"):
            with pytest.raises(PreconditionError):
                store.upload(b"3", "a", if_match=etag)
        with pytest.raises(PreconditionError):
            store.upload(b"3", "missing", if_match=second)
        assert (b"2", ["a"]) == (store.read("a"), [item.key for item in store.list()])

    def test_a_read_can_insist_on_a_version(self, store: AssetStore, able: Able) -> None:
        """``if_match`` of a read gives that version's bytes or raises PreconditionError."""
        if not able("read.if_match"):
            return
        etag = store.upload(b"1", "a").etag
        assert b"1" == store.read("a", if_match=etag)
        store.upload(b"2", "a")
        with pytest.raises(PreconditionError):
            store.read("a", if_match=etag)

    def test_an_update_can_insist_on_a_version(self, store: AssetStore, able: Able) -> None:
        """``if_match`` of an update changes that version's headers, and with them the ETag, or raises PreconditionError."""
        if not able("update.if_match") or not able("update.content_type"):
            return
        etag = store.upload(b"1", "a.png").etag
        store.upload(b"2", "a.png")
        with pytest.raises(PreconditionError):
            store.update("a.png", content_type="image/webp", if_match=etag)
        assert "image/png" == store.stat("a.png").content_type
        etag = store.stat("a.png").etag
        store.update("a.png", content_type="image/webp", if_match=etag)
        assert "image/webp" == store.stat("a.png").content_type
        with pytest.raises(PreconditionError):
            store.update("a.png", content_type="image/gif", if_match=etag)
        assert "image/webp" == store.stat("a.png").content_type

    def test_an_etag_tells_versions_apart(self, store: AssetStore) -> None:
        """Other bytes have another ETag, and an unchanged asset keeps its own; it holds no quotes."""
        etag = store.upload(b"1", "a").etag
        if etag is None:
            return
        assert etag == store.stat("a").etag == store.open("a").info.etag
        assert etag != store.upload(b"2", "a").etag
        assert '"' not in etag

    def test_of_many_create_only_threads_one_wins(self, store: AssetStore, able: Able) -> None:
        """Threads that write one free key create-only at once: one succeeds, and its bytes are stored."""
        if not able("upload.overwrite"):
            return
        for round_number in range(5):
            key = f"key-{round_number}"
            won = _race(functools.partial(_create_as_thread, store, key))
            assert 1 == len(won)
            assert brief(_payload(won[0])) == brief(store.read(key))

    def test_of_many_create_only_copies_one_wins(self, store: AssetStore, able: Able) -> None:
        """Threads that copy to one free key create-only at once: one succeeds, and its bytes are stored."""
        if not able("copy.overwrite"):
            return
        for number in range(WRITERS):
            store.upload(_payload(number), f"from-{number}")
        won = _race(lambda number: store.copy(f"from-{number}", "to", overwrite=False))
        assert 1 == len(won)
        assert brief(_payload(won[0])) == brief(store.read("to"))

    def test_of_many_swapping_threads_one_wins(self, store: AssetStore, able: Able) -> None:
        """Threads that replace one version at once: one succeeds, and its bytes are stored."""
        if not able("upload.if_match"):
            return
        etag = store.upload(b"first", "a").etag
        won = _race(lambda number: store.upload(_payload(number), "a", if_match=etag))
        assert 1 == len(won)
        assert brief(_payload(won[0])) == brief(store.read("a"))

    def test_of_many_updating_threads_one_wins(self, store: AssetStore, able: Able) -> None:
        """Of 16 threads that change one version's metadata at once, one succeeds, and its metadata are stored."""
        if not able("update.if_match") or not able("update.metadata"):
            return
        etag = store.upload(b"bytes", "a").etag
        won = _race(lambda number: store.update("a", metadata={"by": str(number)}, if_match=etag), 16)
        assert 1 == len(won)
        assert {"by": str(won[0])} == dict(store.stat("a").metadata or {})
        assert b"bytes" == store.read("a")

    def test_of_many_create_only_processes_one_wins(
        self, store: AssetStore, able: Able, rival: Callable[[], AssetStore] | None
    ) -> None:
        """Of 8 processes that write one free key create-only at once, one succeeds, and its bytes are stored."""
        if rival is None or not able("upload.overwrite"):
            return
        won = _race_processes(rival, {"overwrite": False})
        assert 1 == len(won)
        assert brief(_payload(won[0])) == brief(store.read("raced"))

    def test_of_many_swapping_processes_one_wins(
        self, store: AssetStore, able: Able, rival: Callable[[], AssetStore] | None
    ) -> None:
        """Of 8 processes that replace one version at once, one succeeds, and its bytes are stored."""
        if rival is None or not able("upload.if_match"):
            return
        won = _race_processes(rival, {"if_match": store.upload(b"first", "raced").etag})
        assert 1 == len(won)
        assert brief(_payload(won[0])) == brief(store.read("raced"))

    def test_of_many_writers_the_last_one_is_whole(self, store: AssetStore) -> None:
        """Threads that overwrite one key at once leave the whole bytes of one of them."""
        won = _race(lambda number: store.upload(_payload(number), "a"))
        assert WRITERS == len(won)
        assert brief(store.read("a")) in [brief(_payload(number)) for number in won]


def _payload(number: int) -> bytes:
    return b"%d" % number * 100_000


def _create_as_thread(store: AssetStore, key: str, number: int) -> None:
    store.upload(_payload(number), key, overwrite=False)


def _race(write: Callable[[int], object], rivals: int = WRITERS) -> list[int]:
    """Return which of several threads, all started at once, were not refused."""
    start = threading.Barrier(rivals)

    def run(number: int) -> bool:
        start.wait()
        try:
            write(number)
        except (AlreadyExistsError, PreconditionError):
            return False
        return True

    with ThreadPoolExecutor(rivals) as pool:
        return [number for number, won in enumerate(pool.map(run, range(rivals))) if won]


def _race_processes(rival: Callable[[], AssetStore], options: dict[str, Any]) -> list[int]:
    """Return which of several processes, all started at once, were not refused."""
    # A fork is much faster; what it inherits is not used.
    context = multiprocessing.get_context("fork" if hasattr(os, "fork") else "spawn")
    start = context.Barrier(WRITERS, timeout=600)
    with warnings.catch_warnings(), ProcessPoolExecutor(WRITERS, context, _set_up, (start, rival)) as pool:
        warnings.simplefilter("ignore", DeprecationWarning)
        outcomes = pool.map(functools.partial(_run_in_process, options), range(WRITERS))
        return [number for number, won in enumerate(outcomes) if won]


def _set_up(start: Any, rival: Callable[[], AssetStore]) -> None:
    global _start, _rival
    _start, _rival = start, rival


def _run_in_process(options: dict[str, Any], number: int) -> bool:
    with _rival() as store:
        _start.wait()
        try:
            store.upload(_payload(number), "raced", **options)
        except (AlreadyExistsError, PreconditionError):
            return False
        except AssetStoreError as error:
            # Ours may hold what cannot be pickled on the way to the parent.
            raise RuntimeError(str(error)) from None
        return True
