"""Migrations: what one run of ``sync`` cannot do, planned into shards that any number of processes run.

Read in this order: ``documents`` (what is written), ``work`` (where), ``planning``, ``leases``, ``items`` (one asset),
``shards`` (one shard), ``hooks`` and ``engines`` (where shards run), ``running``, ``reporting``, ``verifying``.
"""

from assetstore.migrate.documents import FailedAsset, Plan, Tally
from assetstore.migrate.hooks import EngineHooks, EngineOptions, hookimpl
from assetstore.migrate.planning import plan
from assetstore.migrate.pricing import Rates
from assetstore.migrate.reporting import Status, failed_assets, links, status
from assetstore.migrate.running import RunReport, run
from assetstore.migrate.shards import Migration, ShardResult, run_shard
from assetstore.migrate.verifying import Difference, Verification, verify

__all__ = [
    "Difference",
    "EngineHooks",
    "EngineOptions",
    "FailedAsset",
    "Migration",
    "Plan",
    "Rates",
    "RunReport",
    "ShardResult",
    "Status",
    "Tally",
    "Verification",
    "failed_assets",
    "hookimpl",
    "links",
    "plan",
    "run",
    "run_shard",
    "status",
    "verify",
]
