"""Counts the operations of a store as metrics of Prometheus."""
