"""The contract through ``AsyncAssetStore`` to an S3 server, on trio."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, ClassVar

import pytest

from aio.test_contract import Driven

sys.path.append(str(Path(__file__).parents[1] / "contract"))

import faults
from test_servers import ServerContract


class TestSeaweedFSOnTrio(Driven, ServerContract):
    """Runs every guarantee over SeaweedFS."""

    backend_of_anyio = "trio"
    exclusions: ClassVar[dict[str, str]] = {
        **faults.SEAWEEDFS,
        **faults.COPIES,
        **faults.METADATA,
        "test_signing_needs_no_network": "a thread wakes an event loop by a socket",
    }
    lucky: ClassVar[frozenset[str]] = frozenset(faults.COPIES)
    excluded_keys: ClassVar[dict[str, str]] = faults.SEAWEEDFS_KEYS

    @pytest.fixture
    def server(self, seaweedfs: Any) -> Any:
        """Return the server."""
        return seaweedfs
