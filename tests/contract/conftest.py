"""Buckets for the contract; what its servers get wrong stands in ``faults.py``."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

import pytest

from assetstore.testing.contract import summary
from assetstore.testing.machine import KEYS, Walker, walk


def pytest_configure(config: pytest.Config) -> None:
    """Count in the summary what was excluded and left out."""
    summary.register(config)


@pytest.fixture
def walked(record_property: Callable[[str, object], None]) -> Callable[..., None]:
    """Return what walks, 10,000 steps in the long profile, and counts the steps for the summary."""

    def walked(machine: type[Walker], *, steps: int = 300) -> None:
        wanted = 10_000 if os.environ.get("HYPOTHESIS_PROFILE") == "long" else steps
        taken = walk(machine, steps=wanted)
        used = f"{len(machine.keys)} of {len(KEYS)} keys"
        lacks = f", without {', '.join(machine.lacks)}" if machine.lacks else ""
        line = f"{machine.__name__}: {taken:,} steps, {used}{lacks}"
        record_property("assetstore-steps", line)
        sys.stdout.write(f"{line}\n")
        assert taken >= wanted

    return walked
