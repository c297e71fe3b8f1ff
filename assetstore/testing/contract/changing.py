"""Guarantees about copying and moving."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import pytest

from assetstore.errors import AlreadyExistsError, InvalidOptionError, NotFoundError, PreconditionError, UnsupportedError
from assetstore.results import AssetInfo
from assetstore.store import AssetStore
from assetstore.sync import copy_between, move_between
from assetstore.testing.contract.fixtures import Able, Fixtures
from assetstore.testing.contract.headers import METADATA
from assetstore.testing.memory import MemoryBackend
from assetstore.testing.samples import PLAIN


class ChangingGuarantees(Fixtures):
    """Assets copied and moved inside a store.

    A copy takes headers and metadata along; a move is a copy and a delete of the source once the copy stands.
    """

    def test_a_copy_has_the_bytes_headers_and_metadata(self, store: AssetStore, able: Able) -> None:
        """A copy equals its source in all but key, time and ETag, and the source stays."""
        asked = {name: value for name, value in PLAIN.items() if able(f"upload.{name}")}
        if able("upload.metadata"):
            asked["metadata"] = METADATA
        store.upload(b"bytes", "a", **asked)
        info = store.copy("a", "b/ü c")
        found = store.stat("b/ü c")
        assert ("b/ü c", 5, found.etag) == (info.key, info.size, info.etag)
        assert asked == {name: getattr(found, name) for name in asked}
        assert b"bytes" == store.read("a") == store.read("b/ü c")

    def test_a_copy_replaces_what_was_there(self, store: AssetStore, able: Able) -> None:
        """Nothing of the old destination is left, its metadata included."""
        store.upload(b"new", "a")
        store.upload(b"old and longer", "b", metadata={"old": "1"} if able("upload.metadata") else None)
        store.copy("a", "b")
        assert (b"new", True) == (store.read("b"), not store.stat("b").metadata)

    def test_a_copy_to_another_store_and_back_is_the_same(self, store: AssetStore, able: Able) -> None:
        """Bytes, headers, metadata and digest come back as they went; a store that keeps no type refuses what has one."""
        asked = {name: value for name, value in PLAIN.items() if able(f"upload.{name}")}
        if able("upload.metadata"):
            asked["metadata"] = METADATA
        store.upload(b"bytes", "a.png", **asked)
        before = store.stat("a.png")
        with AssetStore(MemoryBackend(), name="other") as other:
            copy_between(store, "a.png", other, "there")
            assert (b"bytes", asked) == (other.read("there"), {name: getattr(other.stat("there"), name) for name in asked})
            assert [] == list(store.list("b/"))
            if not able("upload.content_type"):
                with pytest.raises(UnsupportedError):
                    move_between(other, "there", store, "b/a.png")
                assert (True, False) == (other.exists("there"), store.exists("b/a.png"))
                return
            move_between(other, "there", store, "b/a.png")
            assert not other.exists("there")
        after = store.stat("b/a.png")
        assert (b"bytes", _headers(before), before.digest) == (store.read("b/a.png"), _headers(after), after.digest)

    def test_an_asset_is_never_its_own_destination(
        self, store: AssetStore, able: Able, rival: Callable[[], AssetStore] | None
    ) -> None:
        """Between a store and a part of it, or two of one place, copies of an asset to itself are refused, and it stays."""
        store.upload(b"bytes", "a/b")
        with contextlib.ExitStack() as exits:
            others = [(store, "a/b"), (store.scoped("a/"), "b")]
            if able("container") and rival is not None:
                others.append((exits.enter_context(rival()), "a/b"))
            for transfer in (copy_between, move_between):
                for destination, to in others:
                    with pytest.raises(InvalidOptionError, match="must not be its own destination"):
                        transfer(store, "a/b", destination, to)
        assert b"bytes" == store.read("a/b")
        move_between(store.scoped("a/"), "b", store, "b")
        assert (b"bytes", False) == (store.read("b"), store.exists("a/b"))

    def test_a_copy_onto_itself_changes_nothing(self, store: AssetStore, able: Able) -> None:
        """Copying and moving an asset onto itself keep its bytes, headers and metadata."""
        store.upload(b"bytes", "a.png", metadata=METADATA if able("upload.metadata") else None)
        before = store.stat("a.png")
        for operation in (store.copy, store.move):
            assert 5 == operation("a.png", "a.png").size
            after = store.stat("a.png")
            assert (before.content_type, before.metadata) == (after.content_type, after.metadata)
            assert b"bytes" == store.read("a.png")

    def test_a_create_only_copy_refuses_a_taken_key(self, store: AssetStore, able: Able) -> None:
        """``overwrite=False`` raises AlreadyExistsError and keeps both assets, for copy, for move and onto itself."""
        if not able("copy.overwrite"):
            return
        store.upload(b"a", "a")
        store.upload(b"b", "b")
        for operation in (store.copy, store.move):
            with pytest.raises(AlreadyExistsError):
                operation("a", "b", overwrite=False)
        assert (b"a", b"b") == (store.read("a"), store.read("b"))
        store.copy("a", "free", overwrite=False)
        assert b"a" == store.read("free")

    def test_a_copy_can_insist_on_a_version(self, store: AssetStore, able: Able) -> None:
        """``if_match`` of a copy or move is the ETag of the source: another one raises and changes nothing."""
        etag = store.upload(b"1", "a").etag
        if etag is None or not (able("copy.if_match") or able("read.if_match")):
            return
        store.upload(b"0", "b")
        store.copy("a", "b", if_match=etag)
        assert b"1" == store.read("b")
        store.upload(b"2", "a")
        for operation in (store.copy, store.move):
            with pytest.raises(PreconditionError):
                operation("a", "b", if_match=etag)
        assert (b"1", b"2") == (store.read("b"), store.read("a"))

    def test_a_copy_of_nothing_changes_nothing(self, store: AssetStore) -> None:
        """A missing source is NotFoundError and the destination stays."""
        store.upload(b"b", "b")
        for operation in (store.copy, store.move):
            with pytest.raises(NotFoundError):
                operation("missing", "b")
        assert (b"b", ["b"]) == (store.read("b"), [item.key for item in store.list()])

    def test_a_move_leaves_only_the_destination(self, store: AssetStore, able: Able) -> None:
        """After a move the bytes and metadata stand at the destination and nothing at the source."""
        metadata = METADATA if able("upload.metadata") else {}
        store.upload(b"bytes", "a", metadata=metadata or None)
        for source, destination in (("a", "a/b"), ("a/b", "c"), ("c", "a/b/c")):
            info = store.move(source, destination)
            assert (destination, [destination]) == (info.key, [item.key for item in store.list()])
        assert b"bytes" == store.read("a/b/c")
        assert metadata == dict(store.stat("a/b/c").metadata or {})

    def test_a_large_asset_is_copied_whole(self, store: AssetStore) -> None:
        """An asset of more than one part is copied byte for byte."""
        data = b"0123456789abcdef" * (self.part_size // 16) + b"tail"
        store.upload(data, "a")
        assert len(data) == store.copy("a", "b").size
        assert data == store.read("b")


def _headers(info: AssetInfo) -> dict[str, Any]:
    """Return the headers that an asset has; whether it says that it has no metadata, or nothing, is the same."""
    return {name: value for name, value in info.given().items() if value}
