"""Makes a store a storage of Django: ``AssetStorage`` for ``STORAGES``, ``ManifestAssetStorage`` for static files.

``DirectUploadField`` lets browsers send the files of a model straight to the store.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from assetstore.plugin import require_extra

if TYPE_CHECKING:
    from assetstore_django.fields import DirectUploadField
    from assetstore_django.manifest import ManifestAssetStorage
    from assetstore_django.storage import AssetStorage

require_extra("django", "django")

__all__ = ["AssetStorage", "DirectUploadField", "ManifestAssetStorage"]

_HOMES = {"AssetStorage": "storage", "DirectUploadField": "fields", "ManifestAssetStorage": "manifest"}


def __getattr__(name: str) -> Any:
    """Load a name when it is first asked for: what is for static files, and for models, Django allows only later."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
