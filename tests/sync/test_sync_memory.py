"""The memory of a sync does not grow with its sides."""

from __future__ import annotations

import sys

import pytest

from synthetic_sides import peak, plan

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows tells no peak")


def test_memory_does_not_grow_with_the_sides() -> None:
    """Twenty times as many assets take at most some megabytes more, whether nothing or everything is to be done."""
    for kind in ("same", "other"):
        assert peak(40_000, kind) < peak(2_000, kind) + 16


def test_the_plan_of_synthetic_sides_is_right() -> None:
    """What the test of memory plans is what it means to plan."""
    counts = plan(1000, same=False).counts
    assert (500, 500, 500, 0) == (counts.new, counts.changed, counts.deleted, counts.unchanged)
    assert 1000 == plan(1000, same=True).counts.unchanged
