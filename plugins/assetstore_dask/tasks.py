"""What runs on the workers. Nothing but names goes there, and nothing but counts comes back."""

from __future__ import annotations

from assetstore.migrate import EngineOptions, Migration, ShardResult, run_shard


def try_stores(migration: Migration, shard: str) -> None:
    """Open both stores as the worker finds them configured, and list one asset of each.

    Raises:
        AssetStoreError: a store or a secret is missing there, or does not work.
    """
    number = int(shard.partition("/")[0])
    for store in migration.stores(migration.plan_folder(number).plan()):
        next(store.list(limit=1), None)


def run_one(migration: Migration, shard: str, max_concurrency: int | None) -> ShardResult:
    """Run a shard.

    No SystemExit leaves it, which Dask would take for a dead worker: the stores make errors of what plugins raise.

    Raises:
        AssetStoreError: as ``run_shard`` does.
    """
    return run_shard(migration, shard, EngineOptions(max_concurrency=max_concurrency))
