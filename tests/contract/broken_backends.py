"""Backends that each break one guarantee, run by ``test_broken_backends.py``."""

# ruff: noqa: D102 - each class says what is wrong with it

from __future__ import annotations

from typing import Any

import attrs
import pytest

from assetstore import ListPage, NotFoundError
from assetstore.plugin import ListOptions, Source, hookimpl
from assetstore.testing import MemoryBackend
from assetstore.testing.contract import BackendContract


class Unsorted(MemoryBackend):
    """Lists backwards."""

    @hookimpl
    def assetstore_list(self, prefix, options):
        page = super().assetstore_list(prefix, options)
        return attrs.evolve(page, items=page.items[::-1])


class Foldered(MemoryBackend):
    """Takes a prefix for a folder."""

    @hookimpl
    def assetstore_list(self, prefix, options):
        page = super().assetstore_list(prefix, options)
        kept = (item for item in page.items if item.key[len(prefix.rstrip("/")) :].startswith("/") or not prefix)
        return attrs.evolve(page, items=tuple(kept))


class Counted(MemoryBackend):
    """Counts entries where it should remember the last one."""

    @hookimpl
    def assetstore_list(self, prefix, options):
        start = int(options.cursor or 0)
        items = super().assetstore_list(prefix, ListOptions(limit=10**6)).items
        end = start + options.limit
        return ListPage(items=items[start:end], next_cursor=str(end) if len(items) > end else None)


class Merging(MemoryBackend):
    """Takes ``a//b`` for ``a/b``."""

    @hookimpl
    def assetstore_upload(self, key, source, options):
        info = super().assetstore_upload(key.replace("//", "/"), source, options)
        return attrs.evolve(info, key=key)


class Overwriting(MemoryBackend):
    """Never refuses."""

    @hookimpl
    def assetstore_upload(self, key, source, options):
        return super().assetstore_upload(key, source, attrs.evolve(options, overwrite=True))


class Careless(MemoryBackend):
    """Empties an asset before it has the new bytes."""

    @hookimpl
    def assetstore_upload(self, key, source, options):
        super().assetstore_upload(key, Source(b""), attrs.evolve(options, overwrite=True, if_match=None))
        return super().assetstore_upload(key, source, attrs.evolve(options, overwrite=True, if_match=None))


class Forgetful(MemoryBackend):
    """Loses metadata."""

    @hookimpl
    def assetstore_upload(self, key, source, options):
        return super().assetstore_upload(key, source, attrs.evolve(options, metadata=None))


class Ageless(MemoryBackend):
    """Has one ETag for all."""

    @hookimpl
    def assetstore_stat(self, key, options):
        return attrs.evolve(super().assetstore_stat(key, options), etag="same")


class Shifted(MemoryBackend):
    """Begins a byte too late when it does not begin at the front."""

    @hookimpl
    def assetstore_read(self, key, options):
        return super().assetstore_read(key, attrs.evolve(options, offset=options.offset + bool(options.offset)))


class Strict(MemoryBackend):
    """Complains about what is already gone."""

    @hookimpl
    def assetstore_delete(self, keys, options):
        for key in keys:
            if key not in self._assets:
                raise NotFoundError("there is no such asset")
        return super().assetstore_delete(keys, options)


class Mistyped(MemoryBackend):
    """Declares a key to be bytes."""

    @hookimpl
    def assetstore_stat(self, key: bytes, options: Any):
        return super().assetstore_stat(key, options)


class Boasting(MemoryBackend):
    """Says that it honours what does not exist."""

    supports = MemoryBackend.supports | {"upload.colour"}


BROKEN = {
    Unsorted: "test_a_listing_is_in_the_order_of_utf8_bytes",
    Foldered: "test_a_prefix_is_the_beginning_of_a_key_and_no_folder",
    Counted: "test_changes_while_paging_disturb_no_other_key",
    Merging: "test_odd_keys_round_trip_and_never_merge",
    Overwriting: "test_a_create_only_upload_refuses_a_taken_key",
    Careless: "test_a_source_that_fails_changes_nothing",
    Forgetful: "test_metadata_round_trips_in_any_script",
    Ageless: "test_an_etag_tells_versions_apart",
    Shifted: "test_a_run_of_bytes_is_what_a_slice_would_be",
    Strict: "test_deleting_what_is_not_there_is_no_error",
    Mistyped: "test_each_hook_has_the_parameters_and_types_of_its_spec",
    Boasting: "test_supports_names_only_what_exists",
}


def contract_of(kind: type[MemoryBackend], **attributes: Any) -> type[BackendContract]:
    """Return the contract over a new backend of this kind."""
    return type(f"Test{kind.__name__}", (BackendContract,), {"backend": pytest.fixture(lambda self: kind()), **attributes})


TestUnsorted, TestFoldered, TestCounted, TestMerging, TestOverwriting, TestCareless = map(contract_of, list(BROKEN)[:6])
TestForgetful, TestAgeless, TestShifted, TestStrict, TestMistyped, TestBoasting = map(contract_of, list(BROKEN)[6:])

TestExcluded = contract_of(MemoryBackend, exclusions={"test_a_deleted_asset_is_gone": "it is not"})
TestExcludedKey = contract_of(MemoryBackend, excluded_keys={"a//b": "it is not"})
