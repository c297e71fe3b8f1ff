"""Guarantees about calls for many assets at once."""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from assetstore.bulk.pool import BulkResults
from assetstore.errors import (
    AlreadyExistsError,
    AssetStoreError,
    InvalidKeyError,
    InvalidOptionError,
    NotFoundError,
    SourceError,
)
from assetstore.results import AssetInfo
from assetstore.store import AssetStore
from assetstore.testing.contract.fixtures import Able, Fixtures
from assetstore.testing.contract.wrapping import Disguise, wrapped
from assetstore.testing.faulty import FaultyBackend
from assetstore.testing.observer import RecordingObserver

HELD = 1000
"""More items than any call holds at a time."""


def errors_of(results: BulkResults[Any]) -> dict[int, type[Exception] | None]:
    """Return the class of the error of each item, by its place."""
    return {result.index: None if result.error is None else type(result.error) for result in results}


def _versions(infos: Iterable[AssetInfo]) -> list[tuple[object, ...]]:
    """Return what an upload and a look-up both know."""
    return [(info.key, info.size, info.etag) for info in infos]


def _seen(observer: RecordingObserver) -> list[tuple[object, ...]]:
    """Return the events so far, and forget them."""
    events: list[tuple[object, ...]]
    events = [(event.op, event.key, event.bytes, event.error) for event in observer.events]
    observer.events.clear()
    return events


