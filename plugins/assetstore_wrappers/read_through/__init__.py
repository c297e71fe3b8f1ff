"""Reads what is missing here from a store behind, for example a developer's folder in front of production. Writes stay here.

::

    [stores.dev]
    url      = "file:assets"
    wrappers = ["read-through"]

    [stores.dev.read-through]
    store = "prod"                 # a store of this file, or a URL; it is never written to
    fill  = true                   # keep here what was read whole

An asset that is here hides the one behind it. A deleted one that is behind stays hidden: an empty asset ``.deleted/KEY``
says so, which listings leave out unless their prefix names it. To see the asset behind again, delete that mark. Listings
merge both stores. To create, copy or update looks behind too, so ``overwrite=False`` fails for what is taken there.

Nothing is signed, since a signature must need no request and only a request tells which store has the asset. A filled asset
is one of this store from then on, with its own ETag and time, and does not follow later changes behind; it was verified
before it was kept. When the store behind cannot be reached, what is here can be read, and whatever has to look behind is an
UnavailableError.
"""

from assetstore_wrappers.read_through.wrapper import ReadThrough

__all__ = ["ReadThrough"]
