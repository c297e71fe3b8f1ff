"""Makes each operation of a store a span of OpenTelemetry."""

from assetstore.plugin import require_extra

require_extra("opentelemetry.trace", "otel")

from assetstore_otel.observer import OpenTelemetry  # noqa: E402 - needs the extra

__all__ = ["OpenTelemetry"]
