"""Counts the operations of a store as metrics of Prometheus."""

from assetstore.plugin import require_extra

require_extra("prometheus_client", "prometheus")

from assetstore_prometheus.observer import Prometheus  # noqa: E402 - needs the extra

__all__ = ["Prometheus"]
