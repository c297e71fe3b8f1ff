"""Makes a store a storage of Django: ``AssetStorage`` for ``STORAGES``."""

try:
    from assetstore_django.storage import AssetStorage
except ModuleNotFoundError as error:
    if (error.name or "").partition(".")[0] != "django":
        raise
    raise ModuleNotFoundError("assetstore_django needs Django: pip install 'assetstore[django]'", name="django") from error

__all__ = ["AssetStorage"]
