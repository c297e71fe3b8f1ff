"""The contract on two stores that none of us wrote, through thin plugins; what they fail is named, with the reason."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import ClassVar

import pytest
from foreign_fsspec import FsspecBackend
from foreign_obstore import ObstoreBackend

from assetstore.testing.contract import ODD_KEYS, BackendContract

_SLASHES = "an empty segment is no segment to obstore, and a/ is a"
OBSTORE: dict[str, str] = {
    "test_deleting_what_is_not_there_is_no_error": _SLASHES,
    "test_empty_segments_are_segments": _SLASHES,
}

_FOLDERS = "a file system has no file a beside a folder a"
_MERGED = "a file system takes a//b for a/b, and a/ for a"
FSSPEC: dict[str, str] = {
    "test_a_create_only_upload_ignores_keys_around_it": _FOLDERS,
    "test_a_delete_takes_only_its_own_key": _FOLDERS,
    "test_a_key_may_be_the_beginning_of_others": _FOLDERS,
    "test_a_limit_ends_a_listing": _FOLDERS,
    "test_a_listing_can_start_behind_any_key": _FOLDERS,
    "test_a_listing_is_in_the_order_of_utf8_bytes": _FOLDERS,
    "test_a_move_leaves_only_the_destination": _FOLDERS,
    "test_a_prefix_is_the_beginning_of_a_key_and_no_folder": _FOLDERS,
    "test_a_scoped_store_cannot_leave_its_prefix": _FOLDERS,
    "test_a_listing_that_starts_behind_a_key_is_paged_and_folded": _FOLDERS,
    "test_pages_follow_one_another_in_order": _FOLDERS,
    "test_pages_give_every_entry_once": _FOLDERS,
    "test_two_stores_over_one_place_agree": _FOLDERS,
    "test_deleting_what_is_not_there_is_no_error": _MERGED,
    "test_empty_segments_are_segments": _MERGED,
    "test_a_read_is_of_one_version_while_it_is_overwritten": "fsspec overwrites a file in its place while others read it",
}


def _obstore_key(key: str) -> str | None:
    if "//" in key:
        return "obstore refuses an empty segment"
    return "obstore takes a/ for a" if key.endswith("/") or f"{key}/" in ODD_KEYS else None


def _fsspec_key(key: str) -> str | None:
    parts = key.split("/")
    if any(len(part.encode()) > 255 for part in parts):
        return "a file system refuses a name of more than 255 bytes"
    if "" in parts or f"{key}/" in ODD_KEYS:
        return _MERGED
    above = ("/".join(parts[:depth]) for depth in range(1, len(parts)))
    return _FOLDERS if any(key in ODD_KEYS for key in above) else None


def _excluded(reason_for: Callable[[str], str | None]) -> dict[str, str]:
    return {key: reason for key in ODD_KEYS if (reason := reason_for(key)) is not None}


class TestObstore(BackendContract):
    """Runs every guarantee over obstore's ``MemoryStore``."""

    exclusions: ClassVar[dict[str, str]] = OBSTORE
    excluded_keys: ClassVar[dict[str, str]] = _excluded(_obstore_key)

    @pytest.fixture
    def backend(self) -> ObstoreBackend:
        """Return a new, empty memory."""
        return ObstoreBackend()


class TestFsspec(BackendContract):
    """Runs every guarantee over fsspec's ``LocalFileSystem``."""

    exclusions: ClassVar[dict[str, str]] = FSSPEC
    excluded_keys: ClassVar[dict[str, str]] = _excluded(_fsspec_key)

    @pytest.fixture
    def backend(self, root: Path) -> FsspecBackend:
        """Return a backend over a new folder."""
        return FsspecBackend(root)

    @pytest.fixture
    def root(self, tmp_path_factory: pytest.TempPathFactory) -> Path:
        """Return a new folder outside of ``tmp_path``, which the guarantees use themselves."""
        return tmp_path_factory.mktemp("assets")

    @pytest.fixture
    def reopen(self, root: Path) -> Callable[[], FsspecBackend]:
        """Return how another process opens the same folder."""
        return partial(FsspecBackend, root)
