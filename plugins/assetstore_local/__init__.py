"""A folder on disk as an asset store: plain files, exact conditions between processes, nothing outside the folder."""

from assetstore_local.backend import LocalBackend

__all__ = ["LocalBackend"]
