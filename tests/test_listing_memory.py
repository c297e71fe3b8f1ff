"""A listing of any length takes the memory of a few pages."""

from __future__ import annotations

import tracemalloc
from collections.abc import Sequence

from assetstore import AssetInfo, AssetStore, ListPage
from assetstore.plugin import ListOptions, hookimpl
from assetstore.testing import MemoryBackend

PAGE = 1000


class Endless(MemoryBackend):
    """Has as many assets as are asked for."""

    @hookimpl
    def assetstore_list(self, prefix: str, options: ListOptions) -> ListPage:
        """Return the page behind the cursor."""
        first = int(options.cursor or 0)
        items: Sequence[AssetInfo] = [AssetInfo(key=f"{number:09}", size=1) for number in range(first, first + PAGE)]
        return ListPage(items=tuple(items), next_cursor=str(first + PAGE))


def test_a_listing_of_many_pages_holds_few_of_them() -> None:
    """Of twenty thousand keys no more than a few pages are held at once."""
    with AssetStore(Endless()) as store:
        listing = store.list()
        tracemalloc.start()
        try:
            for _ in range(3 * PAGE):
                next(listing)
            early = tracemalloc.get_traced_memory()[1]
            for _ in range(17 * PAGE):
                last = next(listing)
            late = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert ("000019999", True) == (last.key, late < 2 * early)
