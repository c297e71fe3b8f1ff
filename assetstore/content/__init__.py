"""Handles the bytes of assets: sources, readers, writers, and the detection of types."""
