"""Many at once, apart from what the contract guarantees for every backend: threads, batches, the number of operations."""

from __future__ import annotations

import gc
import itertools
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assetstore import (
    AssetInfo,
    AssetStore,
    AssetStoreError,
    BulkResults,
    InvalidKeyError,
    InvalidOptionError,
    PluginError,
    UnavailableError,
)
from assetstore.bulk import repeats
from assetstore.bulk.concurrency import BATCHES, GENTLE, UNIT, Concurrency, as_many_as_files_allow
from assetstore.bulk.repeats import Repeats
from assetstore.bulk.running import Running, Stopped
from assetstore.plugin import NewAsset, UploadManyOptions, hookimpl, slow_down, stopping
from assetstore.testing import FaultyBackend, MemoryBackend, Raise, RecordingObserver, Return
from assetstore.testing.contract.bulk import BulkGuarantees
from threads_left import threads_left


class Batching(MemoryBackend):
    """Writes several assets at once, one after the other."""

    supports = MemoryBackend.supports | {"upload_many.max_concurrency"}

    @hookimpl
    def assetstore_upload_many(
        self, items: Sequence[NewAsset], options: UploadManyOptions
    ) -> Sequence[AssetInfo | Exception] | None:
        """Write all."""
        return [self._end(item) for item in items]

    def _end(self, item: NewAsset) -> AssetInfo | Exception:
        try:
            return self.assetstore_upload(item.key, item.source, item.options)
        except Exception as error:
            return error


class TestBatching(BulkGuarantees):
    """A backend that writes several assets at once keeps what is guaranteed of many."""

    @pytest.fixture
    def backend(self) -> Batching:
        """Return a new, empty memory."""
        return Batching()


def test_a_batch_is_one_call_of_the_backend() -> None:
    """Paths and bytes with keys go to the backend together; what has no key, or can be read only once, goes alone."""
    backend = FaultyBackend(Batching())
    store = AssetStore(backend)
    items = [*((b"x", f"k/{number}") for number in range(20)), (iter([b"y"]), "k/stream")]
    assert {None} == {result.error for result in store.upload_many(items)}
    batches = [len(arguments["items"]) for op, arguments in backend.calls if op == "upload_many"]
    alone = [arguments["key"] for op, arguments in backend.calls if op == "upload"]
    assert 20 == sum(batches) + len(alone) - 1
    assert "k/stream" in alone


def test_batches_begin_no_thread_while_another_one_is_idle() -> None:
    """Each thread keeps memory of its own, so two that take turns do any number of batches."""
    threads = set()

    class Telling(Batching):
        @hookimpl
        def assetstore_upload_many(
            self, items: Sequence[NewAsset], options: UploadManyOptions
        ) -> Sequence[AssetInfo | Exception] | None:
            threads.add(threading.current_thread())
            return super().assetstore_upload_many(items, options)

    with AssetStore(Telling()) as store:
        assert {None} == {result.error for result in store.upload_many((b"x", f"{number}") for number in range(3000))}
    assert 1 <= len(threads) <= BATCHES


def test_a_batch_that_the_backend_declines_goes_one_by_one() -> None:
    """``None`` from the hook makes the store upload each; nothing is lost and each has one event."""
    backend, observer = FaultyBackend(Batching(), Return(op="upload_many", value=None, nth=None)), RecordingObserver()
    store = AssetStore(backend, plugins=[observer])
    results = list(store.upload_many([(b"x", f"k/{number}") for number in range(50)] + [("/none", "none")]))
    assert [1, 50] == [sum(result.error is not None for result in results), sum(1 for _ in store.list())]
    assert 51 == len([event for event in observer.events if event.op == "upload"])


class Choosing(Batching):
    """Writes only short assets together."""

    @hookimpl
    def assetstore_upload_many(
        self, items: Sequence[NewAsset], options: UploadManyOptions
    ) -> Sequence[AssetInfo | Exception | None] | None:
        """Leave the longer ones."""
        return [self._end(item) if item.source.size == 1 else None for item in items]


