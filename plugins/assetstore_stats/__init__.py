"""Counts the operations of a store, in memory or in a SQLite file that processes share."""

from assetstore_stats.stats import Stats

__all__ = ["Stats"]
