"""The kit for plugins' authors: its stand-ins, and that the contract finds what is wrong and hides nothing."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from assetstore import AssetStore, ConfigError, PluginError, UnavailableError, open_store
from assetstore.plugin import ReadOptions, hookimpl, is_valid_key
from assetstore.testing import FaultyBackend, Flip, Hang, MemoryBackend, Raise, Return, Trickle, Truncate
from assetstore.testing.__main__ import main
from assetstore.testing.contract import INVALID_KEYS, ODD_KEYS, BackendContract
from assetstore.testing.contract.backend import guarantees


def test_a_memory_has_no_address():
    """``memory:`` opens a new memory; anything behind the colon is a mistake."""
    with open_store("memory:") as store:
        store.upload(b"abc", "a")
        assert b"abc" == store.read("a")
    for url in ("memory:maps", "memory://host"):
        with pytest.raises(ConfigError, match="must be 'memory:'"):
            open_store(url)


def test_a_fault_strikes_at_the_call_it_was_laid_for():
    """The second upload fails, before its work or after it; the others do not, and all calls are noted."""
    for late in (False, True):
        backend = FaultyBackend(MemoryBackend(), Raise(op="upload", nth=2, error=UnavailableError("no"), late=late))
        store = AssetStore(backend)
        store.upload(b"1", "a")
        with pytest.raises(UnavailableError):
            store.upload(b"2", "a")
        assert (b"2" if late else b"1") == store.read("a")
        assert [("upload", "a"), ("upload", "a"), ("read", "a")] == [(op, asked["key"]) for op, asked in backend.calls]


def test_a_fault_of_the_bytes_is_the_same_each_time():
    """One seed flips one bit, always the same; a truncation takes the last bytes."""
    flipped = []
    for seed in (1, 1, 2):
        memory = MemoryBackend()
        AssetStore(memory).upload(b"a" * 100, "a")
        backend = FaultyBackend(memory, Flip(seed=seed), Truncate(nth=2, count=3))
        flipped.append(backend.assetstore_read("a", ReadOptions()).body.read())
        assert b"a" * 97 == backend.assetstore_read("a", ReadOptions()).body.read()
    assert (2, flipped[0]) == (len(set(flipped)), flipped[1])
    assert [1, 1, 1] == [sum((byte ^ ord("a")).bit_count() for byte in data) for data in flipped]


def test_a_fault_of_a_block_counts_from_its_beginning_and_ends_with_it():
    """``failing`` lays faults for the calls in a ``with`` block alone, and ``struck`` tells which of them went off."""
    backend = FaultyBackend(MemoryBackend())
    store = AssetStore(backend)
    store.upload(b"1", "a")
    fault, unused = (Raise(op="upload", nth=nth, error=UnavailableError("no")) for nth in (2, 3))
    with backend.failing(fault, unused):
        store.upload(b"2", "a")
        with pytest.raises(UnavailableError):
            store.upload(b"3", "a")
    store.upload(b"4", "a")
    assert (b"4", [fault]) == (store.read("a"), backend.struck)


def test_a_fault_is_a_new_error_each_time():
    """An error that strikes at every call comes as a copy, so that one operation's key is never told of another."""
    store = AssetStore(FaultyBackend(MemoryBackend(), Raise(op="upload", nth=None, error=UnavailableError("no"))))
    told = []
    for key in ("a", "b"):
        with pytest.raises(UnavailableError) as caught:
            store.upload(b"", key)
        told.append(caught.value.key)
    assert ["a", "b"] == told


def test_a_stream_that_nobody_gets_is_closed():
    """A fault that keeps the result of a read for itself releases what the bytes come from."""
    bodies = []

    class Watched(MemoryBackend):
        @hookimpl
        def assetstore_read(self, key, options):
            stream = super().assetstore_read(key, options)
            bodies.append(stream.body)
            return stream

    lost = Raise(op="read", error=UnavailableError("no"), late=True)
    store = AssetStore(FaultyBackend(Watched(), lost, Return(op="read", nth=2, value=None)))
    store.upload(b"abc", "a")
    for error in (UnavailableError, PluginError):
        with pytest.raises(error):
            store.read("a")
    assert [True, True] == [body.closed for body in bodies]


def test_bytes_that_trickle_are_all_there():
    """Reads that give a byte at a time end in the whole asset."""
    backend = FaultyBackend(MemoryBackend(), Trickle(nth=None))
    with AssetStore(backend) as store:
        store.upload(b"abc", "a")
        assert (b"abc", b"ab") == (store.read("a"), store.read("a", length=2))
        with store.open("a") as reader:
            assert [b"a", b"b", b"c", b""] == [reader.read1() for _ in range(4)]


def test_no_bytes_cannot_be_flipped():
    """An empty asset stays as it is."""
    store = AssetStore(FaultyBackend(MemoryBackend(), Flip()))
    store.upload(b"", "a")
    assert b"" == store.read("a")


@pytest.mark.parametrize("late", [False, True])
def test_a_call_hangs_until_it_is_released(late):
    """While an upload hangs, before or after its work, the store serves others; released, it ends well."""
    hang = Hang(op="upload", late=late)
    store = AssetStore(FaultyBackend(MemoryBackend(), hang))
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(store.upload, b"abc", "a")
        assert hang.reached.wait(600)
        assert late == store.exists("a")
        hang.release()
        assert 3 == waiting.result(600).size


def test_a_hang_has_an_end():
    """A call that nobody releases fails after its time, so that no test hangs for ever."""
    store = AssetStore(FaultyBackend(MemoryBackend(), Hang(op="upload", seconds=0.01)))
    with pytest.raises(PluginError, match="failed in assetstore_upload: TimeoutError"):
        store.upload(b"", "a")


def test_there_are_many_odd_keys_and_all_are_valid():
    """At least 300 valid keys are tried, and none of the invalid ones is among them."""
    assert len(ODD_KEYS) >= 300
    assert [] == [key for key in ODD_KEYS if not is_valid_key(key) or len(key.encode()) > 1000]
    assert not set(ODD_KEYS) & set(INVALID_KEYS)


def test_every_guarantee_is_listed_with_its_meaning(capsys):
    """``python -m assetstore.testing --list`` names each test of the contract and what it shows."""
    assert 0 == main(["--list"])
    lines = capsys.readouterr().out.splitlines()
    tests = [name for name in dir(BackendContract) if name.startswith("test_")]
    assert 2 * len(tests) == len(lines)
    assert all(guarantee.meaning.endswith(".") for guarantee in guarantees())
    assert 2 == main([])
    assert "--list" in capsys.readouterr().err


def test_an_exclusion_names_a_guarantee():
    """A misspelt exclusion would hide nothing and is refused when the class is made."""
    with pytest.raises(TypeError, match="test_no_such_thing"):
        type("TestMine", (BackendContract,), {"exclusions": {"test_no_such_thing": "a reason"}})