def test_what_a_batch_leaves_out_goes_alone() -> None:
    """``None`` in the place of a result makes the store upload that item, which has one event and one result."""
    backend, observer = FaultyBackend(Choosing()), RecordingObserver()
    store = AssetStore(backend, plugins=[observer])
    items = {f"k/{number:03}": b"x" * (1 + number % 2) for number in range(600)}
    results = list(store.upload_many(((data, key) for key, data in items.items()), ordered=True))
    assert list(items) == [result.result().key for result in results]
    assert items == {key: store.read(key) for key in items}
    assert 600 == len([event for event in observer.events if event.op == "upload"])
    assert 300 == len([op for op, _ in backend.calls if op == "upload"])


def test_a_batch_that_fails_fails_for_each_of_its_items() -> None:
    """What a backend raises for a batch is the error of each item, with its own key."""
    backend = FaultyBackend(Batching(), Raise(op="upload_many", error=UnavailableError("gone"), nth=None))
    items = [(b"x", f"k/{number}") for number in range(30)]
    results = list(AssetStore(backend).upload_many(items, ordered=True))
    failed = [result for result in results if result.error is not None]
    assert all(isinstance(result.error, UnavailableError) and result.error.key == result.key for result in failed)
    assert failed


@pytest.mark.parametrize("value", [[], [AssetInfo(key="a", size=9)] * 3, ["a", "b", "c"], [None] * 3])
def test_a_backend_that_miscounts_a_batch_is_found_out(value: object) -> None:
    """Too few results, wrong sizes and wrong types are errors of the items."""
    backend = FaultyBackend(Batching(), Return(op="upload_many", value=value, nth=None))
    results = list(AssetStore(backend).upload_many([(b"x", "a"), (b"x", "b"), (b"x", "c")], max_concurrency=1))
    assert all(isinstance(result.error, AssetStoreError) for result in results if result.error is not None)
    if [op for op, _ in backend.calls] == ["upload_many"]:
        assert 3 == sum(result.error is not None for result in results)


def test_the_error_of_the_items_comes_after_the_results() -> None:
    """When the iterable of items fails, what came before is done and told first."""

    def items() -> Iterator[tuple[bytes, str]]:
        yield b"a", "a"
        yield b"b", "b"
        raise ZeroDivisionError

    keys: list[str | None] = []
    with pytest.raises(ZeroDivisionError):
        keys.extend(result.key for result in AssetStore(MemoryBackend()).upload_many(items()))
    assert ["a", "b"] == sorted(filter(None, keys))
    assert [] == threads_left()


