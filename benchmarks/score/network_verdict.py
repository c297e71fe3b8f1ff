"""Judges figure 4: the fault of a case, and whether what a store told of its operation is true."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import attrs

from assetstore_r2.testing import Answer, Fault, LoggedRequest, Request, Stall, Status, Truncate
from assetstore_r2.testing.messages import error_answer
from score.network_cases import FAULTS, SMALL, allowed
from score.network_plan import HINT, PLACES, SILENT, WAITS, Attempt, Case

RIVAL = SMALL[::-1]
RIGHT: Mapping[str, set[str]] = {
    **{form: {"right", "UnavailableError", "UnknownOutcomeError"} for form in SILENT},
    **{form: {"right"} for form in WAITS},
    "replaced": {"right", "PreconditionError", "UnavailableError"},
    "nobody": {"UnavailableError"},
    "stranger": {"BackendError"},
    "another time": {"CredentialsError"},
}
"""The right outcomes of assetstore where ``network_cases`` has none; a create-only upload may also come after a rival."""


@attrs.frozen(kw_only=True)
class Replaced(Truncate):
    """Lets a rival replace the asset: before the request, or after the first bytes of its answer, which then ends.

    Attributes:
        rival: replaces it.
        reads: whether the request reads the asset.
    """

    rival: Callable[[], object]
    reads: bool
    after: int = 100

    def respond(self, request: Request) -> Answer | None:
        """Replace it before a request that changes something."""
        if not self.reads:
            self.rival()
        return None

    def amend(self, request: Request, answer: Answer) -> Answer:
        """Replace it behind the answer to a read."""
        if self.reads:
            self.rival()
        return answer

    def steps(self, take: Any, chance: Any) -> Iterator[Any]:
        """Cut the answer to a read."""
        return super().steps(take, chance) if self.reads else Fault().steps(take, chance)


@attrs.frozen(kw_only=True)
class AnotherTime(Fault):
    """Refuses a request because the store's clock is ahead by 20 minutes."""

    def respond(self, request: Request) -> Answer | None:
        """Return the refusal, with the store's time."""
        return error_answer(403, "RequestTimeTooSkewed", "The difference is too large.", now=time.time() + 1200)


def made_fault(case: Case, rival: Callable[[], object], method: str | None) -> Fault | None:
    """Return the fault of the proxy; ``None`` where the store does not come to the proxy."""
    operation, times = case.operation, None if case.lasting else 1
    where: dict[str, Any] = {"method": method or operation.method, "target": operation.target, "times": times}
    reads = case.op in ("read", "read a run", "download")
    if case.fault in PLACES:
        return None
    if case.fault == "silent half-way" and reads:
        return Stall(**where, after=100)
    if case.fault in SILENT:
        return Stall(**where, direction="request")
    if case.fault == "replaced":
        return Replaced(**where, rival=rival, reads=reads)
    if case.fault == "another time":
        return AnotherTime(**where)
    if case.fault in WAITS:
        return Status(**where, status=429, retry_after=HINT, form=case.fault)  # type: ignore[arg-type] # one of its forms
    return attrs.evolve(FAULTS[case.fault], **where)


def untrue(case: Case, attempt: Attempt, found: Mapping[str, bytes]) -> str | None:
    """Return how the outcome that was told differs from the truth, or ``None``."""
    before, after, values = case.operation.before, case.operation.after, [case.operation.value]
    befores, afters = [before], [after]
    if case.fault == "replaced":
        befores = [{**before, "a": RIVAL}]
        afters = [after, {**after, "a": RIVAL}, {key: RIVAL if key in "ab" else data for key, data in after.items()}]
        values += [RIVAL, RIVAL[5:2005]]
    if attempt.error is None:
        if attempt.value not in values:
            return "returned something wrong"
        return None if found in afters else "returned, but it was not done"
    if attempt.unknown or case.cell == "delete":
        befores = befores + afters
    return None if found in befores else f"raised {attempt.error}, but it was done"


def hasty(requests: Sequence[LoggedRequest], struck: Sequence[int]) -> str | None:
    """Return whether the request was sent again before the time that the store asked for."""
    refused, *later = requests[struck[0] :]
    same = [request for request in later if (request.method, request.target) == (refused.method, refused.target)]
    return "came back too early" if same and same[0].at - refused.at < HINT else None


def mistyped(case: Case, attempt: Attempt) -> str | None:
    """Return how our error is of the wrong class, or ``None``."""
    right = RIGHT.get(case.fault)
    if right is None:
        classes = allowed(case.op, case.fault, always=case.lasting)
        right = {each if isinstance(each, str) else each.__name__ for each in classes}
    told = attempt.error or "right"
    if told == "AlreadyExistsError" and (case.fault, case.op) == ("replaced", "create"):
        return None
    return None if told in right else f"{told} instead of {' or '.join(sorted(right))}"
