"""The metrics of a registry, which all stores of a process share."""

from __future__ import annotations

import contextlib
import functools
import itertools
import math
import threading
import weakref
from collections.abc import Sequence

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram

from assetstore.plugin import ConfigError, Event

_lock = threading.Lock()
_of_registry: weakref.WeakKeyDictionary[CollectorRegistry, Families] = weakref.WeakKeyDictionary()


class Families:
    """Our metrics in one registry. No label holds a key, so their number is that of stores, operations and error classes.

    Attributes:
        buckets: the upper bounds of the histogram, in seconds.
    """

    def __init__(self, registry: CollectorRegistry, buckets: Sequence[float]) -> None:
        """Register all of them, or none.

        Raises:
            ValueError: metrics of these names are registered already, or the buckets are not in order.
        """
        self.buckets: tuple[float, ...] = tuple(buckets)
        if any(not lower < upper for lower, upper in itertools.pairwise((-math.inf, *self.buckets))):
            raise ValueError("buckets must be numbers that ascend")
        counter = functools.partial(Counter, namespace="assetstore", registry=None)
        each = ("store", "op")
        self._operations = counter("operations", "Operations that ended.", (*each, "outcome"))
        self._seconds = Histogram(
            "assetstore_operation_seconds", "How long operations took.", each, registry=None, buckets=self.buckets
        )
        self._bytes = counter("bytes", "Bytes of assets that were transferred.", each)
        self._attempts = counter("attempts", "Attempts to write under a generated key, the first included.", each)
        self._errors = counter("errors", "Operations that failed, by class of the error.", (*each, "error"))
        self._requests = counter("requests", "Requests that were sent, by class of price.", (*each, "class"))
        _register(
            registry, self._operations, self._seconds, self._bytes, self._attempts, self._errors, self._requests
        )
        # Looking a metric up by its labels takes longer than adding to it.
        self._of = functools.lru_cache(maxsize=1024)(lambda metric, *labels: metric.labels(*labels))

    def add(self, event: Event) -> None:
        """Count an event."""
        of, store, op = self._of, event.store, event.op
        of(self._operations, store, op, event.outcome).inc()
        of(self._seconds, store, op).observe(event.seconds)
        of(self._bytes, store, op).inc(event.bytes)
        of(self._attempts, store, op).inc(event.attempts)
        if event.error is not None:
            of(self._errors, store, op, event.error).inc()
        for kind, count in event.requests.items():
            of(self._requests, store, op, kind).inc(count)


def _register(registry: CollectorRegistry, *metrics: Counter | Histogram) -> None:
    """Register all, or none where another metric has one of the names, so that a later try does not meet our own."""
    with contextlib.ExitStack() as undone:
        for metric in metrics:
            registry.register(metric)
            undone.callback(registry.unregister, metric)
        undone.pop_all()


def families_of(registry: CollectorRegistry | None, buckets: Sequence[float]) -> Families:
    """Return the metrics of a registry, by default of the process's own; they are made when they are first asked for.

    Raises:
        ConfigError: other metrics have their names, or the buckets differ from those of another store.
    """
    registry = REGISTRY if registry is None else registry
    with _lock:
        found = _of_registry.get(registry)
        if found is None:
            try:
                found = _of_registry[registry] = Families(registry, buckets)
            except ValueError as error:
                raise ConfigError(f"the metrics cannot be registered: {error}") from error
    if found.buckets != tuple(buckets):
        raise ConfigError("buckets must be the same for all stores of a process", hint="set the same ones, or none")
    return found
