"""A cache on disk: an asset that was read once is not fetched again until it changes.

::

    [stores.prod]
    url      = "r2://${R2_ACCOUNT_ID}/assets"
    wrappers = ["cache"]

    [stores.prod.cache]
    folder    = "/var/cache/assets"
    max_bytes = 10_000_000_000
    max_age   = 60

Each read asks the backend for the asset's ETag first, so a read is never stale: the cache saves the bytes, not the request.
With ``max_age`` a process asks only once in so many seconds, and may meanwhile miss what others change. The cache keeps
whole assets that were read to their end. It fetches a range of any other asset as a range. It does nothing for a backend
without ETags.

Give each store a folder of its own. Any number of processes may use it at once, and you may empty it at any time. A file
appears in it only when it is complete and matches the asset's digest, where one is known; what a killed process leaves is
removed in its turn. Each block of 256 KiB is verified when it is read, and from a damaged one on the bytes come from the
backend. Above ``max_bytes`` the least recently read files are removed first. If the folder fails, for example because the
disk is full, reads go to the backend.

It holds the bytes as the layer below returns them: behind ``encryption`` (``wrappers = ["encryption", "cache"]``)
they are encrypted on disk too.
"""

from assetstore_wrappers.cache.wrapper import Cache

__all__ = ["Cache"]
