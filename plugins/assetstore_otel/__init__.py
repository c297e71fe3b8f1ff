"""Makes each operation of a store a span of OpenTelemetry."""

from assetstore_otel.observer import OpenTelemetry

__all__ = ["OpenTelemetry"]
