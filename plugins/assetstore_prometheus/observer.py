"""The observer that counts events as metrics."""

from __future__ import annotations

import threading
from collections import deque

import attrs
from prometheus_client import CollectorRegistry

from assetstore.plugin import Event, PerProcess, hookimpl
from assetstore_prometheus.families import Families, families_of

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)


class _Waiting:
    """Events that are not yet counted.

    The garbage collector may close a forgotten reader, which emits an event, while this thread has locked a metric. So
    events wait in a queue, and the one who finds nobody at work counts them all.
    """

    def __init__(self) -> None:
        self.events: deque[Event] = deque()
        self.working = threading.Lock()


@attrs.define(eq=False, kw_only=True)
class Prometheus:
    """Counts operations, bytes, seconds, errors, attempts and requests, with the labels ``store``, ``op`` and ``outcome``.

    All stores of a process share the metrics. No label holds a key. The client's multiprocess mode, several processes that
    share ``PROMETHEUS_MULTIPROC_DIR``, works.

    Attributes:
        buckets: the upper bounds of the histogram of seconds, ascending.
        registry: the registry of the metrics, for a program; by default the process's own, which all exporters show.

    Raises:
        ConfigError: other metrics have their names, or the buckets differ from those of another store.
    """

    buckets: tuple[float, ...] = BUCKETS
    registry: CollectorRegistry | None = None
    _families: Families = attrs.field(init=False, repr=False)
    _waiting: PerProcess[_Waiting] = attrs.field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        """Register the metrics."""
        self._families = families_of(self.registry, self.buckets)
        self._waiting = PerProcess(_Waiting)

    @hookimpl
    def assetstore_event(self, event: Event) -> None:
        """Count the event."""
        waiting = self._waiting.get()
        waiting.events.append(event)
        # Asked again after each round: another thread may have added one while this one let go.
        while waiting.events and waiting.working.acquire(blocking=False):
            try:
                while waiting.events:
                    self._families.add(waiting.events.popleft())
            finally:
                waiting.working.release()
