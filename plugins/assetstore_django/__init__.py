"""Makes a store a storage of Django: ``AssetStorage`` for ``STORAGES``."""

from assetstore.plugin import require_extra

require_extra("django", "django")

from assetstore_django.storage import AssetStorage  # noqa: E402 - needs the extra

__all__ = ["AssetStorage"]
