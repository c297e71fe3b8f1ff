"""Guarantees about collecting what interrupted work left behind."""

from __future__ import annotations

import contextlib

import pytest

from assetstore.errors import InvalidOptionError, UnsupportedError
from assetstore.limits import MIN_LEFTOVER_AGE, PENDING
from assetstore.store import AssetStore
from assetstore.testing.contract.fixtures import Able, Fixtures


class CollectingGuarantees(Fixtures):
    """Killed programs leave unfinished files and uploads behind. Collecting finds them, and removes them on request.

    A leftover is at least an hour old, so a writer at work loses nothing.
    """

    def test_collecting_touches_no_asset(self, store: AssetStore) -> None:
        """After a removal of all leftovers every asset has its bytes, metadata and version."""
        keys = ("a", "b/c", "b/c d/é", ".part", ".assetstore-tmp/a.part")
        before = [store.upload(key.encode(), key) for key in keys]
        if store.can("upload.metadata"):
            before.append(store.upload(b"abc", "described", metadata={"by": "gm"}))
        store.collect(older_than=MIN_LEFTOVER_AGE, remove=True)
        assert {info.key for info in before} == {info.key for info in store.list()}
        for info in before:
            found = store.stat(info.key)
            assert (info.size, info.etag) == (found.size, found.etag)
            assert b"abc" == store.read(info.key) if info.key == "described" else info.key.encode() == store.read(info.key)
            assert info.metadata in (None, found.metadata)

    def test_what_is_young_is_not_collected(self, store: AssetStore, able: Able) -> None:
        """What uploads left less than an hour ago is neither listed nor removed, and the uploads go on."""
        pending = f"{PENDING}{'0' * 32}"
        store.upload(b"abc", pending)
        direct = able("begin_parts") and able("presign.content_length")
        upload = store.begin_upload(key="b", size=5 << 20, part_size=5 << 20) if direct else None
        names = {item.name for item in store.collect(older_than=MIN_LEFTOVER_AGE, remove=True).items}
        assert set() == {name for name in names if name.endswith(pending)}
        assert b"abc" == store.read(pending)
        if upload is not None:
            # Some services cannot list parts, whatever their backend claims.
            with contextlib.suppress(UnsupportedError):
                assert () == store.list_parts(upload.token)
            store.cancel_upload(upload.token)

    def test_a_second_collection_finds_nothing(self, store: AssetStore) -> None:
        """What was removed is gone, and a listing alone removes nothing."""
        store.upload(b"abc", "a")
        listed = store.collect().items
        assert [] == [item for item in listed if item.removed or item.repaired]
        assert {item.name for item in listed} == {item.name for item in store.collect(remove=True).items}
        assert [] == [item for item in store.collect(remove=True).items if item.error is None]
        assert b"abc" == store.read("a")

    @pytest.mark.parametrize("older_than", [MIN_LEFTOVER_AGE - 1, 0, -1, "59m", None])
    def test_an_hour_is_the_least_age(self, store: AssetStore, older_than: object) -> None:
        """A shorter age is InvalidOptionError, and nothing is looked for."""
        with pytest.raises(InvalidOptionError):
            store.collect(older_than=older_than, remove=True)  # type: ignore[arg-type]  # what a caller may pass

    def test_repair_is_done_or_refused(self, store: AssetStore, able: Able) -> None:
        """A backend that has nothing to repair refuses the wish before anything is removed."""
        store.upload(b"abc", "a")
        if able("collect.repair"):
            assert [] == [item for item in store.collect(repair=True).items if item.repaired]
        else:
            with pytest.raises(UnsupportedError):
                store.collect(repair=True)
        assert b"abc" == store.read("a")
