"""The faults that a ``FaultyBackend`` can have."""

from __future__ import annotations

import copy
import functools
import io
import random
import threading
from typing import Any

import attrs

from assetstore.results import AssetStream, Body


@attrs.frozen(kw_only=True)
class Fault:
    """One thing to go wrong.

    Attributes:
        op: the operation, as ``"upload"``.
        nth: which call of it, from 1; ``None`` for every call.
        late: whether it strikes when the backend has done its work, as when an answer is lost.
    """

    op: str
    nth: int | None = 1
    late: bool = True

    def strike(self, result: Any) -> Any:
        """Return what is handed on instead of the backend's result, which is ``None`` before it has done its work."""
        return result


@attrs.frozen(kw_only=True)
class Raise(Fault):
    """Raises.

    Attributes:
        error: what to raise, each time a copy of it.
    """

    error: Exception
    late: bool = False

    def strike(self, result: Any) -> Any:
        """Raise."""
        _discard(result)
        raise copy.copy(self.error) from self.error.__cause__


@attrs.frozen(kw_only=True)
class Return(Fault):
    """Hands on another result, of a wrong type for instance.

    Attributes:
        value: the result.
    """

    value: object

    def strike(self, result: Any) -> Any:
        """Return the other result."""
        _discard(result)
        return self.value


@attrs.frozen(kw_only=True)
class Truncate(Fault):
    """Ends what is read too early.

    Attributes:
        count: how many bytes are missing.
    """

    op: str = "read"
    count: int = 1

    def strike(self, result: AssetStream) -> AssetStream:
        """Return the stream without its last bytes."""
        data = _drain(result)
        return attrs.evolve(result, body=io.BytesIO(data[: max(0, len(data) - self.count)]))


@attrs.frozen(kw_only=True)
class Flip(Fault):
    """Flips one bit of what is read; of no bytes none.

    Attributes:
        seed: decides which one.
    """

    op: str = "read"
    seed: int = 0

    def strike(self, result: AssetStream) -> AssetStream:
        """Return the stream with one bit wrong."""
        data = bytearray(_drain(result))
        chance = random.Random(self.seed)  # noqa: S311 - a repeatable choice, no secret
        if data:
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        return attrs.evolve(result, body=io.BytesIO(bytes(data)))


@attrs.frozen(kw_only=True)
class Trickle(Fault):
    """Gives what is read in small pieces, as a slow connection does; nothing is wrong with that.

    Attributes:
        count: how many bytes a read gives at most.
    """

    op: str = "read"
    count: int = 1

    def strike(self, result: AssetStream) -> AssetStream:
        """Return the stream with a body that gives little at a time."""
        return attrs.evolve(result, body=_Trickling(result.body, self.count))


@attrs.frozen(kw_only=True, eq=False)
class Hang(Fault):
    """Hangs until it is released.

    Attributes:
        seconds: how long at most; then TimeoutError is raised, so that a test always ends.
        reached: is set as soon as the call hangs.
    """

    late: bool = False
    seconds: float = 30.0
    reached: threading.Event = attrs.field(init=False, factory=threading.Event, repr=False)
    _released: threading.Event = attrs.field(init=False, factory=threading.Event, repr=False)

    def release(self) -> None:
        """Let the call go on."""
        self._released.set()

    def strike(self, result: Any) -> Any:
        """Hang."""
        self.reached.set()
        if not self._released.wait(self.seconds):
            raise TimeoutError(f"nobody released the hanging {self.op} within {self.seconds} seconds")
        return result


@attrs.define(eq=False)
class _Trickling:
    body: Body
    count: int

    def read(self, size: int = -1, /) -> bytes:
        """Return at most ``count`` bytes."""
        return self.body.read(self.count if size < 0 else min(size, self.count))

    def close(self) -> None:
        """Close what the bytes come from."""
        self.body.close()


def _discard(result: object) -> None:
    if isinstance(result, AssetStream):
        result.body.close()


def _drain(stream: AssetStream) -> bytes:
    pieces = list(iter(functools.partial(stream.body.read, 1 << 20), b""))
    stream.body.close()
    return b"".join(pieces)
