"""fsspec's own tests of file systems, ``fsspec.tests.abstract``, on our file system."""

from __future__ import annotations

import posixpath
from collections.abc import Callable

import pytest
from fsspec.tests import abstract

_PREFIXES = "SeaweedFS lists a folder after the last key in it was deleted"
EXCLUDED = {
    "test_copy_directory_to_existing_directory s3": _PREFIXES,
    "test_copy_directory_to_new_directory s3": _PREFIXES,
    "test_copy_glob_to_existing_directory s3": _PREFIXES,
    "test_put_directory_to_existing_directory s3": _PREFIXES,
    "test_put_directory_to_new_directory s3": _PREFIXES,
    "test_put_glob_to_existing_directory s3": _PREFIXES,
}
"""Tests that fail, each with the reason."""


class _Stores(abstract.AbstractFixtures):  # type: ignore[misc]  # fsspec has no types
    """What fsspec's tests ask of the file system under test; ``fs`` is in conftest."""

    fs = None

    @pytest.fixture
    def fs_path(self) -> str:
        """Return the folder in which they work."""
        return "folder"

    @pytest.fixture
    def fs_join(self) -> Callable[..., str]:
        """Return what joins paths."""
        return posixpath.join

    @pytest.fixture
    def supports_empty_directories(self) -> bool:
        """Return ``False``: a folder is there once something is in it."""
        return False


class TestCopy(abstract.AbstractCopyTests, _Stores):  # type: ignore[misc]  # as above
    """``copy`` and ``cp``."""


class TestGet(abstract.AbstractGetTests, _Stores):  # type: ignore[misc]  # as above
    """``get``."""


class TestPut(abstract.AbstractPutTests, _Stores):  # type: ignore[misc]  # as above
    """``put``."""


class TestOpen(abstract.AbstractOpenTests, _Stores):  # type: ignore[misc]  # as above
    """``open`` with ``x``."""


class TestPipe(abstract.AbstractPipeTests, _Stores):  # type: ignore[misc]  # as above
    """``pipe_file`` with ``mode="create"``."""