class BulkGuarantees(Fixtures):
    """A call about many assets does for each what the call about one does, and what becomes of one is no other's concern.

    It takes items as it needs them, so there may be any number.
    """

    def test_many_assets_go_the_way_of_one(self, store: AssetStore, tmp_path: Path) -> None:
        """What is uploaded at once can be looked up, read, copied, moved and downloaded at once."""
        file = tmp_path / "source.txt"
        file.write_bytes(b"from a file")
        data = {f"k/{number:02}": b"%d" % number * number for number in range(40)}
        items: list[tuple[Any, str]]
        items = [*((content, key) for key, content in data.items()), (file, "k/file"), (iter([b"from ", b"pieces"]), "k/it")]
        data |= {"k/file": b"from a file", "k/it": b"from pieces"}
        uploaded = [result.result() for result in store.upload_many(items, ordered=True)]
        assert {key: len(content) for key, content in data.items()} == {info.key: info.size for info in uploaded}
        assert data == {result.key: result.result() for result in store.read_many(data)}
        found = [result.result() for result in store.stat_many(data, ordered=True)]
        assert _versions(uploaded) == _versions(found)
        assert set() == {result.error for result in store.copy_many((key, f"c/{key}") for key in data)} - {None}
        assert set() == {result.error for result in store.move_many((key, f"m/{key}") for key in data)} - {None}
        assert {f"{folder}/{key}" for folder in "cm" for key in data} == {item.key for item in store.list()}
        assert set() == {result.error for result in store.download_many(store.list(), tmp_path / "out")} - {None}
        assert data == {key: (tmp_path / "out" / "c" / key).read_bytes() for key in data}
        assert data == {key: (tmp_path / "out" / "m" / key).read_bytes() for key in data}

    def test_results_can_come_in_the_order_of_the_items(self, store: AssetStore) -> None:
        """With ``ordered`` the n-th result is that of the n-th item; without, each comes once."""
        items = [(b"x" * (number * 7919 % 5000), f"k/{number}") for number in range(60)]
        assert list(range(60)) == [result.index for result in store.upload_many(items, ordered=True)]
        found = list(store.stat_many(key for _, key in items))
        assert list(range(60)) == sorted(result.index for result in found)
        assert {(key, len(data)) for data, key in items} == {(result.item, result.result().size) for result in found}

    def test_the_failure_of_one_item_stops_no_other(self, store: AssetStore, tmp_path: Path) -> None:
        """Each item that fails has its own error, and all others are done."""

        def broken() -> Iterator[bytes]:
            yield b"a"
            raise ZeroDivisionError

        items = [(b"1", "a"), (b"2", "/b"), (tmp_path / "none", "c"), (broken(), "d"), (42, "e"), (b"3", 5), (b"4", "f")]
        found = errors_of(store.upload_many(items))  # type: ignore[arg-type]  # some are wrong
        wrong = {1: InvalidKeyError, 2: SourceError, 3: ZeroDivisionError, 4: SourceError, 5: InvalidKeyError}
        assert {0: None, **wrong, 6: None} == found
        assert ["a", "f"] == [item.key for item in store.list()]
        assert {0: None, 1: NotFoundError, 2: None} == errors_of(store.read_many(["a", "none", "f"]))
        assert {0: None, 1: NotFoundError, 2: InvalidKeyError} == errors_of(store.stat_many(["a", "none", ""]))
        pairs = [("a", "b"), ("none", "c"), "ab", ("f", "/")]
        found = errors_of(store.copy_many(pairs))  # type: ignore[arg-type]  # some are wrong
        assert {0: None, 1: NotFoundError, 2: InvalidOptionError, 3: InvalidKeyError} == found
        found = errors_of(store.download_many(["a", "../a", "none", ("f", "f/../../f")], tmp_path / "out"))
        assert {0: None, 1: InvalidKeyError, 2: NotFoundError, 3: InvalidKeyError} == found
        assert [tmp_path / "out" / "a"] == [path for path in tmp_path.rglob("*") if path.is_file()]

    def test_a_key_given_twice_in_one_call_fails(self, store: AssetStore, spy: FaultyBackend) -> None:
        """The first of two items with one key is done; the other fails before it is sent, however it spells the key."""
        items = [(b"1", "\u00e9"), (b"2", "a"), (b"3", "e\u0301"), (b"4", "a")]
        assert {0: None, 1: None, 2: InvalidKeyError, 3: InvalidKeyError} == errors_of(store.upload_many(items))
        assert [b"1", b"2"] == [result.value for result in store.read_many(["\u00e9", "a"], ordered=True)]
        pairs = [("a", "b"), ("b", "c"), ("\u00e9", "a"), ("a", "d"), ("a", "a")]
        calls = len(spy.calls)
        found = errors_of(store.copy_many(pairs))
        assert {0: None, 1: InvalidKeyError, 2: InvalidKeyError, 3: None, 4: InvalidKeyError} == found
        assert {0: None, 1: InvalidKeyError} == errors_of(store.move_many([("b", "e"), ("e", "f")]))
        assert calls < len(spy.calls)
        assert ["a", "d", "e", "\u00e9"] == [item.key for item in store.list()]

    def test_items_are_taken_as_they_are_needed(self, store: AssetStore) -> None:
        """Nothing is taken before a result is asked for, and of endless items no more than are held."""
        taken = itertools.count()
        keys = (f"k/{next(taken)}" for _ in itertools.count())
        results = store.stat_many(keys)
        assert 0 == next(taken)
        assert {NotFoundError} == {type(result.error) for result in itertools.islice(results, 5)}
        results.close()
        assert HELD > next(taken)
        assert [] == list(results)

    def test_closing_ends_what_runs(self, store: AssetStore) -> None:
        """Closing the results ends an upload in the middle; its key stays free, and no thread is left."""
        began = threading.Event()

        def endless() -> Iterator[bytes]:
            while True:
                began.set()
                yield b"x" * 64

        before = set(threading.enumerate())
        with store.upload_many([(endless(), "endless"), (b"a", "a")]) as results:
            assert "a" == next(results).key
            assert began.wait(600)
        threads = [thread for thread in set(threading.enumerate()) - before if thread.name.startswith("assetstore ")]
        for thread in threads:  # closing waits a second at most, which is too short for a busy machine
            thread.join(600)
        assert [] == [thread for thread in threads if thread.is_alive()]
        assert [] == list(results)
        assert ["a"] == [item.key for item in store.list()]

    def test_each_item_ends_in_one_event(self, store: AssetStore, prefix: str, observer: RecordingObserver) -> None:
        """Observers see of many at once what they see of one after the other."""
        items: list[tuple[bytes | str, str]] = [(b"abc", "a"), (b"", "b"), ("/no/such/file", "c"), (b"d", "/d")]
        for source, key in items:
            with contextlib.suppress(AssetStoreError):
                store.upload(source, key)
        expected = _seen(observer)
        results = list(store.upload_many([*items, (b"2", "a")]))
        repeated = ("upload", f"{prefix}a", 0, "InvalidKeyError")
        assert sorted(map(repr, [*expected, repeated])) == sorted(map(repr, _seen(observer)))
        errors = [result.error for result in results if isinstance(result.error, AssetStoreError)]
        assert [("upload", "/d"), ("upload", "a"), ("upload", "c")] == sorted((error.op, error.key) for error in errors)

    def test_at_most_so_many_run_at_once(self, store: AssetStore) -> None:
        """``max_concurrency`` bounds how many sources are read at a time."""
        lock, open_now, most = threading.Lock(), [0], [0]

        def counted() -> Iterator[bytes]:
            with lock:
                open_now[0] += 1
                most[0] = max(most[0], open_now[0])
            yield b"abc"
            yield b"def"
            with lock:
                open_now[0] -= 1

        results = store.upload_many(((counted(), f"k/{number}") for number in range(20)), max_concurrency=3)
        assert {6} == {result.result().size for result in results}
        assert 3 >= most[0]

    def test_a_batch_of_uploads_is_as_one_by_one(self, store: AssetStore, able: Able, tmp_path: Path) -> None:
        """Where the backend writes several at once, each keeps its own key, options and error."""
        create_only = {"overwrite": False} if able("upload.overwrite") else {}
        typed = able("upload.content_type")
        store.upload(b"old", "k/03")
        file = tmp_path / "file.bin"
        file.write_bytes(bytes(range(256)) * 300)
        items: list[tuple[bytes | Path, str, dict[str, Any]]]
        items = [(b"%d" % number, f"k/{number:02}", create_only) for number in range(10)]
        kind = {"content_type": "image/png"} if typed else {}
        items += [(file, "k/file", kind), (tmp_path / "none", "k/none", {}), (b"", "k/empty", {})]
        found = {result.item[1]: result for result in store.upload_many(items)}
        wrong = {key: type(result.error) for key, result in found.items() if result.error is not None}
        assert {"k/none": SourceError, **({"k/03": AlreadyExistsError} if create_only else {})} == wrong
        expected = {f"k/{number:02}": b"%d" % number for number in range(10)}
        expected |= {"k/03": b"old" if create_only else b"3", "k/file": file.read_bytes(), "k/empty": b""}
        assert expected == {item.key: store.read(item.key) for item in store.list()}
        infos = {key: result.value for key, result in found.items() if result.value is not None}
        assert _versions(infos.values()) == _versions(store.stat(key) for key in infos)
        if typed:
            assert "image/png" == store.stat("k/file").content_type

    def test_no_batch_slips_past_a_wrapper(self, spy: FaultyBackend, prefix: str) -> None:
        """Uploads at once go through the upload of a wrapper that does not pass them on."""
        store = wrapped(Disguise, spy, self.wrappers).scoped(prefix)
        plain = {f"k/{number}": b"plain %d" % number for number in range(8)}
        assert {None} == {result.error for result in store.upload_many((data, key) for key, data in plain.items())}
        assert plain == {result.key: result.value for result in store.read_many(plain)}
        # Other wrappers in between may look assets up.
        assert set() == {op for op, _ in spy.calls} - {"upload", "read", "stat"}
        below = self.stack(spy).scoped(prefix)
        assert set() == {below.read(key) for key in plain} & set(plain.values())
