"""Lists a store by many pages at once, where an earlier run knows about which keys stand there."""

from __future__ import annotations

import collections
import contextlib
import itertools
from collections.abc import Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import TypeAlias

from assetstore.limits import PAGE
from assetstore.results import AssetInfo, ListPage
from assetstore.store import AssetStore
from assetstore.sync.folder_index import FolderIndex
from assetstore.sync.merge import UnorderedError
from assetstore.sync.sides import Side, StoreSide

AT_ONCE = 16
"""Pages that are asked for, or held, at one time."""
SPAN = PAGE - 1
"""Keys between two cuts: the page of an unchanged span holds the first key behind it too, which the next one begins with."""

_Asked: TypeAlias = tuple[str | None, "Future[ListPage]"]


@contextlib.contextmanager
def listed_ahead(side: Side, index: FolderIndex | None) -> Iterator[Iterator[AssetInfo] | None]:
    """Ask for the first pages of a destination; yield its listing, whose pages are asked for until the block ends.

    It is ``None`` where no earlier run knows about which keys stand there, or the store cannot begin at a key. An asset that
    is taken for missing costs a request where it would be written, but a file where it is fetched from.
    """
    store = side.store if isinstance(side, StoreSide) and not side.sorts else None
    cuts = iter(()) if index is None or store is None or not store.can("list.start_after") else index.cuts(SPAN)
    first = next(cuts, None)
    if first is None or store is None:
        yield None
        return
    with ThreadPoolExecutor(AT_ONCE) as pool:
        try:
            yield listed_at_once(pool, store, itertools.chain((first,), cuts))
        finally:
            pool.shutdown(cancel_futures=True)


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
