"""``AsyncAssetStore``: the methods of ``AssetStore`` for asyncio and trio. Needs the extra ``aio``."""

from assetstore.entry_points import require_extra

require_extra("anyio", "aio")

from assetstore.aio.results import AsyncBulkResults, AsyncListing  # noqa: E402 - needs the extra
from assetstore.aio.source import AsyncSourceLike  # noqa: E402 - needs the extra
from assetstore.aio.store import AsyncAssetStore, open_store  # noqa: E402 - needs the extra
from assetstore.aio.streams import AsyncAssetReader, AsyncAssetWriter, Opening  # noqa: E402 - needs the extra

__all__ = [
    "AsyncAssetReader",
    "AsyncAssetStore",
    "AsyncAssetWriter",
    "AsyncBulkResults",
    "AsyncListing",
    "AsyncSourceLike",
    "Opening",
    "open_store",
]
