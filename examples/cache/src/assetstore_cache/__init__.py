"""A cache on disk: an asset that was read once is not fetched again until it changes.

::

    [stores.prod]
    url      = "r2://${R2_ACCOUNT_ID}/assets"
    wrappers = ["cache"]

    [stores.prod.cache]
    folder    = "/var/cache/assets"
    max_bytes = 10_000_000_000

Each read asks the backend for the asset's ETag first, so a read is never stale: the cache saves the bytes, not the request.
It keeps whole assets that were read to their end. It fetches a range of any other asset as a range. It does nothing for a
backend without ETags.

Give each store a folder of its own. Any number of processes may use it at once, and you may empty it at any time. A file
appears in it only when it is complete, and a damaged one is fetched again. Above ``max_bytes`` the least recently read files
are removed first. If the folder fails, for example because the disk is full, reads go to the backend. A cached file is read
twice, once to verify it, so the cache suits assets that are read whole better than short ranges of huge ones.

It holds the bytes as the layer below returns them: behind ``encryption`` (``wrappers = ["encryption", "cache"]``)
they are encrypted on disk too.
"""

from assetstore_cache.wrapper import Cache

__all__ = ["Cache"]
