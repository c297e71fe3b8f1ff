"""Stores assets in Cloudflare R2 or any other service that speaks S3.

Importing this package does not load botocore; the first request does.
"""

from typing import TYPE_CHECKING, Any

from assetstore_r2.backend import R2Backend, S3Backend

if TYPE_CHECKING:
    from assetstore_r2.asset_manager.manager import R2AssetManager
    from assetstore_r2.asset_manager.results import DownloadResult, UploadResult
    from assetstore_r2.asset_manager.settings import store_from_settings

__all__ = ["DownloadResult", "R2AssetManager", "R2Backend", "S3Backend", "UploadResult", "store_from_settings"]


def __getattr__(name: str) -> Any:
    """Load the asset manager when it is first asked for; a store needs none of it."""
    if name not in __all__:
        raise AttributeError(f"module 'assetstore_r2' has no attribute {name!r}")
    from assetstore_r2.asset_manager import manager, results, settings

    return next(getattr(home, name) for home in (results, settings, manager) if hasattr(home, name))
