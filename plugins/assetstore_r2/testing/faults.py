"""The faults of a network: lost, late, damaged and missing bytes; and how a fault selects requests.

A fault may respond itself (``respond``), change the upstream server's response (``amend``), or disturb the bytes of one
direction (``steps``).
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
    """A step: send nothing for some seconds."""

    seconds: float


@attrs.frozen
class Close:
    """A step: end the connection, by a TCP reset or normally."""

    reset: bool


Step: TypeAlias = bytes | Wait | Close
Take: TypeAlias = Callable[[int | None], bytes]
"""Returns the next bytes of a body, at most the given number; ``None`` means all that are left."""


@attrs.frozen(kw_only=True)
class Fault:
    """A fault, and the requests that it strikes. Subclass it for your own.

    Attributes:
        method: the HTTP method to strike, ``None`` for all.
        target: a regular expression that is searched in path and query as sent; ``None`` for all.
        nth: the first matching request to strike, from 1.
        times: how many requests to strike from there on, ``None`` for all.
        direction: whose bytes ``steps`` disturbs.
    """

    method: str | None = None
    target: str | None = None
    nth: int = attrs.field(default=1, validator=attrs.validators.ge(1))
    times: int | None = 1
    direction: Direction = "response"

    def matches(self, request: Request) -> bool:
        """Return whether a request counts for this fault; its body has not been read yet."""
        if self.method is not None and request.method != self.method:
            return False
        return self.target is None or re.search(self.target, request.target) is not None

    def group(self, request: Request) -> Hashable:
        """Return the group in which a matching request is counted."""
        return None

    def strikes(self, count: int) -> bool:
        """Return whether the ``count``-th matching request of its group is struck."""
        return self.nth <= count and (self.times is None or count < self.nth + self.times)

    def respond(self, request: Request) -> Answer | None:
        """Return a response to send without asking the upstream server, or ``None``."""
        return None

    def amend(self, request: Request, answer: Answer) -> Answer:
        """Return the response to send instead of the upstream server's."""
        return answer

    def steps(self, take: Take, chance: random.Random) -> Iterator[Step]:
        """Yield the steps that send a body; the head of a response is sent before its first bytes."""
        yield take(None)


@attrs.frozen(kw_only=True)
class Reset(Fault):
    """Ends the connection by a TCP reset; a cut request never reaches the upstream server whole.

    Attributes:
        after: bytes of the body that pass first.
    """

    after: int = 0

    def steps(self, take: Take, chance: random.Random) -> Iterator[Step]:
        """Pass the first bytes, then reset."""
        yield take(self.after)
        yield Close(reset=True)


@attrs.frozen(kw_only=True)
class Truncate(Fault):
    """Ends the connection normally before all bytes are sent; a cut request never reaches the upstream server whole.

    Attributes:
        after: bytes of the body that pass first.
    """

    after: int = 0

    def steps(self, take: Take, chance: random.Random) -> Iterator[Step]:
        """Pass the first bytes, then close."""
        yield take(self.after)
        yield Close(reset=False)


@attrs.frozen(kw_only=True)
class Shorten(Fault):
    """Drops the end of a response and adjusts its Content-Length, so that only a digest or a size shows it.

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
        after: bytes of the body that pass first; the head of a response always passes.
        seconds: for how long, unless the proxy closes earlier.
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
    """Delays the whole message.

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
        bit: its number in the body, from 0; ``None`` lets the proxy's seed decide.
    """

    bit: int | None = None

    def steps(self, take: Take, chance: random.Random) -> Iterator[Step]:
        """Pass everything with one bit flipped."""
        data = bytearray(take(None))
        if data:
            position = chance.randrange(8 * len(data)) if self.bit is None else self.bit % (8 * len(data))
            data[position // 8] ^= 1 << position % 8
        yield bytes(data)


@attrs.frozen(kw_only=True)
class LoseResponse(Fault):
    """Lets the upstream server handle the request, then ends the connection without a response.

    Attributes:
        reset: end it by a TCP reset.
    """

    reset: bool = False

    def steps(self, take: Take, chance: random.Random) -> Iterator[Step]:
        """Close before the head of the response."""
        yield Close(reset=self.reset)
