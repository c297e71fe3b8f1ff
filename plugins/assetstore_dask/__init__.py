"""Runs the shards of a migration on Dask."""

from assetstore.plugin import require_extra

require_extra("distributed", "dask")
