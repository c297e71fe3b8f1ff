"""Deleting many."""

from __future__ import annotations

import pytest

from assetstore import (
    AccessDeniedError,
    AssetInfo,
    AssetStore,
    DeleteReport,
    PluginError,
    UnavailableError,
    UnsupportedError,
)
from assetstore.testing import FaultyBackend, MemoryBackend, Raise, RecordingObserver, Return


def test_keys_go_out_in_batches_of_a_thousand():
    """Any number of keys is taken, from a generator too, and each stands in the report and has an event."""
    observer = RecordingObserver()
    backend = FaultyBackend(MemoryBackend())
    store = AssetStore(backend, plugins=[observer])
    keys = [f"{number:04}" for number in range(2001)]
    assert tuple(keys) == store.delete_many(key for key in keys).deleted
    assert [1000, 1000, 1] == [len(arguments["keys"]) for _, arguments in backend.calls]
    assert [("delete", key) for key in keys] == [(event.op, event.key) for event in observer.events]


def test_a_batch_that_fails_stops_no_other_and_keeps_its_cause():
    """Each key of a failed batch fails with an error of its own, whose cause is the vendor's; the next batch goes out."""
    error = UnavailableError("no answer")
    error.__cause__ = cause = TimeoutError("the vendor's")
    store = AssetStore(FaultyBackend(MemoryBackend(), Raise(op="delete", error=error)))
    report = store.delete_many(f"{number:04}" for number in range(1500))
    assert (500, 1000) == (len(report.deleted), len(report.failed))
    assert ["0000", "0001"] == [failure.error.key for failure in report.failed[:2]]
    assert all(failure.error.__cause__ is cause for failure in report.failed)


def test_a_failure_is_an_event_of_its_key():
    """A key that could not be deleted is reported with its error, beside the others."""
    observer = RecordingObserver()
    store = AssetStore(FaultyBackend(MemoryBackend(), Raise(op="delete", error=AccessDeniedError("no"))), plugins=[observer])
    with pytest.raises(AccessDeniedError, match="delete 'a'"):
        store.delete("a")
    store.delete("b")
    assert [("a", "AccessDeniedError"), ("b", None)] == [(event.key, event.error) for event in observer.events]


def test_a_backend_that_forgets_a_key_is_found_out():
    """A key in neither list of a backend's report has failed."""
    store = AssetStore(FaultyBackend(MemoryBackend(), Return(op="delete", value=DeleteReport(deleted=("a",)))))
    report = store.delete_many(["a", "b"])
    assert (("a",), ["b"]) == (report.deleted, [failure.key for failure in report.failed])
    assert isinstance(report.failed[0].error, PluginError)


def test_a_foreign_key_is_deleted_as_it_was_listed():
    """A key that breaks the rules can be deleted by the item of the listing, under a prefix too, and in no other way."""
    backend = MemoryBackend()
    whole = AssetStore(backend)
    for key in ("t//x\n", "t/ok"):
        whole.upload(b"", "tmp")
        backend._assets[key] = (AssetInfo(key=key, size=0, valid=key == "t/ok"), b"")
    whole.delete("tmp")
    part = whole.scoped("t/")
    items = list(part.list())
    assert [("/x\n", False), ("ok", True)] == [(item.key, item.valid) for item in items]
    with pytest.raises(ValueError, match="control characters"):
        part.delete("/x\n")
    part.delete(items[0])
    assert ["ok"] == [item.key for item in part.list()]


def test_a_backend_without_foreign_keys_refuses_them():
    """Where ``delete.foreign`` is not honoured the item is reported as UnsupportedError."""
    backend = FaultyBackend(MemoryBackend())
    backend.supports = frozenset()
    with pytest.raises(UnsupportedError):
        AssetStore(backend).delete(AssetInfo(key="/x", size=0, valid=False))
