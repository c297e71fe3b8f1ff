"""A folder on disk as an asset store: plain files, exact conditions between processes, signed URLs that really work."""

from typing import Any

from assetstore import AssetStore
from assetstore_local.backend import LocalBackend

__all__ = ["LocalBackend", "asgi", "wsgi"]


def asgi(store: AssetStore) -> Any:
    """Return the ASGI application that honours the URLs which a store over a folder signs."""
    return store.application("asgi")


def wsgi(store: AssetStore) -> Any:
    """Return the WSGI application that honours the URLs which a store over a folder signs."""
    return store.application("wsgi")
