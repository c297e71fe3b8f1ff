"""The contract on the backend in memory."""

from __future__ import annotations

import pytest

from assetstore.testing import MemoryBackend
from assetstore.testing.contract import BackendContract


class TestMemory(BackendContract):
    """Runs every guarantee."""

    @pytest.fixture
    def backend(self) -> MemoryBackend:
        """Return a new, empty memory."""
        return MemoryBackend()
