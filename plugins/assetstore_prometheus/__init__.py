"""Counts the operations of a store as metrics of Prometheus."""

from assetstore_prometheus.observer import Prometheus

__all__ = ["Prometheus"]
