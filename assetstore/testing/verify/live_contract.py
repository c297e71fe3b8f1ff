"""The contract over one configured store, for ``assetstore.testing.verify.run``."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import pytest

from assetstore.testing.contract import BackendContract
from assetstore.testing.contract.fixtures import Wrappers
from assetstore.testing.verify.live_store import LiveStore


class TestLive(BackendContract):
    """Every guarantee, under a prefix of the store passed to ``at``."""

    shared = True
    found: LiveStore
    wrappers: ClassVar[Wrappers]
    part_size: ClassVar[int]

    @classmethod
    def at(cls, found: LiveStore) -> None:
        """Set the store to test."""
        cls.found = found
        cls.wrappers = found.wrappers
        cls.part_size = found.part_size

    @pytest.fixture
    def backend(self) -> object:
        """Return a new backend of the store."""
        return self.found.open_backend()

    @pytest.fixture
    def reopen(self) -> Callable[[], object] | None:
        """Return how another process opens the store, or ``None`` if assets do not outlive an opening."""
        return self.found.open_backend if self.found.is_lasting else None

    @pytest.fixture
    def prefix(self, scope: str) -> str:
        """Return a new prefix for each test, below that of the run."""
        return self.found.next_prefix()
