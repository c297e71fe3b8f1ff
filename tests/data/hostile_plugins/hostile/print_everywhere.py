"""Prints wherever it runs."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from assetstore import Event
from assetstore.plugin import hookimpl

sys.stdout.write("imported\n")


class Plugin:
    """Prints, and writes bytes."""

    def __init__(self) -> None:
        sys.stdout.write("made\n")

    @hookimpl
    def assetstore_event(self, event: Event) -> None:
        """Print."""
        sys.stdout.write(f"event {event.op}\n")
        sys.stdout.buffer.write(b"bytes\n")
        sys.stdout.flush()

    @hookimpl
    def assetstore_commands(self) -> Sequence[Any] | None:
        """Print."""
        sys.stdout.write("commands\n")
        return None

    @hookimpl
    def assetstore_close(self) -> None:
        """Print."""
        sys.stdout.write("closed\n")
