"""A folder of keys in which a wrapper keeps what is its own: listings leave it out unless they are asked for it by name."""

from __future__ import annotations

import attrs

from assetstore.plugin import Hooks, InvalidKeyError, ListOptions, ListPage

LAST = "\U0010ffff"
"""No character sorts after it, so ``start_after`` a folder and this leaves the folder out."""


def require_outside(folder: str, key: str) -> None:
    """Raise InvalidKeyError if a key lies in the wrapper's own folder."""
    if key.startswith(folder):
        raise InvalidKeyError(f"keys that begin with {folder!r} belong to a wrapper of this store", hint="use another key")


def list_outside(inner: Hooks, folder: str, prefix: str, options: ListOptions) -> ListPage | None:
    """Return a page without the wrapper's own folder, unless the prefix names that folder.

    A page that lies wholly in the folder is skipped, and with it the rest of the folder.
    """
    page = inner.assetstore_list(prefix=prefix, options=options)
    if prefix.startswith(folder) or not folder.startswith(prefix):
        return page
    after = attrs.evolve(options, cursor=None, start_after=max(options.start_after or "", folder + LAST))
    while page is not None:
        items = tuple(item for item in page.items if not item.key.startswith(folder))
        prefixes = tuple(each for each in page.prefixes if not each.key.startswith(folder))
        if items or prefixes or page.next_cursor is None or not (page.items or page.prefixes):
            return attrs.evolve(page, items=items, prefixes=prefixes)
        page = inner.assetstore_list(prefix=prefix, options=after)
        after = attrs.evolve(after, cursor=page.next_cursor if page else None)
    return None
