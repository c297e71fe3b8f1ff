"""The contract over one configured store, for the pytest that ``assetstore.testing.verify.run`` runs."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from assetstore.testing.contract import BackendContract
from assetstore.testing.verify.live_store import LiveStore


class TestLive(BackendContract):
    """Every guarantee, under a prefix of the store that ``at`` was given."""

    shared = True
    found: LiveStore

    @classmethod
    def at(cls, found: LiveStore) -> None:
        """Say where the guarantees are to be tried."""
        cls.found, cls.wrappers, cls.part_size = found, found.wrappers, found.part_size

    @pytest.fixture
    def backend(self) -> object:
        """Return a new backend of the store."""
        return self.found.open_backend()

    @pytest.fixture
    def reopen(self) -> Callable[[], object] | None:
        """Return how another process opens it, unless each opening is a place of its own."""
        return self.found.open_backend if self.found.is_lasting else None

    @pytest.fixture
    def prefix(self, scope: str) -> str:
        """Return a prefix of its own for each test, below that of the run."""
        return self.found.next_prefix()
