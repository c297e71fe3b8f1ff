"""Figure 2: each system call of each operation on a folder fails in turn, with each error that it may have.

Every end is judged: each asset is the old or the new one (ATOM), nothing is left over unless a removal failed (CLEAN), the
error is one that the library says its calls raise (TYPED), what was returned is there and what failed is not, unless the
error says that the outcome is unknown (TRUTH), and the operation ends (BOUND).
"""

from __future__ import annotations

from score import traced
from score.figure import LeftOutError, Outcome, Run
from score.local_operations import OPERATIONS
from score.local_stores import STORES
from score.workers import grouped, share

_FEWEST = 400
_SHORT = 80


def measure(run: Run) -> Outcome:
    """Let all calls fail, or a random few of them."""
    if reason := traced.missing():
        raise LeftOutError(reason)
    answers = share(run, "injections", most=_SHORT if run.short else None)
    verdicts = [verdict for answer in answers for verdict in answer["verdicts"]]
    good = sum(not verdict["wrong"] for verdict in verdicts)
    lacking = [name for name, (call, _) in OPERATIONS.items() if not STORES[run.subject.name].can(call)]
    return Outcome(
        value=f"{good} of {len(verdicts)}",
        passed=good == len(verdicts) and len(verdicts) >= (_SHORT * 3 // 4 if run.short else _FEWEST),
        notes=grouped((wrong, _place(wrong, each["case"])) for each in verdicts for wrong in each["wrong"]),
        left_out=(f"{run.subject.name} has no {', '.join(lacking)}",) if lacking else (),
    )


def _place(wrong: str, case: list[str]) -> str:
    # How to crash the software of others is for them alone.
    return "some call" if wrong.startswith("BOUND") else f"{case[1]} of {case[0]}"
