"""The contract once more on R2's plugin over HTTP, with botocore's request loop instead of assetstore's own client."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import pytest
import test_servers

from assetstore_r2 import R2Backend


class TestSeaweedFSByBoto3(test_servers.TestSeaweedFS):
    """Runs every guarantee over SeaweedFS."""

    @pytest.fixture
    def reopen(self, server: Any) -> Callable[[], R2Backend]:
        """Return how the bucket is opened."""
        return functools.partial(test_servers.recipe(server), engine="boto3")


class TestEmulatorByBoto3(test_servers.TestEmulator):
    """Runs every guarantee over Cloudflare's emulator."""

    @pytest.fixture
    def reopen(self, server: Any) -> Callable[[], R2Backend]:
        """Return how the bucket is opened."""
        return functools.partial(test_servers.recipe(server), engine="boto3")
