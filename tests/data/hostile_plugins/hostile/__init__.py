"""Plugins that do what no plugin should: each breaks out of its role in one way."""

from __future__ import annotations

import threading

released = threading.Event()
"""Ends the plugins that hang. Whoever runs them sets it, at the latest when they were named."""


def hang() -> None:
    """Wait until released."""
    released.wait(600)
