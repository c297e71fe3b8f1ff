"""The contract on the backend in memory."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from assetstore.plugin import Source, UploadOptions
from assetstore.testing import MemoryBackend
from assetstore.testing.contract import BackendContract


class TestMemory(BackendContract):
    """Runs every guarantee."""

    @pytest.fixture
    def backend(self) -> MemoryBackend:
        """Return a new, empty memory."""
        return MemoryBackend()

    @pytest.fixture
    def plant(self, backend: MemoryBackend) -> Callable[[str], object]:
        """Return what makes an asset whose key breaks the rules."""
        return lambda key: backend.assetstore_upload(key, Source(b""), UploadOptions())
