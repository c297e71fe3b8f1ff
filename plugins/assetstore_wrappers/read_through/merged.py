"""Merges the listings of two stores, page by page, and leaves out what is marked as deleted."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import attrs

from assetstore import AssetStore
from assetstore.plugin import AssetInfo, Hooks, ListOptions, ListPage, Prefix, limits
from assetstore_wrappers.hidden import LAST, list_outside
from assetstore_wrappers.others import page_from

Entry: TypeAlias = AssetInfo | Prefix

MARKS = ".deleted/"
"""A key after this is that of an asset behind which was deleted here."""


def list_both(inner: Hooks, behind: AssetStore, prefix: str, options: ListOptions) -> ListPage:
    """Return a page of what is here, and of what is behind and neither hidden nor deleted. The cursor is its last name."""
    after = max(options.start_after or "", _after(options.cursor or "", prefix, options))
    while True:
        part = attrs.evolve(options, cursor=None, start_after=after or None)
        here = _next_names(lambda options: list_outside(inner, MARKS, prefix, options), part)
        there = _next_names(lambda options: page_from(behind, prefix, options), part)
        # Behind the last name of a page that has a next one, that store may have more.
        ends = [max(_names(page)) for page in (here, there) if page.next_cursor is not None]
        end = min(ends, default=None)
        found = {name: entry for name, entry in {**_names(there), **_names(here)}.items() if end is None or name <= end}
        deleted = _Deleted(inner, behind, prefix, after, end)
        shown = [found[name] for name in sorted(found) if name in _names(here) or not deleted.covers(found[name])]
        page = shown[: options.limit]
        last = page[-1].key if len(shown) > len(page) else end
        if page or last is None:
            items = tuple(entry for entry in page if isinstance(entry, AssetInfo))
            prefixes = tuple(entry for entry in page if isinstance(entry, Prefix))
            return ListPage(items=items, prefixes=prefixes, next_cursor=last)
        after = _after(last, prefix, options)


def _next_names(list_page: Callable[[ListOptions], ListPage | None], options: ListOptions) -> ListPage:
    """Return the next page that has names, or the last one: a page may be empty, and more may follow it."""
    page = list_page(options)
    while page is not None and page.next_cursor is not None and not _names(page):
        page = list_page(attrs.evolve(options, cursor=page.next_cursor))
    return page or ListPage(items=())


def _names(page: ListPage) -> dict[str, Entry]:
    entries: tuple[Entry, ...] = (*page.items, *page.prefixes)
    return {entry.key: entry for entry in entries}


def _after(name: str, prefix: str, options: ListOptions) -> str:
    """Return what the keys of the next page come after: all that a name stands for which keys were folded into."""
    folded = not options.recursive and name.endswith("/") and len(name) > len(prefix)
    return name + LAST if folded else name


class _Deleted:
    """Which assets behind are marked as deleted, of those under a prefix and between two names."""

    def __init__(self, inner: Hooks, behind: AssetStore, prefix: str, after: str, end: str | None) -> None:
        self._behind = behind
        self._keys: set[str] = set()
        options = ListOptions(start_after=MARKS + after if after else None, limit=limits.PAGE)
        while (page := inner.assetstore_list(prefix=MARKS + prefix, options=options)) is not None:
            keys = [item.key.removeprefix(MARKS) for item in page.items]
            self._keys.update(keys)
            if page.next_cursor is None or (end is not None and keys and keys[-1] > end + LAST):
                return
            options = attrs.evolve(options, cursor=page.next_cursor)

    def covers(self, entry: Entry) -> bool:
        """Return whether an asset behind, or each one that was folded into a prefix, is deleted or a mark itself."""
        if entry.key.startswith(MARKS):
            return True
        if isinstance(entry, AssetInfo) or not any(key.startswith(entry.key) for key in self._keys):
            return entry.key in self._keys
        return all(info.key in self._keys for info in self._behind.list(entry.key))
