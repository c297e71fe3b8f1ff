"""pyarrow's own tests of file systems, ``pyarrow.tests.test_fs``, on ours: those that are about any file system."""

from __future__ import annotations

import inspect
import pickle
from collections.abc import Callable
from types import ModuleType

import pytest
from pyarrow.fs import FSSpecHandler, PyFileSystem
from pyarrow.tests import test_fs

from assetstore import AssetStore
from assetstore_fsspec import AssetStoreFileSystem

pickle_with_and_without_subtree_filesystem = test_fs.pickle_with_and_without_subtree_filesystem
globals().update(
    {
        name: function
        for name, function in vars(test_fs).items()
        if name.startswith("test_") and "fs" in inspect.signature(function).parameters
    }
)

_FOLDERS = "it asks for an empty folder that create_dir made; here a folder is there once something is in it"
_MEMORY = "assets in memory are in one process alone, so the store refuses to be pickled"
EXCLUDED = {
    "test_create_dir": _FOLDERS,
    "test_delete_dir": _FOLDERS,
    "test_delete_dir_contents": _FOLDERS,
    "test_filesystem_is_functional_after_pickling": _FOLDERS,
    "test_filesystem_is_functional_after_pickling memory": _MEMORY,
    "test_filesystem_pickling memory": _MEMORY,
    "test_get_file_info": _FOLDERS,
    "test_get_file_info_with_selector": _FOLDERS,
    "test_move_directory": _FOLDERS,
}
"""Tests that fail, each with the reason."""


@pytest.fixture
def fs(asset_store: AssetStore) -> PyFileSystem:
    """Return our file system as one of pyarrow."""
    return PyFileSystem(FSSpecHandler(AssetStoreFileSystem(asset_store)))


@pytest.fixture
def pathfn() -> Callable[[str], str]:
    """Return what makes a path of a name."""
    return str


@pytest.fixture
def allow_move_dir() -> bool:
    """Return whether folders can be moved."""
    return True


@pytest.fixture
def allow_append_to_file() -> bool:
    """Return whether files can be appended to."""
    return True


@pytest.fixture
def pickle_module() -> ModuleType:
    """Return what pickles."""
    return pickle
