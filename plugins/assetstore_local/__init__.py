"""The local backend: assets as plain files in a folder, exact conditions between processes, working signed URLs."""

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
