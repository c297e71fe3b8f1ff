"""The contract on R2's plugin over HTTP, against two servers that the test session starts."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ClassVar

import faults
import pytest

from assetstore.testing.contract import BackendContract
from assetstore_r2 import R2Backend

PART_SIZE = 5 << 20


def recipe(server: Any) -> Callable[[], R2Backend]:
    """Return what makes a backend over a server's bucket, here or in another process."""
    return functools.partial(
        R2Backend,
        bucket=server.bucket,
        endpoint_url=server.endpoint_url,
        access_key=server.access_key,
        secret_key=server.secret_key,
        part_size=PART_SIZE,
        public_url="https://cdn.example/assets",
    )


class ServerContract(BackendContract):
    """What both servers have in common."""

    shared: ClassVar[bool] = True
    part_size: ClassVar[int] = PART_SIZE

    @pytest.fixture
    def reopen(self, server: Any) -> Callable[[], R2Backend]:
        """Return how the bucket is opened."""
        return recipe(server)

    @pytest.fixture
    def backend(self, reopen: Callable[[], R2Backend]) -> R2Backend:
        """Return a backend with a client of its own."""
        return reopen()

    @pytest.fixture
    def plant(self, server: Any) -> Callable[[str], object]:
        """Return what makes an asset whose key breaks the rules."""

        def plant(key: str) -> None:
            with server.client() as client:
                client.put_object(Bucket=server.bucket, Key=key, Body=b"")

        return plant


class TestSeaweedFS(ServerContract):
    """Runs every guarantee over SeaweedFS."""

    exclusions: ClassVar[dict[str, str]] = faults.SEAWEEDFS | faults.COPIES | faults.METADATA
    lucky: ClassVar[frozenset[str]] = frozenset(faults.COPIES)
    excluded_keys: ClassVar[dict[str, str]] = faults.SEAWEEDFS_KEYS

    @pytest.fixture
    def server(self, seaweedfs: Any) -> Any:
        """Return the server."""
        return seaweedfs


class TestEmulator(ServerContract):
    """Runs every guarantee over Cloudflare's emulator."""

    exclusions: ClassVar[dict[str, str]] = faults.EMULATOR | faults.COPIES | faults.METADATA
    lucky: ClassVar[frozenset[str]] = frozenset(faults.COPIES)
    excluded_keys: ClassVar[dict[str, str]] = faults.EMULATOR_KEYS

    @pytest.fixture
    def server(self, emulator: Any) -> Any:
        """Return the server."""
        return emulator
