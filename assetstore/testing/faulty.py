"""A backend that passes calls on to a real one and fails exactly where a test asks it to."""

from __future__ import annotations

import contextlib
import functools
import inspect
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from assetstore.hooks import OPTIONAL, REQUIRED, hookimpl
from assetstore.testing.faults import Fault, Raise, Return

__all__ = ["FaultyBackend", "Raise", "Return"]


class FaultyBackend:
    """A backend that behaves like another one except for its faults. The same calls always meet the same faults.

    Example::

        lost = Raise(op="upload", error=UnavailableError("the answer was lost"), late=True)
        store = AssetStore(FaultyBackend(MemoryBackend(), lost))

    Attributes:
        supports, location: those of the real backend.
        calls: the operation and arguments of each call so far.
        struck: the faults that struck so far, in order.
    """

    def __init__(self, inner: object, *faults: Fault, without: Sequence[str] = ()) -> None:
        """Replace ``inner``.

        Args:
            inner: the real backend.
            faults: what goes wrong.
            without: optional operations to leave out.
        """
        self.supports: frozenset[str] = frozenset(getattr(inner, "supports", ()))
        self.location: str = getattr(inner, "location", type(inner).__name__)
        self.calls: list[tuple[str, Mapping[str, Any]]] = []
        self.struck: list[Fault] = []
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        # Each fault with the number of calls of its operation before it was set.
        self._laid: list[tuple[Fault, int]] = [(fault, 0) for fault in faults]
        for op in (*REQUIRED, *OPTIONAL, "signing_keys", "close"):
            hook = getattr(inner, f"assetstore_{op}", None)
            if hook is not None and op not in without:
                setattr(self, f"assetstore_{op}", hookimpl(self._stand_in(op, hook)))

    @contextlib.contextmanager
    def failing(self, *faults: Fault) -> Iterator[None]:
        """Set faults for the calls in a ``with`` block. ``nth`` counts from its beginning; its end removes them."""
        with self._lock:
            laid = [(fault, self._counts[fault.op]) for fault in faults]
            self._laid += laid
        try:
            yield
        finally:
            with self._lock:
                self._laid = [pair for pair in self._laid if all(pair is not mine for mine in laid)]

    def _stand_in(self, op: str, hook: Callable[..., Any]) -> Callable[..., Any]:
        signature = inspect.signature(hook)

        @functools.wraps(hook)
        def call(*positional: Any, **keywords: Any) -> Any:
            # pluggy calls by position, and tests look arguments up by name.
            arguments = signature.bind(*positional, **keywords).arguments
            faults = self._note(op, arguments)
            for fault in faults:
                if not fault.late:
                    self._strike(fault, None)
            result = hook(**arguments)
            for fault in faults:
                if fault.late:
                    result = self._strike(fault, result)
            return result

        return call

    def _note(self, op: str, arguments: Mapping[str, Any]) -> list[Fault]:
        """Record a call and return its faults."""
        with self._lock:
            self.calls.append((op, arguments))
            self._counts[op] += 1
            number = self._counts[op]
            return [fault for fault, start in self._laid if fault.op == op and fault.nth in (number - start, None)]

    def _strike(self, fault: Fault, result: Any) -> Any:
        self.struck.append(fault)
        return fault.strike(result)
