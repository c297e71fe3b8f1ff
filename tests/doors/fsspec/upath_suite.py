"""The base tests of universal_pathlib, which ``test_upath_suite`` unpacks, on our paths."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import upath
from fsspec.implementations.memory import MemoryFileSystem

from assetstore_fsspec.upath import AssetStorePath

# The tests are in the source archive alone, and import one another as parts of the package.
upath.__path__.append(f"{os.environ['UPATH_SOURCE']}/upath")

from upath.tests.cases import BaseTests  # noqa: E402 - see above

_RELATIVE = "a key has no slash at its beginning, so universal_pathlib takes it for a path relative to a working directory"
EXCLUDED = {
    "test_rename_with_target_absolute plain_path_absolute": _RELATIVE,
    "test_rename_with_target_absolute plain_upath_absolute": _RELATIVE,
}
"""Tests that fail, each with the reason."""


@pytest.fixture
def local_testdir(tmp_path: Path) -> str:
    """Return a local folder with what the tests expect."""
    files = {"folder1/file1.txt": "file1.txt", "folder1/file2.txt": "file2.txt", "file1.txt": "hello world"}
    for name, text in {**files, "file2.txt": "hello world"}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return str(tmp_path)


@pytest.fixture
def pathlib_base(local_testdir: str) -> Path:
    """Return the local folder."""
    return Path(local_testdir)


@pytest.fixture
def clear_fsspec_memory_cache() -> Iterator[None]:
    """Leave fsspec's own store in memory empty."""
    yield
    MemoryFileSystem.store.clear()
    MemoryFileSystem.pseudo_dirs[:] = [""]


class TestAssetStorePath(BaseTests):  # type: ignore[misc]  # without types here
    """``BaseTests``."""

    SUPPORTS_EMPTY_DIRS = False

    @pytest.fixture(autouse=True)
    def path(self, configured: str, unique_prefix: str) -> None:
        """Make the folder in which they work."""
        self.path = upath.UPath(f"assetstore://{configured}/{unique_prefix}")
        self.prepare_file_system()

    def test_is_correct_class(self) -> None:
        """The path of such a URL is ours."""
        assert isinstance(self.path, AssetStorePath)
