"""Makes a store a storage of Django: ``AssetStorage`` for ``STORAGES``."""