def test_memory_stays_flat_for_any_number_of_items(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 5,000 results, which have 13 MB, none are kept; how many wait to be taken differs from moment to moment."""
    monkeypatch.setattr(repeats, "REMEMBERED", 500)
    results = AssetStore(MemoryBackend()).stat_many((f"{number}" for number in itertools.count()), max_concurrency=2)
    tracemalloc.start()
    try:
        assert 3000 == sum(1 for _ in itertools.islice(results, 3000))
        gc.collect()
        first = tracemalloc.get_traced_memory()[0]
        assert 5000 == sum(1 for _ in itertools.islice(results, 5000))
        gc.collect()
        assert first + 4_000_000 > tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
        results.close()


def test_an_unknown_keyword_fails_under_the_key_of_its_item() -> None:
    """The result names the asset that was not written."""
    (result,) = AssetStore(MemoryBackend()).upload_many([(b"x", "a", {"content_length": 1})])
    assert ("a", InvalidOptionError) == (result.key, type(result.error))


def test_a_slow_consumer_holds_the_items_back() -> None:
    """While results wait to be taken no further items are pulled."""
    store = AssetStore(MemoryBackend())
    taken: list[int] = []

    def items() -> Iterator[str]:
        for number in itertools.count():
            taken.append(number)
            yield f"{number}"

    results = store.stat_many(items(), max_concurrency=1)
    for number in range(2000):
        next(results)
        assert number + 200 > len(taken)
    results.close()


@pytest.mark.parametrize("wrong", [0, 1025, -1, 2.5, "3", True])
def test_max_concurrency_is_from_1_to_1024(wrong: object) -> None:
    """Anything else is refused at once, before an item is taken."""
    with pytest.raises(InvalidOptionError, match=r"read_many.*max_concurrency must be a whole number from 1 to 1,024"):
        AssetStore(MemoryBackend()).read_many(iter(["a"]), max_concurrency=wrong)  # type: ignore[arg-type]
    assert 1024 == Concurrency(1024).most


@pytest.mark.parametrize("wrong", ["keep.webp", b"abc", 5, Path("a"), None])
def test_items_must_be_several(wrong: object) -> None:
    """A single path, key or bytes in the place of a list is refused, not taken letter by letter."""
    store = AssetStore(MemoryBackend())
    for call in (store.upload_many, store.read_many, store.stat_many, store.copy_many, store.move_many):
        with pytest.raises(InvalidOptionError, match="the items must be several"):
            call(wrong)  # type: ignore[operator]
    with pytest.raises(InvalidOptionError, match=r"download_many .*: the items must be several"):
        store.download_many(wrong, "out")  # type: ignore[arg-type]


@pytest.mark.parametrize("item", [(), (b"a",), (b"a", "k", {"colour": "red"}), (b"a", "k", {}, 1), (b"a", "k", ["x"])])
def test_a_tuple_must_be_a_source_a_key_and_keywords(item: tuple[object, ...]) -> None:
    """An item of another shape is refused by itself, and says how it is written."""
    store = AssetStore(MemoryBackend())
    found = {result.index: result.error for result in store.upload_many([(b"x", "x"), item])}  # type: ignore[list-item]
    assert found[0] is None
    assert "must be (source, key) or (source, key, options of upload)" in str(found[1])


def test_what_is_given_for_one_item_wins() -> None:
    """Options of an item go before those of the call."""
    store = AssetStore(MemoryBackend())
    items = [(b"1", "a"), (b"2", "b", {"cache_control": "no-store", "metadata": {"by": "gm"}})]
    infos = [result.result() for result in store.upload_many(items, ordered=True, cache_control="max-age=60")]
    assert [("max-age=60", {}), ("no-store", {"by": "gm"})] == [(info.cache_control, info.metadata) for info in infos]


def test_progress_counts_every_byte_and_never_twice_at_once(tmp_path: Path) -> None:
    """The callback gets the sum of all sizes, and calls do not overlap."""
    store, lock, seen = AssetStore(MemoryBackend()), threading.Lock(), [0]

    def progress(count: int) -> None:
        assert lock.acquire(blocking=False)
        seen[0] += count
        lock.release()

    data = {f"{number}": b"x" * number * 100 for number in range(100)}
    assert {None} == {result.error for result in store.upload_many(((d, k) for k, d in data.items()), progress=progress)}
    assert sum(map(len, data.values())) == seen[0]
    assert {None} == {result.error for result in store.download_many(data, tmp_path, progress=progress)}
    assert 2 * sum(map(len, data.values())) == seen[0]


def test_a_download_never_goes_into_a_folder_that_has_its_name(tmp_path: Path) -> None:
    """The file of a key is at the key's path; where a folder stands there the item fails."""
    store = AssetStore(MemoryBackend())
    for key in ("a", "a/b"):
        store.upload(b"x", key)
    found = {result.key: result.error for result in store.download_many(["a/b", "a"], tmp_path, ordered=True)}
    assert 1 == sum(error is not None for error in found.values())
    assert 1 == len([path for path in tmp_path.rglob("*") if path.is_file()])


def test_two_keys_may_not_become_one_file(tmp_path: Path) -> None:
    """Of two pairs with one path the second fails."""
    store = AssetStore(MemoryBackend())
    for key in ("a/x", "b/x"):
        store.upload(key.encode(), key)
    found = list(store.download_many([("a/x", "x"), ("b/x", "x")], tmp_path, ordered=True))
    assert [None, InvalidKeyError] == [None if result.error is None else type(result.error) for result in found]
    assert b"a/x" == (tmp_path / "x").read_bytes()


def test_closing_calls_what_a_backend_asked_to_be_called() -> None:
    """A backend that waits for a socket is woken when the results are closed, and no thread is left."""
    here, there = socket.socketpair()
    waiting = threading.Event()

    class Waits(MemoryBackend):
        """Waits for an answer that never comes."""

        @hookimpl
        def assetstore_stat(self, key: str, options: object) -> AssetInfo:
            """Wait, until the socket is shut."""
            with stopping(lambda: here.shutdown(socket.SHUT_RDWR)):
                waiting.set()
                here.recv(1)
            raise UnavailableError("shut")

    def keys() -> Iterator[str]:
        yield "waits"
        assert waiting.wait(600)
        yield "/refused"

    with here, there, AssetStore(Waits()).stat_many(keys()) as results:
        assert isinstance(next(results).error, InvalidKeyError)
    assert [] == threads_left()


def test_a_results_object_that_is_forgotten_ends_its_threads() -> None:
    """Without a close the threads end all the same once nobody holds the results."""
    results = AssetStore(MemoryBackend()).stat_many(f"{number}" for number in itertools.count())
    next(results)
    del results
    assert [] == threads_left()


def test_results_say_what_they_are_and_read_nothing() -> None:
    """The repr takes no item."""
    results = AssetStore(MemoryBackend()).stat_many(iter(["a"]))
    assert "<results of stat_many: loop over them>" == repr(results)
    assert 1 == len(list(results))
    assert [] == list(results)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has no fork")
def test_a_forked_child_cannot_go_on_with_the_parents_results() -> None:
    """It says so instead of waiting for threads that it does not have."""
    program = """
import os
from assetstore import AssetStore, AssetStoreError
from assetstore.testing import MemoryBackend
results = AssetStore(MemoryBackend()).stat_many(str(number) for number in range(1000))
next(results)
if not os.fork():
    try:
        next(results)
    except AssetStoreError as error:
        print(error, flush=True)
    os._exit(0)
os.wait()
print(sum(1 for _ in results))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "stat_many must be used in the process that called it; call it again here\n999\n" == done.stdout


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has no fork")
def test_a_forked_child_does_not_end_what_its_parent_does() -> None:
    """The child's end closes the results there; the sockets, which it shares with its parent, are not shut."""
    program = """
import os, socket, sys, threading
from assetstore import AssetStore
from assetstore.plugin import hookimpl, stopping
from assetstore.testing import MemoryBackend
here, there = socket.socketpair()
waiting = threading.Event()

class Waits(MemoryBackend):
    @hookimpl
    def assetstore_stat(self, key, options):
        if key == "waits":
            with stopping(lambda: here.shutdown(socket.SHUT_RDWR)):
                waiting.set()
                assert b"x" == here.recv(1)
        return super().assetstore_stat(key, options)

def keys():
    yield "waits"
    waiting.wait()
    yield "b"

store = AssetStore(Waits())
store.upload(b"", "waits")
with store.stat_many(keys()) as results:
    next(results)
    if not os.fork():
        sys.exit()
    os.wait()
    there.send(b"x")
    print(next(results).error)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "None\n" == done.stdout


def test_a_loop_ends_when_another_thread_closes_the_results() -> None:
    """Who waits for a result that will never come is woken; the item that runs ends later."""
    began, end = threading.Event(), threading.Event()

    def waiting() -> Iterator[bytes]:
        began.set()
        end.wait(600)
        yield b"x"

    results = AssetStore(MemoryBackend()).upload_many([(waiting(), "a")])

    def close() -> None:
        began.wait(600)
        results.close()

    closer = threading.Thread(target=close)
    closer.start()
    assert [] == list(results)
    end.set()
    closer.join(600)


@pytest.mark.parametrize("store", [AssetStore(MemoryBackend()), AssetStore(Batching())], ids=["alone", "batches"])
def test_items_and_callbacks_may_close_the_results(store: AssetStore) -> None:
    """Neither the items nor the callback for progress makes the loop wait for ever by it."""

    def items() -> Iterator[tuple[bytes, str]]:
        yield b"a", "a"
        by_items.close()
        yield b"b", "b"

    by_items = store.upload_many(items())
    assert 1 >= len(list(by_items))
    by_callback = store.upload_many([(b"c", "c"), (b"d", "d")], progress=lambda count: by_callback.close())
    assert 2 >= len(list(by_callback))


def test_items_that_ask_for_results_of_their_own_call_are_refused() -> None:
    """They would wait for themselves."""

    def keys() -> Iterator[str]:
        yield "a"
        yield str(next(results).key)

    results = AssetStore(MemoryBackend()).stat_many(keys())
    with pytest.raises(AssetStoreError, match="must not depend on its results"):
        list(results)
    assert [] == list(results)


def test_several_threads_may_share_the_results() -> None:
    """Each result comes to one thread, and all loops end."""
    store, found = AssetStore(MemoryBackend()), list[int]()
    results = store.stat_many(str(number) for number in range(2000))
    threads = [threading.Thread(target=lambda: found.extend(result.index for result in results)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(600)
    assert list(range(2000)) == sorted(found)


def test_ctrl_c_ends_everything() -> None:
    """KeyboardInterrupt comes out of the loop, while uploads without an end run, and leaves no thread."""
    store, began = AssetStore(MemoryBackend()), threading.Event()

    def endless() -> Iterator[bytes]:
        while True:
            if began.is_set():
                yield b"x" * 64
                continue
            began.set()
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
            yield b"x"

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # it is ignored where tests run in the background
    try:
        with pytest.raises(KeyboardInterrupt):
            list(store.upload_many((endless(), f"{number}") for number in range(3)))
    finally:
        signal.signal(signal.SIGINT, before)
    assert [] == threads_left()
    assert [] == list(store.list())


def test_an_item_whose_callback_exits_ends_the_call() -> None:
    """SystemExit in a source is for the caller, not a result."""

    def leaving() -> Iterator[bytes]:
        yield b"x"
        sys.exit(3)

    with pytest.raises(SystemExit):
        list(AssetStore(MemoryBackend()).upload_many([(leaving(), "a")]))
    assert [] == threads_left()


# --- how many at once ------------------------------------------------------------------------------------------------


def rounds(most: int | None, count: int, rate: Callable[[int], float], *, busy: bool = True) -> list[int]:
    """Let rounds of a tenth of a second pass on clocks of our own, and return the number after each."""
    clock, processor = itertools.count(), itertools.count()
    concurrency = Concurrency(most, lambda: next(clock) / 10, lambda: next(processor) / 10 if busy else 0.0)
    seen = []
    for _ in range(count):
        # So many items are done, and the bytes that make up what is more or less.
        concurrency.note(concurrency.limit, int((rate(concurrency.limit) / 10 - concurrency.limit) * UNIT))
        seen.append(concurrency.limit)
    return seen


def test_it_grows_while_more_is_done() -> None:
    """Where each thread adds its share, all that are allowed are used; where 40 are enough, about so many."""
    assert as_many_as_files_allow(256) == max(rounds(None, 60, lambda limit: limit * 100))
    assert 1024 == max(rounds(1024, 60, lambda limit: limit * 100))
    assert 5 == max(rounds(5, 60, lambda limit: limit * 100))
    seen = rounds(None, 200, lambda limit: min(limit, 40) * 100)[50:]
    assert 30 < sum(seen) / len(seen) < 64


def test_it_grows_faster_while_the_process_waits() -> None:
    """Far from a store two rounds are enough for 256; who is busy takes small steps, since each opens connections."""
    assert [64, 256] == rounds(1024, 2, lambda limit: limit * 100, busy=False)
    assert [32, 64] == rounds(1024, 2, lambda limit: limit * 100)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
@pytest.mark.parametrize("url", ["memory:", "file:assets"])
def test_few_open_files_are_enough(url: str, tmp_path: Path) -> None:
    """Where a process may open 200 files, many go up and down all the same: macOS allows 256 at first."""
    for number in range(400):
        (tmp_path / f"{number}.txt").write_bytes(b"x")
    program = """
import resource, sys
from pathlib import Path
from assetstore import open_store
resource.setrlimit(resource.RLIMIT_NOFILE, (200, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
with open_store(sys.argv[1]) as store:
    up = [result.error for result in store.upload_many((path, path.name) for path in Path().glob("*.txt"))]
    down = [result.error for result in store.download_many(store.list(), "out")]
    print(len(up), len(down), {*up, *down})
"""
    command = [sys.executable, "-c", program, url]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert "400 400 {None}\n" == done.stdout


def test_it_shrinks_where_more_brings_nothing() -> None:
    """One or two threads are left where another adds nothing, and where threads are in each other's way."""
    assert 2 >= sorted(rounds(None, 200, lambda limit: 1000))[100]
    assert 2 >= sorted(rounds(None, 200, lambda limit: 1000 / limit))[100]


def test_a_store_that_asks_for_less_gets_less() -> None:
    """Each time halves the number, down to one; a store that cannot be reached is still tried by eight."""
    asked, unreachable = Concurrency(64), Concurrency(64)
    for _ in range(10):
        asked.slow_down(gently=False)
        unreachable.slow_down(gently=True)
    assert (1, GENTLE) == (asked.limit, unreachable.limit)


def test_retry_after_holds_all_operations_back() -> None:
    """After UnavailableError with ``retry_after`` nothing is sent before that time; closing ends the wait."""
    running, began = Running(), time.monotonic()
    running.slow_down(0.05, asked=True)
    running.pause()
    assert 0.05 <= time.monotonic() - began
    running.slow_down(10_000, asked=True)
    running.stop()
    with pytest.raises(Stopped):
        running.pause()


def test_a_backend_can_slow_the_call_down_without_failing() -> None:
    """``slow_down`` in an operation counts for its call; elsewhere it does nothing."""
    slow_down(5)
    running = Running()
    running.enter()
    try:
        slow_down()
    finally:
        Running().enter()
    assert (1, True) == (running.slowed, running.asked)


# --- keys that come twice --------------------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("abcd")), max_size=12))
def test_no_two_items_depend_on_one_another(pairs: list[tuple[str, str]]) -> None:
    """Of the copies that are let through none writes what another reads or writes, in any order."""
    claims = Repeats()
    taken = [(source, target) for source, target in pairs if not claims.claim([target], [source])]
    for (one, written), (other, target) in itertools.combinations(taken, 2):
        assert written not in (other, target)
        assert target != one


def test_a_bounded_number_of_names_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last names are known again, and no more than twice as many are held."""
    monkeypatch.setattr(repeats, "REMEMBERED", 10)
    claims = Repeats()
    for number in range(100):
        assert not claims.claim([f"{number}"])
        assert claims.claim([f"{max(0, number - 9)}"])
    assert 20 >= len(claims._written._new) + len(claims._written._old)
    assert not claims.claim(["0"])


def test_results_are_public() -> None:
    """Annotations can name the class of the results."""
    results: BulkResults[bytes] = AssetStore(MemoryBackend()).read_many([])
    assert [] == list(results)
    assert issubclass(PluginError, AssetStoreError)


def test_a_call_that_is_closed_while_it_pulls_gives_no_result() -> None:
    """What closing made fail is no failure of the call: the loop ends."""
    begun, ended = threading.Event(), threading.Event()

    def slow() -> Iterator[bytes]:
        with stopping(ended.set):
            begun.set()
            ended.wait()
        raise OSError("its source was taken away")
        yield b""

    def items() -> Iterator[tuple[Iterator[bytes] | bytes, str]]:
        yield slow(), "a"
        begun.wait()
        results.close()
        yield b"b", "b"

    results = AssetStore(MemoryBackend()).upload_many(items())
    assert [] == list(results)
