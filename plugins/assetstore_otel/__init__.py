"""Makes each operation of a store a span of OpenTelemetry."""
