"""Migrations: what one run of ``sync`` cannot do, planned into shards that any number of processes run.

Read in this order: ``documents`` (what is written), ``work`` (where), ``planning``, ``leases``, ``items`` (one asset),
``shards`` (one shard), ``hooks`` and ``engines`` (where shards run), ``running``.
"""

from assetstore.migrate.documents import Plan, Tally
from assetstore.migrate.hooks import EngineHooks, EngineOptions, hookimpl
from assetstore.migrate.planning import plan
from assetstore.migrate.pricing import Rates
from assetstore.migrate.running import RunReport, run
from assetstore.migrate.shards import Migration, ShardResult, run_shard

__all__ = [
    "EngineHooks",
    "EngineOptions",
    "Migration",
    "Plan",
    "Rates",
    "RunReport",
    "ShardResult",
    "Tally",
    "hookimpl",
    "plan",
    "run",
    "run_shard",
]
