"""Merges two sorted walks into pairs, in memory that does not grow with them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias

from assetstore.results import AssetInfo

Pair: TypeAlias = tuple[AssetInfo | None, AssetInfo | None]

STEP = 256


def merge(source: Iterable[AssetInfo], destination: Iterable[AssetInfo]) -> Iterator[Pair]:
    """Yield, in the order of keys, what both sides have of each key; ``None`` where a side lacks it."""
    left, right = iter(source), iter(destination)
    one, other = next(left, None), next(right, None)
    while one is not None or other is not None:
        if other is None or (one is not None and one.key < other.key):
            yield one, None
            one = next(left, None)
        elif one is None or other.key < one.key:
            yield None, other
            other = next(right, None)
        else:
            yield one, other
            one, other = next(left, None), next(right, None)


def noting(pairs: Iterable[Pair], note: Callable[[int], object] | None) -> Iterator[Pair]:
    """Yield pairs, and call ``note`` now and then with the number of pairs since its last call."""
    count = 0
    for count, pair in enumerate(pairs, 1):
        if note is not None and not count % STEP:
            note(STEP)
        yield pair
    if note is not None and count % STEP:
        note(count % STEP)
