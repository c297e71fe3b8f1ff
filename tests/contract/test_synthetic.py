"""The contract on the backend of computed assets."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from assetstore.plugin import Source, UploadOptions
from assetstore.testing import SyntheticBackend
from assetstore.testing.contract import BackendContract


class TestSynthetic(BackendContract):
    """Runs every guarantee where none of the computed assets is there yet."""

    @pytest.fixture
    def backend(self) -> SyntheticBackend:
        """Return a new, empty backend."""
        return SyntheticBackend(count=100, filled=False)

    @pytest.fixture
    def plant(self, backend: SyntheticBackend) -> Callable[[str], object]:
        """Return what makes an asset whose key breaks the rules."""
        return lambda key: backend.assetstore_upload(key, Source(b""), UploadOptions())
