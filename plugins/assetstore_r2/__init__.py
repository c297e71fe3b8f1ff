"""Cloudflare R2, and any other service that speaks S3, as a store of assets.

Importing this package loads no vendor's library; botocore comes with the first request.
"""

from assetstore_r2.asset_manager.manager import R2AssetManager
from assetstore_r2.asset_manager.results import DownloadResult, UploadResult
from assetstore_r2.asset_manager.settings import store_from_settings
from assetstore_r2.backend import R2Backend, S3Backend

__all__ = ["DownloadResult", "R2AssetManager", "R2Backend", "S3Backend", "UploadResult", "store_from_settings"]
