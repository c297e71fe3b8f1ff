"""A stand-in that hands calls on to a real backend and fails exactly where it is told to."""

from __future__ import annotations

import functools
import inspect
import io
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs

from assetstore.hookspecs import OPTIONAL, REQUIRED, hookimpl
from assetstore.models import AssetStream


@attrs.frozen(kw_only=True)
class Fault:
    """One thing to go wrong.

    Attributes:
        op: the operation, as ``"upload"``.
        nth: which call of it, from 1; ``None`` for every call.
    """

    op: str
    nth: int | None = 1

    def before(self) -> None:
        """Act before the backend is called."""

    def after(self, result: Any) -> Any:
        """Return what is handed on instead of the backend's result."""
        return result


@attrs.frozen(kw_only=True)
class Raise(Fault):
    """Raises.

    Attributes:
        error: what to raise.
        late: raise after the backend has done its work, as when an answer is lost.
    """

    error: Exception
    late: bool = False

    def before(self) -> None:
        """Raise, unless late."""
        if not self.late:
            raise self.error

    def after(self, result: Any) -> Any:
        """Raise, although the work is done."""
        raise self.error


@attrs.frozen(kw_only=True)
class Return(Fault):
    """Hands on another result, of a wrong type for instance.

    Attributes:
        value: the result.
    """

    value: object

    def after(self, result: Any) -> Any:
        """Return the other result."""
        return self.value


@attrs.frozen(kw_only=True)
class Truncate(Fault):
    """Ends what is read too early.

    Attributes:
        count: how many bytes are missing.
    """

    op: str = "read"
    count: int = 1

    def after(self, result: AssetStream) -> AssetStream:
        """Return the stream without its last bytes."""
        data = _drain(result)
        return attrs.evolve(result, body=io.BytesIO(data[: max(0, len(data) - self.count)]))


@attrs.frozen(kw_only=True)
class Flip(Fault):
    """Flips one bit of what is read.

    Attributes:
        seed: decides which one.
    """

    op: str = "read"
    seed: int = 0

    def after(self, result: AssetStream) -> AssetStream:
        """Return the stream with one bit wrong."""
        data = bytearray(_drain(result))
        chance = random.Random(self.seed)  # noqa: S311 - a repeatable choice, no secret
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        return attrs.evolve(result, body=io.BytesIO(bytes(data)))


class FaultyBackend:
    """A backend that behaves as another one but for its faults.

    Example::

        lost = Raise(op="upload", error=UnavailableError("the answer was lost"), late=True)
        store = AssetStore(FaultyBackend(MemoryBackend(), lost))

    Attributes:
        supports, location: those of the backend behind it.
        calls: each call so far: the operation and its arguments.
    """

    def __init__(self, inner: object, *faults: Fault, without: Sequence[str] = ()) -> None:
        """Stand in for ``inner``.

        Args:
            inner: the backend.
            faults: what goes wrong.
            without: optional operations that this backend shall lack.
        """
        self.supports: frozenset[str] = frozenset(getattr(inner, "supports", ()))
        self.location: str = getattr(inner, "location", type(inner).__name__)
        self.calls: list[tuple[str, Mapping[str, Any]]] = []
        self._faults = faults
        for op in (*REQUIRED, *OPTIONAL, "close"):
            hook = getattr(inner, f"assetstore_{op}", None)
            if hook is not None and op not in without:
                setattr(self, f"assetstore_{op}", hookimpl(self._stand_in(op, hook)))

    def _stand_in(self, op: str, hook: Callable[..., Any]) -> Callable[..., Any]:
        signature = inspect.signature(hook)

        @functools.wraps(hook)
        def call(*positional: Any, **keywords: Any) -> Any:
            # pluggy calls by position; names are what a test wants to see.
            arguments = signature.bind(*positional, **keywords).arguments
            self.calls.append((op, arguments))
            nth = sum(called == op for called, _ in self.calls)
            faults = [fault for fault in self._faults if fault.op == op and fault.nth in (nth, None)]
            for fault in faults:
                fault.before()
            result = hook(**arguments)
            for fault in faults:
                result = fault.after(result)
            return result

        return call


def _drain(stream: AssetStream) -> bytes:
    pieces = list(iter(functools.partial(stream.body.read, 1 << 20), b""))
    stream.body.close()
    return b"".join(pieces)
