"""Stores assets in Cloudflare R2 or any other service that speaks S3.

Importing this package does not load botocore; the first request does.
"""

from assetstore_r2.asset_manager.manager import R2AssetManager
from assetstore_r2.asset_manager.results import DownloadResult, UploadResult
from assetstore_r2.asset_manager.settings import store_from_settings
from assetstore_r2.backend import R2Backend, S3Backend

__all__ = ["DownloadResult", "R2AssetManager", "R2Backend", "S3Backend", "UploadResult", "store_from_settings"]
