"""Merges two sorted walks into pairs, in memory that does not grow with them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias

from assetstore.errors import BackendError
from assetstore.results import AssetInfo

Pair: TypeAlias = tuple[AssetInfo | None, AssetInfo | None]

STEP = 256


class UnorderedError(BackendError):
    """A listing is not in the order of keys, so that it cannot be merged; some services list folder by folder."""


def merge(source: Iterable[AssetInfo], destination: Iterable[AssetInfo]) -> Iterator[Pair]:
    """Yield, in the order of keys, what both sides have of each key; ``None`` where a side lacks it.

    Raises:
        UnorderedError: a side is not in the order of keys, so that a key that it has would be taken for missing.
    """
    left, right = _ordered(source), _ordered(destination)
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
    if note is None:
        yield from pairs
        return
    count = 0
    for count, pair in enumerate(pairs, 1):
        if not count % STEP:
            note(STEP)
        yield pair
    if count % STEP:
        note(count % STEP)


def _ordered(side: Iterable[AssetInfo]) -> Iterator[AssetInfo]:
    previous = ""
    for info in side:
        key = info.key
        if key <= previous:
            message = f"the listing is not in the order of keys: {key!r} comes after {previous!r}"
            raise UnorderedError(message, hint="compare or copy one folder after the other")
        previous = key
        yield info
