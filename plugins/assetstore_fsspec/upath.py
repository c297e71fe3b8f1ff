"""``AssetStorePath``: what ``UPath("assetstore://NAME/key")`` of universal_pathlib is."""

from __future__ import annotations

import errno
import os

from fsspec import register_implementation
from upath import UPath

from assetstore_fsspec.filesystem import AssetStoreFileSystem
from assetstore_fsspec.paths import PROTOCOL, url

# universal_pathlib takes the rules of paths from the classes that fsspec has loaded, and warns where ours is not.
register_implementation(PROTOCOL, AssetStoreFileSystem, clobber=True)


class AssetStorePath(UPath):  # type: ignore[misc]  # as the file system
    """A path in a store. Its text is a URL with the store's name, and ``rmdir`` refuses a folder that is not empty."""

    __slots__ = ()

    def __str__(self) -> str:
        if self._relative_base is not None:
            return str(super().__str__())
        store = self.storage_options.get("store")
        return url(store if isinstance(store, str) else "" if store is None else store.name, self.path)

    def rmdir(self, recursive: bool = False) -> None:
        """Remove an empty folder, or with ``recursive`` all that is in it.

        Raises:
            OSError: something is in the folder, and ``recursive`` is not set.
        """
        if not recursive and self.is_dir():
            raise OSError(errno.ENOTEMPTY, f"{os.strerror(errno.ENOTEMPTY)}, pass recursive=True", str(self))
        super().rmdir(recursive=recursive)

    def mkdir(self, mode: int = 0o777, parents: bool = False, exist_ok: bool = False) -> None:
        """Do nothing, but raise FileExistsError as asked: a folder is there once something is in it."""
        if self.is_file() or (not exist_ok and self.exists()):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(self))

