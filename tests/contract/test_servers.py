"""The contract on R2's plugin over HTTP, against two servers that the test session starts."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ClassVar

import faults
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from assetstore import AssetStore
from assetstore.testing.contract import BackendContract
from assetstore.testing.machine import KEYS, StoreMachine
from assetstore_r2 import R2Backend

PART_SIZE = 5 << 20
FEW = settings(
    max_examples=100 if settings.get_current_profile_name() == "long" else 3,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


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
    def backend(self, reopen: Callable[[], R2Backend]) -> R2Backend:
        """Return a backend with a client of its own."""
        return reopen()


class TestSeaweedFS(ServerContract):
    """Runs every guarantee over SeaweedFS."""

    exclusions: ClassVar[dict[str, str]] = faults.SEAWEEDFS
    excluded_keys: ClassVar[dict[str, str]] = faults.SEAWEEDFS_KEYS

    @pytest.fixture
    def reopen(self, seaweedfs: Any) -> Callable[[], R2Backend]:
        """Return how the bucket is opened."""
        return recipe(seaweedfs)


class TestEmulator(ServerContract):
    """Runs every guarantee over Cloudflare's emulator."""

    exclusions: ClassVar[dict[str, str]] = faults.EMULATOR
    excluded_keys: ClassVar[dict[str, str]] = faults.EMULATOR_KEYS

    @pytest.fixture
    def reopen(self, emulator: Any) -> Callable[[], R2Backend]:
        """Return how the bucket is opened."""
        return recipe(emulator)


def walk(make_backend: Callable[[], R2Backend], prefix: str, keys: tuple[str, ...]) -> None:
    """Walk at random through the part of a bucket under a prefix, which a walk leaves empty."""

    class BucketMachine(StoreMachine):
        def place(self) -> Callable[[], AssetStore]:
            return lambda: AssetStore(make_backend()).scoped(prefix)

    BucketMachine.keys = keys
    run_state_machine_as_test(BucketMachine, settings=FEW)


def test_random_walks_in_seaweedfs_agree_with_a_dict(seaweedfs: Any, unique_prefix: str) -> None:
    """Whatever is done in whatever order, a bucket answers as a dict would; its folders' faults are kept out of the keys."""
    walk(recipe(seaweedfs), unique_prefix, tuple(key for key in KEYS if "/" not in key and "\\" not in key))


def test_random_walks_in_the_emulator_agree_with_a_dict(emulator: Any, unique_prefix: str) -> None:
    """Whatever is done in whatever order, a bucket answers as a dict would."""
    walk(recipe(emulator), unique_prefix, KEYS)
