"""Guarantees about deleting."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import pytest

from assetstore.errors import AccessDeniedError, InvalidKeyError, UnavailableError
from assetstore.results import DeleteFailure, DeleteReport
from assetstore.store import AssetStore
from assetstore.testing.contract.fixtures import Able, Fixtures
from assetstore.testing.faults import Raise, Return
from assetstore.testing.faulty import FaultyBackend


class DeletingGuarantees(Fixtures):
    """What is deleted is gone, and nothing else is.

    Deleting says what shall be, so what is not there counts as deleted. A batch reports each of its keys.
    """

    def test_a_deleted_asset_is_gone(self, store: AssetStore) -> None:
        """After a delete the key is free: not listed, not found, and writable again."""
        store.upload(b"old", "a")
        store.delete("a")
        assert (False, []) == (store.exists("a"), list(store.list()))
        store.upload(b"new", "a")
        assert b"new" == store.read("a")

    def test_deleting_what_is_not_there_is_no_error(self, store: AssetStore) -> None:
        """Deleting is idempotent, below and beside other keys too."""
        store.upload(b"", "a/b")
        for key in ("a", "a/", "a/b/c", "a/b/", "b"):
            store.delete(key)
            store.delete(key)
        assert ["a/b"] == [item.key for item in store.list()]

    def test_a_delete_takes_only_its_own_key(self, store: AssetStore) -> None:
        """Neither keys that begin alike nor keys below are touched."""
        keys = ["a", "a-b", "a.b", "a/b", "a0", "ab"]
        for key in keys:
            store.upload(b"", key)
        store.delete("a")
        assert keys[1:] == sorted(item.key for item in store.list())

    def test_delete_many_reports_each_key_once(self, store: AssetStore) -> None:
        """All keys are gone afterwards and stand in the report; those never there too, and one given twice once."""
        keys = [f"k/{number}" for number in range(30)]
        for key in keys[::2]:
            store.upload(b"", key)
        report = store.delete_many([*keys, keys[0]])
        assert (sorted(keys), ()) == (sorted(report.deleted), report.failed)
        assert [] == list(store.list())

    def test_delete_many_takes_more_than_a_batch(self, store: AssetStore) -> None:
        """Of 1,001 keys each is gone, the last ones too, and stands in the report."""
        keys = [f"k/{number:04}" for number in range(1001)]
        for key in (keys[0], keys[101], keys[500], keys[999], keys[1000]):
            store.upload(b"", key)
        report = store.delete_many(keys)
        assert (keys, ()) == (sorted(report.deleted), report.failed)
        assert [] == list(store.list())

    def test_delete_many_of_nothing_asks_nothing(self, store: AssetStore, spy: FaultyBackend) -> None:
        """An empty batch gives an empty report and sends nothing."""
        assert (DeleteReport(), []) == (store.delete_many([]), spy.calls)

    def test_delete_many_takes_a_listing(self, store: AssetStore) -> None:
        """What a listing gives can be handed to delete_many."""
        for key in ("a", "b/c"):
            store.upload(b"", key)
        assert ("a", "b/c") == tuple(sorted(store.delete_many(store.list()).deleted))
        assert [] == list(store.list())

    def test_a_foreign_key_is_deleted_as_it_was_listed(
        self, store: AssetStore, able: Able, prefix: str, plant: Callable[[str], object] | None
    ) -> None:
        """An asset that a listing gave with ``valid=False`` is deleted by exactly its key, and none beside it."""
        if not able("delete.foreign"):
            return
        store.upload(b"", "a")
        store.upload(b"", "a.b")
        store.delete(attrs.evolve(store.stat("a.b"), valid=False))
        assert ["a"] == [item.key for item in store.list()]
        if plant is None:
            return
        plant(f"{prefix}tab\tstop")
        (foreign,) = [item for item in store.list() if not item.valid]
        assert "tab\tstop" == foreign.key
        for operation in (store.read, store.stat, store.delete):
            with pytest.raises(InvalidKeyError):
                operation(foreign.key)
        store.delete(foreign)
        assert ["a"] == [item.key for item in store.list()]

    def test_a_key_that_cannot_be_deleted_is_reported(self, backend: object, prefix: str) -> None:
        """One refused key fails alone, with its error; delete() raises that error."""
        refused = DeleteFailure(key=f"{prefix}b", error=AccessDeniedError("it is locked"))
        report = DeleteReport(deleted=(f"{prefix}a",), failed=(refused,))
        store = self.stack(FaultyBackend(backend, Return(op="delete", value=report, nth=None))).scoped(prefix)
        found = store.delete_many(["a", "b"])
        assert (("a",), ["b"]) == (found.deleted, [failure.key for failure in found.failed])
        with pytest.raises(AccessDeniedError, match="locked"):
            store.delete("b")

    def test_a_batch_that_fails_fails_for_each_of_its_keys(self, backend: object, prefix: str) -> None:
        """delete_many does not raise for a broken connection, but reports it for every key."""
        fault = Raise(op="delete", error=UnavailableError("no answer"))
        found = self.stack(FaultyBackend(backend, fault)).scoped(prefix).delete_many(["a", "b"])
        assert ((), ["a", "b"]) == (found.deleted, [failure.error.key for failure in found.failed])
