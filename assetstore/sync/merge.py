"""Merges two walks into pairs, in memory that does not grow with them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, TypeAlias

from assetstore.errors import BackendError
from assetstore.results import AssetInfo

if TYPE_CHECKING:
    from assetstore.sync.sorting import SortedOnDisk

Pair: TypeAlias = tuple[AssetInfo | None, AssetInfo | None]

STEP = 256


class UnorderedError(BackendError):
    """A listing is not in the order of keys, so that it cannot be merged; some services list folder by folder."""


def merge(source: Iterable[AssetInfo], destination: Iterable[AssetInfo]) -> Iterator[Pair]:
    """Return, in the order of keys, what both sides have of each key; ``None`` where a side lacks it.

    Raises:
        UnorderedError: a side is not in the order of keys, so that a key that it has would be taken for missing.
    """
    return _merged(_ordered(source), _ordered(destination))


def merge_any_order(source: Iterable[AssetInfo], destination: Iterable[AssetInfo]) -> Iterator[Pair]:
    """Yield what both sides have of each key, in whatever order they list; ``None`` where a side lacks it.

    What both are found to have comes at once. What one seems to lack may still come there, so it waits in a temporary file,
    and comes in the order of keys when both have ended. A side must list no key twice, but for one right after the other.
    """
    with contextlib.ExitStack() as exits:
        lone: tuple[SortedOnDisk, SortedOnDisk] | None = None
        for one, other in _merged(_distinct(source), _distinct(destination)):
            if one is not None and other is not None:
                yield one, other
                continue
            if lone is None:
                from assetstore.sync.sorting import SortedOnDisk  # by a database, which equal sides do not need

                lone = exits.enter_context(SortedOnDisk()), exits.enter_context(SortedOnDisk())
            if one is not None:
                lone[0].add(one)
            elif other is not None:
                lone[1].add(other)
        if lone is not None:
            yield from merge(*lone)


def _merged(left: Iterator[AssetInfo], right: Iterator[AssetInfo]) -> Iterator[Pair]:
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
    previous = None
    for info in side:
        key = info.key
        if previous is not None and key <= previous:
            raise UnorderedError(f"the listing is not in the order of keys: {key!r} comes after {previous!r}")
        previous = key
        yield info


def _distinct(side: Iterable[AssetInfo]) -> Iterator[AssetInfo]:
    previous = None
    for info in side:
        if info.key != previous:
            yield info
        previous = info.key
