"""A trash: a deleted asset is moved to ``.trash/`` in the same store, from where ``restore`` brings it back.

::

    [stores.prod]
    url      = "r2://${R2_ACCOUNT_ID}/assets"
    wrappers = ["trash"]

Each deletion is kept by itself, under ``.trash/KEY/TIME``. Listings leave ``.trash/`` out unless their prefix begins with
it; what stands there can be read, and to delete it is final. The asset is copied before it is deleted, so an interrupted
deletion leaves it in both, never in neither. ``deleted``, ``restore`` and ``empty`` of this module do the rest, as do the
commands ``trash list``, ``trash restore`` and ``trash empty``.
"""

from assetstore_wrappers.trash.restoring import Deleted, deleted, empty, restore
from assetstore_wrappers.trash.wrapper import Trash

__all__ = ["Deleted", "Trash", "deleted", "empty", "restore"]
