"""The model of the state machine: the possible worlds, and the outcomes of a step in each of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias, TypeVar

import attrs

from assetstore.errors import IntegrityError, NotFoundError, PluginError, PreconditionError, UnavailableError
from assetstore.testing.faults import Fault, Flip, Raise, Return, Trickle, Truncate

T = TypeVar("T")

KINDS = ("refused", "lost", "mistyped", "short", "flipped", "trickling")
"""The kinds of faults: an error before or after the work, a wrong type, too few bytes, wrong bytes, few at a time."""


@attrs.frozen
class Asset:
    """The value that the dict holds for a key.

    Attributes:
        data: the bytes.
        headers: by the names of ``AssetInfo``, without those that are not set.
    """

    data: bytes
    headers: Mapping[str, Any]


World: TypeAlias = Mapping[str, Asset]
Answer: TypeAlias = Any
Outcome: TypeAlias = tuple[Answer, World]
"""A value, or the class of an error, and the world after the step."""


@attrs.frozen
class Raised:
    """An answer that is an error.

    Attributes:
        error: the error.
    """

    error: Exception


@attrs.frozen(kw_only=True)
class Step:
    """One action of a user.

    Attributes:
        client: who takes it, ``"store"`` or ``"other"``.
        code: an expression, or several lines of Python that leave the result in ``it``.
        view: an expression over ``it``: the part of the result to compare.
        outcomes: returns the possible outcomes in a world.
        ops: the hooks that it may call, in order; faults strike there.
        changes: the keys that it may change.
        halves: returns the worlds halfway through the step, in which a fault may leave it.
        whole: whether it reads a whole asset.
        blame: the answer after a fault, where that is not an error.
    """

    code: str
    outcomes: Callable[[World], list[Outcome]]
    client: str = "store"
    view: str = "it"
    ops: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    halves: Callable[[World], list[World]] = lambda _: []
    whole: bool = False
    blame: Answer = None


def make_fault(kind: str, op: str, *, whole: bool) -> Fault:
    """Return a fault of one of ``KINDS``; a kind that does not fit the operation becomes a refusal."""
    if kind == "lost":
        return Raise(op=op, error=UnavailableError("the answer was lost"), late=True)
    if kind == "mistyped":
        return Return(op=op, value="no result")
    if kind == "trickling" and op == "read":
        return Trickle(count=1000)
    if kind in ("short", "flipped") and op == "read" and whole:
        return Truncate(count=3) if kind == "short" else Flip(seed=3)
    return Raise(op=op, error=UnavailableError("the store is busy"))


def outcomes_of(step: Step, fault: Fault | None, world: World) -> list[Outcome]:
    """Return the possible outcomes of a step in a world, during which this fault or none struck."""
    regular = step.outcomes(world)
    if fault is None or isinstance(fault, Trickle):
        return regular
    if isinstance(fault, Truncate | Flip):
        return [(IntegrityError if isinstance(answer, bytes) and answer else answer, after) for answer, after in regular]
    error = PluginError if isinstance(fault, Return) else UnavailableError
    worlds = [world, *step.halves(world), *(after for _, after in regular)]
    return [(error if step.blame is None else step.blame, after) for after in worlds]


def agrees(expected: Answer, answer: Answer) -> bool:
    """Return whether an answer matches the expected one."""
    if isinstance(answer, Raised):
        return isinstance(expected, type) and isinstance(answer.error, expected)
    return bool(expected == answer)


def distinct(items: Iterable[T]) -> list[T]:
    """Return worlds or answers without duplicates."""
    found: list[T] = []
    for item in items:
        if item not in found:
            found.append(item)
    return found


def put(world: World, key: str, asset: Asset) -> World:
    """Return the world with an asset."""
    return {**world, key: asset}


def without(world: World, *keys: str) -> World:
    """Return the world without some keys."""
    return {key: asset for key, asset in world.items() if key not in keys}


def refusals(world: World, key: str, version: str | None, missing: type[Exception]) -> list[type[Exception] | None]:
    """Return the errors that ``if_match`` may raise; ``None`` stands for no error.

    Args:
        world: the world.
        key: the key whose ETag is compared.
        version: the key whose ETag is passed; ``None`` passes none.
        missing: the error when ``key`` is missing and an ETag is passed.
    """
    if version is None or version == key:
        return [None] if key in world or version is None else [NotFoundError]
    if version not in world:
        return [NotFoundError]
    if key not in world:
        return [missing]
    # The ETag may depend on the bytes alone.
    return [PreconditionError, None] if world[key].data == world[version].data else [PreconditionError]
