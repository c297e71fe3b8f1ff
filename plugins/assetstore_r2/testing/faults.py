"""Selects the requests that a fault strikes, and the faults of a network: lost, late, damaged and missing bytes.

A fault may answer by itself (``respond``), change the answer of the server behind (``amend``), or disturb the bytes of one
direction on their way (``steps``).
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Hashable, Iterator
from typing import Literal, TypeAlias

import attrs

from assetstore_r2.testing.messages import Answer, Request

Direction: TypeAlias = Literal["request", "response"]


@attrs.frozen
class Wait:
    """A step: nothing moves for so many seconds."""

    seconds: float


@attrs.frozen
class Close:
    """A step: the connection ends, by a TCP reset or in an orderly way."""

    reset: bool


Step: TypeAlias = bytes | Wait | Close
Take: TypeAlias = Callable[[int | None], bytes]
"""Gives the next bytes of a body, at most so many; ``None`` asks for all that are left."""


@attrs.frozen(kw_only=True)
class Fault:
    """One thing to go wrong, and when. Subclass it for a fault of your own.

    Attributes:
        method: the method that is struck, ``None`` for all.
        target: a regular expression, searched in path and query as they were sent; ``None`` for all.
        nth: which of the matching requests is the first to be struck, from 1.
        times: how many are struck from there on, ``None`` for all.
        direction: whose bytes are disturbed, of a fault that disturbs bytes.
    """

    method: str | None = None
    target: str | None = None
    nth: int = attrs.field(default=1, validator=attrs.validators.ge(1))
    times: int | None = 1
    direction: Direction = "response"

    def matches(self, request: Request) -> bool:
        """Return whether a request, of which the body has not been read yet, counts for this fault."""
        if self.method is not None and request.method != self.method:
            return False
        return self.target is None or re.search(self.target, request.target) is not None

    def group(self, request: Request) -> Hashable:
        """Return what matching requests are counted by, apart from one another."""
        return None

    def strikes(self, count: int) -> bool:
        """Return whether the ``count``-th matching request of its group is struck."""
        return self.nth <= count and (self.times is None or count < self.nth + self.times)

    def respond(self, request: Request) -> Answer | None:
        """Return an answer that is given without asking the server behind."""
        return None

    def amend(self, request: Request, answer: Answer) -> Answer:
        """Return what is sent instead of the answer of the server behind."""
        return answer

    def steps(self, take: Take, chance: random.Random) -> Iterator[Step]:
        """Yield what happens to the bytes of a body; in a response, its head goes out before the first bytes."""
        yield take(None)


@attrs.frozen(kw_only=True)
class Reset(Fault):
    """Ends the connection by a TCP reset; a request that is cut never reaches the server behind whole.

    Attributes:
        after: bytes of the body that pass before.
    """

    after: int = 0

    def steps(self, take: Take, chance: random.Random) -> Iterator[Step]:
        """Pass the first bytes, then reset."""
        yield take(self.after)
        yield Close(reset=True)


@attrs.frozen(kw_only=True)
class Truncate(Fault):
    """Ends the connection in an orderly way before all bytes have come; a cut request never reaches the server whole.

    Attributes:
        after: bytes of the body that pass before.
    """

    after: int = 0

    def steps(self, take: Take, chance: random.Random) -> Iterator[Step]:
        """Pass the first bytes, then close."""
        yield take(self.after)
        yield Close(reset=False)


@attrs.frozen(kw_only=True)
class Shorten(Fault):
    """Leaves out the end of an answer and corrects its Content-Length, so that only a digest or a size tells.

    Attributes:
        after: bytes of the body that stay.
    """

    after: int = 0

    def amend(self, request: Request, answer: Answer) -> Answer:
        """Return the shorter answer."""
        return attrs.evolve(answer, body=answer.body[: self.after])


@attrs.frozen(kw_only=True)
class Stall(Fault):
    """Keeps the connection open while no byte moves, then goes on.

    Attributes:
        after: bytes of the body that pass before; the head of a response passes in any case.
        seconds: for how long; the end of the proxy ends it too.
    """

    after: int = 0
    seconds: float = 3600.0

    def steps(self, take: Take, chance: random.Random) -> Iterator[Step]:
        """Pass the first bytes, wait, pass the rest."""
        yield take(self.after)
        yield Wait(self.seconds)
        yield take(None)


@attrs.frozen(kw_only=True)
class Delay(Fault):
    """Holds the whole message back for a while.

    Attributes:
        seconds: for how long.
    """

    seconds: float

    def steps(self, take: Take, chance: random.Random) -> Iterator[Step]:
        """Wait, then pass everything."""
        yield Wait(self.seconds)
        yield take(None)


@attrs.frozen(kw_only=True)
class FlipBit(Fault):
    """Flips one bit of a body; an empty one stays as it is.

    Attributes:
        bit: which one, counted through the body from 0; ``None`` lets the proxy's seed decide.
    """

    bit: int | None = None

    def steps(self, take: Take, chance: random.Random) -> Iterator[Step]:
        """Pass everything with one bit wrong."""
        data = bytearray(take(None))
        if data:
            position = chance.randrange(8 * len(data)) if self.bit is None else self.bit % (8 * len(data))
            data[position // 8] ^= 1 << position % 8
        yield bytes(data)


@attrs.frozen(kw_only=True)
class LoseResponse(Fault):
    """Lets the server behind do what was asked, and ends the connection instead of telling.

    Attributes:
        reset: end it by a TCP reset.
    """

    reset: bool = False

    def steps(self, take: Take, chance: random.Random) -> Iterator[Step]:
        """Close before the head of the response."""
        yield Close(reset=self.reset)
