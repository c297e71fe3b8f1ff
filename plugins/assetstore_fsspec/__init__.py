"""Makes a store a file system of fsspec: ``assetstore://NAME/key`` for pandas, Dask, zarr, pyarrow and others.

Read ``filesystem`` first, then ``listing`` (folders, which a store does not have), ``files`` and ``paths``.
"""

from assetstore.plugin import require_extra

require_extra("fsspec", "fsspec")

from assetstore_fsspec.filesystem import AssetStoreFileSystem  # noqa: E402 - needs the extra

__all__ = ["AssetStoreFileSystem"]
