"""Enforces R2's create-only condition for copies; remembers which keys are taken."""

from __future__ import annotations

import threading
from collections.abc import Collection

from assetstore_r2.testing import batches
from assetstore_r2.testing.calls import COMMITS, Call
from assetstore_r2.testing.messages import Answer
from assetstore_r2.testing.refusals import RefusedError

_HEADER = "cf-copy-destination-if-none-match"


class Copies:
    """The keys that were written through the proxy; keys that existed before are unknown."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken: set[tuple[str, str]] = set()
        self._copying: set[tuple[str, str]] = set()

    def check(self, call: Call) -> None:
        """Refuse a create-only copy to a taken key, and all but one of several at a time.

        Raises:
            RefusedError: the key is taken, or another copy to it is in progress.
        """
        if call.operation != "CopyObject" or call.headers.get(_HEADER) != "*":
            return
        target = (call.bucket, call.key)
        with self._lock:
            if target in self._copying:
                raise RefusedError(429, "TooManyRequests", "Reduce your concurrent request rate for the same object.")
            if target in self._taken:
                text = "At least one of the pre-conditions you specified did not hold."
                raise RefusedError(412, "PreconditionFailed", text)
            self._copying.add(target)

    def note(self, call: Call, answer: Answer) -> None:
        """Record the effect of a finished call."""
        done = 200 <= answer.status < 300 and b"<Error" not in answer.body[:200]
        with self._lock:
            if call.operation == "CopyObject":
                self._copying.discard((call.bucket, call.key))
            if done and call.operation in COMMITS:
                self._taken.add((call.bucket, call.key))
            self._taken.difference_update((call.bucket, key) for key in (_deleted(call) if done else ()))


def _deleted(call: Call) -> Collection[str]:
    if call.operation == "DeleteObjects":
        return batches.keys_of(call.body)
    return (call.key,) if call.operation == "DeleteObject" else ()
