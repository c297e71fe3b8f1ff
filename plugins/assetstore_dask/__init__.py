"""Runs the shards of a migration on Dask: the engine ``dask`` of ``assetstore migrate run``."""

from assetstore.plugin import require_extra

require_extra("distributed", "dask")

from assetstore_dask.engine import Dask  # noqa: E402 - it imports what the line above requires

__all__ = ["Dask"]
