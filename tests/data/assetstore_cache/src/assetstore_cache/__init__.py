"""A cache on disk: an asset that was read once is not fetched again until it changes.

::

    [stores.prod]
    url      = "r2://${R2_ACCOUNT_ID}/assets"
    wrappers = ["cache"]

    [stores.prod.cache]
    folder    = "/var/cache/assets"
    max_bytes = 10_000_000_000

Each read asks the backend for the asset's ETag first, so what is read is never stale: the cache saves the bytes, not the
request. Kept are whole assets that were read to their end; a run of an asset that is not kept is fetched as a run. A backend
without ETags is read as if there were no cache.

Give each store a folder of its own. Any number of processes may use it at once, and it may be emptied at any time. Files
appear in it whole; one that is damaged is fetched anew; when there are more than ``max_bytes``, those go first that were not
read for longest. Trouble with the folder, a full disk for instance, costs the cache and never a read. A kept file is read
twice, once to prove it: a cache is for assets that are read whole, more than for short runs of huge ones.

It holds bytes as they are at its place among the wrappers: behind ``encryption`` (``wrappers = ["encryption", "cache"]``)
they are encrypted on disk too.
"""

from assetstore_cache.wrapper import Cache

__all__ = ["Cache"]
