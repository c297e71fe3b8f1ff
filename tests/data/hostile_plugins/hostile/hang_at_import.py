"""Does not return from its import."""

from __future__ import annotations

from assetstore import Event
from assetstore.plugin import hookimpl
from hostile import hang

hang()


class Plugin:
    """A good observer, once it is there."""

    @hookimpl
    def assetstore_event(self, event: Event) -> None:
        """Do nothing."""
