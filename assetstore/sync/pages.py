"""Lists a store by many pages at once, where an earlier run knows about which keys stand there."""

from __future__ import annotations

import collections
import itertools
from collections.abc import Iterable, Iterator
from concurrent.futures import Executor, Future
from typing import TypeAlias

from assetstore.limits import PAGE
from assetstore.results import AssetInfo, ListPage
from assetstore.store import AssetStore
from assetstore.sync.merge import UnorderedError

AT_ONCE = 16
"""Pages that are asked for, or held, at one time."""
SPAN = PAGE - 1
"""Keys between two cuts: the page of an unchanged span holds the first key behind it too, which the next one begins with."""

_Asked: TypeAlias = tuple[str | None, "Future[ListPage]"]


def listed_at_once(pool: Executor, store: AssetStore, cuts: Iterable[str]) -> Iterator[AssetInfo]:
    """Ask for the first pages, and return an iterator over what the store lists, in the order of keys.

    Each span of the listing begins after a cut and ends with the next. Whatever the store holds, each key is in one span: it
    ends where its listing goes beyond the cut, and the next must begin with that same key.

    Args:
        pool: asks for the pages.
        store: the store.
        cuts: keys in their order, which need not be there.

    Raises:
        UnorderedError: two spans do not meet: the service lists in another order, or somebody wrote meanwhile.
        AssetStoreError: a page could not be read.
    """
    spans = itertools.pairwise(itertools.chain((None,), cuts, (None,)))
    asked = ((end, pool.submit(store.list_page, start_after=start)) for start, end in spans)
    return _joined(store, asked, collections.deque(itertools.islice(asked, AT_ONCE)))


def _joined(store: AssetStore, asked: Iterator[_Asked], waiting: collections.deque[_Asked]) -> Iterator[AssetInfo]:
    beyond: str | None = None
    is_first = True
    while waiting:
        end, future = waiting.popleft()
        keys = _pages(store, future.result())
        info = next(keys, None)
        if not is_first and beyond != (None if info is None else info.key):
            raise UnorderedError(f"the listing does not go on with {beyond!r}, which came next before")
        while info is not None and (end is None or info.key <= end):
            yield info
            info = next(keys, None)
        beyond, is_first = (None if info is None else info.key), False
        waiting.extend(itertools.islice(asked, 1))


def _pages(store: AssetStore, page: ListPage) -> Iterator[AssetInfo]:
    """Yield what is on a page and those that follow it."""
    yield from page.items
    while page.next_cursor is not None:
        page = store.list_page(cursor=page.next_cursor)
        yield from page.items
