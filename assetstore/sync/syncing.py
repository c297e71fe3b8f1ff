"""``sync``: makes a destination hold what a source holds, and sends only what changed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Unpack

from assetstore.options import Progress
from assetstore.store import AssetStore
from assetstore.sync.options import Action, SyncKeywords, SyncOptions, SyncPlan, SyncReport
from assetstore.sync.sides import Side


def sync(
    source: str | Path | AssetStore | Side,
    destination: str | Path | AssetStore | Side,
    *,
    planned: Callable[[SyncPlan], object] | None = None,
    done: Callable[[Action, Exception | None], object] | None = None,
    progress: Progress | None = None,
    **options: Unpack[SyncKeywords],
) -> SyncReport:
    """Make a destination hold what a source holds; only what changed is sent.

    Args:
        source: an address, the path of a folder, or a store.
        destination: likewise; one of the two must be a store.
        planned: called once with the totals, before anything is changed.
        done: called with each action when it is done, and the error if it failed; in a dry run with each planned one.
        progress: called with the number of bytes sent since its last call.
        **options: the fields of ``SyncOptions``, for example ``delete=True``.

    Raises:
        SyncRefusedError: the sync would do what it must not; it lists every reason, and nothing was changed.
        NotFoundError: a side is missing.
        InvalidOptionError: an option is out of its range.
        AssetStoreError: a listing could not be read to its end; nothing was changed.
    """
    SyncOptions(**options)
    raise NotImplementedError
