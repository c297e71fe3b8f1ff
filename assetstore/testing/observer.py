"""An observer that records events."""

from __future__ import annotations

import attrs

from assetstore.hooks import hookimpl
from assetstore.results import Event


@attrs.define(eq=False)
class RecordingObserver:
    """Keeps every event.

    Attributes:
        events: all events, in the order in which the operations ended.
    """

    events: list[Event] = attrs.field(init=False, factory=list)

    @hookimpl
    def assetstore_event(self, event: Event) -> None:
        """Keep the event."""
        self.events.append(event)
