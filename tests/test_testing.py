"""The kit for plugins' authors: its stand-ins, and that the contract finds what is wrong and hides nothing."""

from __future__ import annotations

import pytest

from assetstore import AssetStore, ConfigError, ReadOptions, UnavailableError, is_valid_key, open_store
from assetstore.testing import FaultyBackend, Flip, MemoryBackend, Raise, Truncate
from assetstore.testing.__main__ import main
from assetstore.testing.contract import INVALID_KEYS, ODD_KEYS, BackendContract
from assetstore.testing.contract.backend import guarantees


def test_a_memory_has_no_address():
    """``memory:`` opens a new memory; anything behind the colon is a mistake."""
    with open_store("memory:") as store:
        store.upload(b"abc", "a")
        assert b"abc" == store.read("a")
    for url in ("memory:maps", "memory://host"):
        with pytest.raises(ConfigError, match="memory has no places"):
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
    assert all(meaning.endswith(".") for _, meaning in guarantees())
    assert 2 == main([])
    assert "--list" in capsys.readouterr().err


def test_an_exclusion_names_a_guarantee():
    """A misspelt exclusion would hide nothing and is refused when the class is made."""
    with pytest.raises(TypeError, match="test_no_such_thing"):
        type("TestMine", (BackendContract,), {"exclusions": {"test_no_such_thing": "a reason"}})
