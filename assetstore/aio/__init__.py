"""``AsyncAssetStore``: the methods of ``AssetStore`` for asyncio and trio. Needs the extra ``aio``."""

try:
    import anyio as _  # noqa: F401 - only whether it is there
except ImportError as error:
    raise ImportError("assetstore.aio needs anyio; run: pip install 'assetstore[aio]'") from error

from assetstore.aio.results import AsyncBulkResults, AsyncListing
from assetstore.aio.source import AsyncSourceLike
from assetstore.aio.store import AsyncAssetStore, open_store
from assetstore.aio.streams import AsyncAssetReader, AsyncAssetWriter, Opening

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
