"""A figure of the score: what it measures, of whom, and what came out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import attrs

from bench.peers import Peer

SEED = 20_261_128


class LeftOutError(Exception):
    """A figure, or a part of it, cannot be measured here; the text says what is missing."""


@attrs.frozen(kw_only=True)
class Run:
    """One measurement of one figure.

    Attributes:
        subject: whom to measure: ``assetstore`` or a peer, with the Python that has it.
        short: whether to measure few cases, in seconds instead of minutes.
        folder: empty, on a disk, removed afterwards.
        seed: begins every random choice, so that a run can be repeated.
    """

    subject: Peer
    short: bool
    folder: Path
    seed: int = SEED


@attrs.frozen(kw_only=True)
class Outcome:
    """What a measurement found.

    Attributes:
        value: the figure in a few words, for example ``0 of 200``.
        passed: whether it is at its target.
        notes: what fell short, a line for each kind of case, with how often; empty when nothing did.
        left_out: what could not be measured here, a line each.
    """

    value: str
    passed: bool
    notes: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class Figure:
    """One line of the score.

    Attributes:
        number: from 1 to 12.
        name: what is counted.
        target: the value to reach.
        measure: makes the measurement; may raise LeftOutError. It imports what it needs when it is called, and
            runs in a process of its own.
        peers: the names of the peers, as in ``score.peers``, that the same harness can be pointed at.
    """

    number: int
    name: str
    target: str
    measure: Callable[[Run], Outcome]
    peers: tuple[str, ...] = ()
