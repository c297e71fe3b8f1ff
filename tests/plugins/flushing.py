"""Tells tests whether the file system that they use can be flushed as a whole."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from assetstore_local.disk import whole_flush


def require_whole(folder: Path) -> None:
    """Skip the test where each file is flushed by itself."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        if not whole_flush.keeps_the_promise(descriptor):
            pytest.skip("the file system of the tests is not flushed as a whole")
    finally:
        os.close(descriptor)
