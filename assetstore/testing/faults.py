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
    """One thing that goes wrong.

    Attributes:
        op: the operation, for example ``"upload"``.
        nth: which call of it, from 1; ``None`` for every call.
        late: whether it strikes after the backend has done its work, as when an answer is lost.
    """

    op: str
    nth: int | None = 1
    late: bool = True

    def strike(self, result: Any) -> Any:
        """Return the result to use instead of the backend's, which is ``None`` unless the fault is late."""
        return result


@attrs.frozen(kw_only=True)
class Raise(Fault):
    """Raises an error.

    Attributes:
        error: the error; each call raises a copy of it.
    """

    error: Exception
    late: bool = False

    def strike(self, result: Any) -> Any:
        """Raise a copy of the error."""
        _discard(result)
        raise copy.copy(self.error) from self.error.__cause__


@attrs.frozen(kw_only=True)
class Return(Fault):
    """Returns another result, for example of a wrong type.

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
    """Cuts the stream short.

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
    """Flips one bit of the stream, if it has any.

    Attributes:
        seed: chooses the bit.
    """

    op: str = "read"
    seed: int = 0

    def strike(self, result: AssetStream) -> AssetStream:
        """Return the stream with one bit wrong."""
        data = bytearray(_drain(result))
        chance = random.Random(self.seed)  # noqa: S311 - a repeatable choice, not a secret
        if data:
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        return attrs.evolve(result, body=io.BytesIO(bytes(data)))


@attrs.frozen(kw_only=True)
class Trickle(Fault):
    """Returns the stream in small pieces, as a slow connection does, which is allowed.

    Attributes:
        count: how many bytes a read returns at most.
    """

    op: str = "read"
    count: int = 1

    def strike(self, result: AssetStream) -> AssetStream:
        """Return the stream with a body that returns few bytes at a time."""
        return attrs.evolve(result, body=_Trickling(result.body, self.count))


@attrs.frozen(kw_only=True, eq=False)
class Hang(Fault):
    """Hangs until it is released.

    Attributes:
        seconds: how long at most; then it raises TimeoutError, so that a test always ends.
        reached: set as soon as the call hangs.
    """

    late: bool = False
    seconds: float = 30.0
    reached: threading.Event = attrs.field(init=False, factory=threading.Event, repr=False)
    _released: threading.Event = attrs.field(init=False, factory=threading.Event, repr=False)

    def release(self) -> None:
        """Let the call continue."""
        self._released.set()

    def strike(self, result: Any) -> Any:
        """Wait until released."""
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
        """Close the body."""
        self.body.close()


def _discard(result: object) -> None:
    if isinstance(result, AssetStream):
        result.body.close()


def _drain(stream: AssetStream) -> bytes:
    pieces = list(iter(functools.partial(stream.body.read, 1 << 20), b""))
    stream.body.close()
    return b"".join(pieces)
