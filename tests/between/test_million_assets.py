"""A sync of a million assets with a million others stays small."""

from __future__ import annotations

import pytest

from synthetic_sides import peak


@pytest.mark.parametrize("kind", ["same", "other"])
def test_a_million_assets_on_both_sides_take_little_memory(kind: str) -> None:
    """The plan of 1,000,000 x 1,000,000 keys takes at most 100 MB, whether nothing or everything is to be done."""
    assert peak(1_000_000, kind) < 100
