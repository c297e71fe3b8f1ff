"""Buckets for the contract; what its servers get wrong stands in ``faults.py``."""

from __future__ import annotations

import pytest

from assetstore.testing.contract import summary


def pytest_configure(config: pytest.Config) -> None:
    """Count in the summary what was excluded and left out."""
    summary.register(config)
