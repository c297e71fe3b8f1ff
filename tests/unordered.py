"""A backend that lists in another order than that of keys."""

from __future__ import annotations

from assetstore.plugin import ListOptions, ListPage, hookimpl
from assetstore.testing import MemoryBackend


class FolderByFolder(MemoryBackend):
    """Lists what lies in a folder before all whose names go on behind the folder's name, as some services do."""

    @hookimpl
    def assetstore_list(self, prefix: str, options: ListOptions) -> ListPage:
        """Return all that comes after a key in that order, ``a/x`` before ``a-b/x``, on one page."""
        items = super().assetstore_list(prefix, ListOptions()).items
        after = (options.start_after or "").split("/")
        found = sorted((info for info in items if info.key.split("/") > after), key=lambda info: info.key.split("/"))
        return ListPage(items=tuple(found))
