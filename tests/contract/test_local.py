"""The contract on a folder."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

import pytest

from assetstore.testing.contract import BackendContract
from assetstore.testing.contract.fixtures import Fixtures
from assetstore_local import LocalBackend


class OnLocal(Fixtures):
    """Opens a new folder, in other processes too."""

    @pytest.fixture
    def backend(self, root: Path) -> LocalBackend:
        """Return a backend over a new folder."""
        return LocalBackend(root=root)

    @pytest.fixture
    def root(self, tmp_path_factory: pytest.TempPathFactory) -> Path:
        """Return a new folder outside of ``tmp_path``, which the guarantees use themselves."""
        return tmp_path_factory.mktemp("assets")

    @pytest.fixture
    def reopen(self, root: Path) -> Callable[[], object]:
        """Return how another process opens the same folder."""
        return functools.partial(LocalBackend, root=root)


class TestLocal(OnLocal, BackendContract):
    """Runs every guarantee."""
