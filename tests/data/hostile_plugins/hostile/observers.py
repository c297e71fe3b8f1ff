"""Observers, counters and naming plugins that raise, hang or return what they should not."""

from __future__ import annotations

from typing import Any

from assetstore import Event
from assetstore.plugin import NameOptions, StatsOptions, hookimpl
from hostile import hang


class RaiseWhenMade:
    """Cannot be made."""

    def __init__(self) -> None:
        raise RuntimeError("no luck")

    @hookimpl
    def assetstore_event(self, event: Event) -> None:
        """Never be called."""


class ExitInEvent:
    """Ends the program, and claims that it went well."""

    @hookimpl
    def assetstore_event(self, event: Event) -> None:
        """End it."""
        raise SystemExit(0)

    @hookimpl
    def assetstore_close(self) -> None:
        """End it."""
        raise SystemExit(0)


class InterruptInEvent:
    """Claims that somebody pressed Ctrl-C."""

    @hookimpl
    def assetstore_event(self, event: Event) -> None:
        """Claim it."""
        raise KeyboardInterrupt


class HangInEvent:
    """Does not return."""

    @hookimpl
    def assetstore_event(self, event: Event) -> None:
        """Hang."""
        hang()


class OddStats:
    """Returns numbers where there should be sums."""

    @hookimpl
    def assetstore_stats(self, options: StatsOptions) -> Any:
        """Return them."""
        return {"uploads": 7}


class OddName:
    """Returns a number for a key."""

    @hookimpl
    def assetstore_name(self, filename: str, options: NameOptions) -> Any:
        """Return it."""
        return 7


class OddCommands:
    """Returns things that are no commands."""

    @hookimpl
    def assetstore_commands(self) -> Any:
        """Return them."""
        return [object(), 7]
