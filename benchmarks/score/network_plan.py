"""The 112 cells of figure 4: which faults meet which operations, and in which forms."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import attrs

from score.network_cases import OPERATIONS, Operation

SILENCE = 2.0
"""Seconds after which who can be told so gives up a silent connection."""
HINT = 2.0
BOUND = 60.0
"""Seconds after which an operation counts as hanging."""

CELLS: Mapping[str, Sequence[str]] = {
    "upload": ("upload",),
    "create": ("create",),
    "upload in parts": ("complete", "begin", "part"),
    "read": ("read", "read a run", "download", "stat"),
    "list": ("list",),
    "copy": ("copy", "change"),
    "delete": ("delete", "delete many"),
}
"""The seven operations, and those of ``network_cases`` that each stands for; peers and the short form have the first."""


@attrs.frozen
class Kind:
    """A fault of the network.

    Attributes:
        name: what happens, with its rows in the catalogue of faults.
        once: its forms in ``network_cases``, or special ones, which strike one request.
        lasting: those that strike every request.
    """

    name: str
    once: Sequence[str] = ()
    lasting: Sequence[str] = ()


KINDS = (
    Kind("a connection reset on the way up (19)", ["reset on the way up", "cut on the way up"], ["reset on the way up"]),
    Kind("a cut or shortened answer (20)", ["reset", "cut", "cut at the head", "shortened"], ["shortened"]),
    Kind("an asset replaced meanwhile (21)", ["replaced"]),
    Kind("silence (22)", ["silent", "silent half-way"]),
    Kind("a storm of errors (27)", ["503", "500"], ["500"]),
    Kind("an error behind the work (27)", ["500 behind the work"], ["500 behind the work"]),
    Kind("a wait asked for (28)", ["seconds", "date", "milliseconds"]),
    Kind("one write a second (29)", ["429"]),
    Kind("a lost answer (30, 31, 33)", ["lost", "lost by a reset"], ["lost"]),
    Kind("an error in a 200 (32)", ["error in a 200 behind the work", "error in a 200"], ["error in a 200"]),
    Kind("an empty 200 or a page (32)", ["empty 200", "page in a 200"], ["empty 200", "page in a 200"]),
    Kind("another time of day (57)", [], ["another time"]),
    Kind("nobody listens (58)", [], ["nobody"]),
    Kind("expired credentials (59)", [], ["expired"]),
    Kind("access denied (60)", [], ["denied"]),
    Kind("a certificate of a stranger (61)", [], ["stranger"]),
)
SILENT = ("silent", "silent half-way")
WAITS = ("seconds", "date", "milliseconds")
PLACES = ("nobody", "stranger")


@attrs.frozen(kw_only=True)
class Attempt:
    """What became of an operation.

    Attributes:
        value: what it returned.
        error: the class of its error, ``None`` when it returned.
        unknown: whether the error says that the outcome is unknown.
        seconds: how long it took; more than ``BOUND`` if it was given up.
    """

    value: Any = None
    error: str | None = None
    unknown: bool = False
    seconds: float = 0.0


class Subject(Protocol):
    """Who is measured: runs operations one after the other; used by one thread.

    Attributes:
        methods: the HTTP method of an operation where it is not that in ``network_cases``.
    """

    methods: Mapping[str, str]

    def attempt(self, case: Case, url: str, prefix: str) -> Attempt | None:
        """Run the operation on keys below a prefix; return ``None`` if there is none such."""

    def close(self) -> None:
        """End it."""


@attrs.frozen(kw_only=True)
class Case:
    """One run: an operation, a fault, and whether it lasts."""

    kind: Kind
    cell: str
    op: str
    fault: str
    lasting: bool

    @property
    def operation(self) -> Operation:
        """The operation of ``network_cases``."""
        return OPERATIONS[self.op]


def cases(*, short: bool) -> list[Case]:
    """Return all runs; in the short form one for each cell."""
    found = []
    for kind, (cell, ops) in itertools.product(KINDS, CELLS.items()):
        forms = [(name, False) for name in kind.once] + [(name, True) for name in kind.lasting]
        for op, (fault, lasting) in itertools.product(ops[:1] if short else ops, forms[:1] if short else forms):
            found.append(Case(kind=kind, cell=cell, op=op, fault=fault, lasting=lasting))
    return found
