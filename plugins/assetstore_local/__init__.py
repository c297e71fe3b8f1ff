"""The local backend: stores assets as plain files in a folder, with exact conditions and working signed URLs."""

from typing import Any

from assetstore import AssetStore
from assetstore_local.backend import LocalBackend

__all__ = ["LocalBackend", "asgi", "wsgi"]


def asgi(store: AssetStore) -> Any:
    """Return the ASGI application that serves the signed URLs of a store over a folder."""
    return store.application("asgi")


def wsgi(store: AssetStore) -> Any:
    """Return the WSGI application that serves the signed URLs of a store over a folder."""
    return store.application("wsgi")
