"""Cloudflare R2, and any other service that speaks S3, as a store of assets.

Importing this package loads no vendor's library; botocore comes with the first request.
"""

from assetstore_r2.backend import R2Backend, S3Backend

__all__ = ["R2Backend", "S3Backend"]
