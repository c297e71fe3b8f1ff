"""Guarantees about keys."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from assetstore.errors import AssetStoreError, InvalidKeyError
from assetstore.store import AssetStore
from assetstore.testing.contract import summary
from assetstore.testing.contract.fixtures import Able, Fixtures
from assetstore.testing.contract.odd_keys import INVALID_KEYS, ODD_KEYS
from assetstore.testing.faulty import FaultyBackend


class KeyGuarantees(Fixtures):
    """What a key may be, and that each is its own.

    A key is text in Unicode's form NFC with 1 to 1,024 bytes of UTF-8. It does not begin with a slash, has no segment ``.``
    or ``..`` and no control character or lone surrogate. Everything else is allowed and means itself, on every backend.
    """

    def test_odd_keys_round_trip_and_never_merge(
        self, store: AssetStore, record_property: Callable[[str, object], None]
    ) -> None:
        """Each odd key keeps its own bytes beside all others, and is listed once, as it was written."""
        failed = {}
        for number, key in enumerate(ODD_KEYS):
            try:
                store.upload(b"%d" % number, key)
            except AssetStoreError as error:
                failed[key] = str(error)
        listed = [item.key for item in store.list()]
        for number, key in enumerate(ODD_KEYS):
            if key not in failed and (problem := _misread(store, key, b"%d" % number, listed)):
                failed[key] = problem
        for key, reason in self.excluded_keys.items():
            record_property(summary.EXCLUDED_KEY, f"{type(self).__name__}: {reason}")
            assert key in failed, f"{key!r} was excluded ({reason}) and works"
        assert {} == {key: problem for key, problem in failed.items() if key not in self.excluded_keys}
        if not self.excluded_keys:
            assert sorted(ODD_KEYS) == sorted(listed)

    def test_a_key_has_up_to_1024_bytes(self, store: AssetStore, prefix: str) -> None:
        """The longest valid key, in segments that every file system takes, round-trips; one byte more is refused."""
        longest = "segment/" * 128
        key = longest[: 1023 - len(prefix)] + "x"
        store.upload(b"long", key)
        assert b"long" == store.read(key)
        assert [key] == [item.key for item in store.list()]
        with pytest.raises(InvalidKeyError):
            store.upload(b"", key + "y")

    def test_invalid_keys_are_refused_before_anything_is_sent(
        self, store: AssetStore, spy: FaultyBackend, tmp_path: Path
    ) -> None:
        """Every operation refuses every invalid key with InvalidKeyError, and the backend hears nothing of it."""
        operations: list[Callable[[Any], object]] = [
            lambda key: store.upload(b"", key),
            lambda key: _write(store, key),
            store.read,
            store.open,
            lambda key: store.download(key, tmp_path / "file"),
            store.stat,
            store.exists,
            store.delete,
            lambda key: store.copy(key, "ok"),
            lambda key: store.copy("ok", key),
            lambda key: store.move(key, "ok"),
            lambda key: store.move("ok", key),
            lambda key: store.update(key, metadata={}),
            store.presign,
            store.url,
        ]
        for key in INVALID_KEYS:
            # Without a key an upload makes one.
            for operation in operations[2 if key is None else 0 :]:
                with pytest.raises(InvalidKeyError):
                    operation(key)
        assert [] == spy.calls
        assert [] == list(tmp_path.iterdir())

    def test_invalid_keys_in_a_batch_fail_alone(self, store: AssetStore) -> None:
        """delete_many reports an invalid key and deletes the others."""
        store.upload(b"", "a")
        report = store.delete_many(["../x", "a", ""])
        assert ("a",) == report.deleted
        assert ["../x", ""] == [failure.key for failure in report.failed]
        assert not store.exists("a")

    def test_empty_segments_are_segments(self, store: AssetStore, able: Able) -> None:
        """``a//b`` is not ``a/b``, and ``a//`` is a prefix as any."""
        store.upload(b"1", "a/b")
        store.upload(b"2", "a//b")
        assert (b"1", b"2") == (store.read("a/b"), store.read("a//b"))
        assert ["a//b"] == [item.key for item in store.list("a//")]
        if able("list.recursive"):
            assert ["a//", "a/b"] == [entry.key for entry in store.list("a/", recursive=False)]

    def test_two_spellings_in_unicode_are_one_key(self, store: AssetStore) -> None:
        """A key is stored, found and listed in NFC, however it was typed."""
        composed, decomposed = unicodedata.normalize("NFC", "caf\u00e9"), unicodedata.normalize("NFD", "caf\u00e9")
        info = store.upload(b"1", decomposed)
        assert composed == info.key
        assert b"1" == store.read(composed) == store.read(decomposed)
        assert [composed] == [item.key for item in store.list(decomposed)]
        store.delete(decomposed)
        assert not store.exists(composed)

    def test_a_key_may_be_the_beginning_of_others(self, store: AssetStore) -> None:
        """``a``, ``a/b`` and ``a/b/c`` live side by side, whichever comes first, and are deleted one by one."""
        for keys in (("a", "a/b", "a/b/c"), ("a/b/c", "a/b", "a")):
            for key in keys:
                store.upload(key.encode(), key)
            for key in keys:
                assert key.encode() == store.read(key)
            for number, key in enumerate(keys):
                store.delete(key)
                assert sorted(keys[number + 1 :]) == [item.key for item in store.list()]


def _write(store: AssetStore, key: str) -> None:
    with store.writer(key) as out:
        out.write(b"x")


def _misread(store: AssetStore, key: str, data: bytes, listed: list[str]) -> str | None:
    try:
        read = store.read(key)
    except AssetStoreError as error:
        return str(error)
    if read != data:
        return f"has the bytes of {ODD_KEYS[int(read)]!r}" if read else "has no bytes"
    return None if listed.count(key) == 1 else f"is listed {listed.count(key)} times"
