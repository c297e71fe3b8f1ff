"""Wrappers that come with the package: read-through, mirror, cache, encryption and trash."""
