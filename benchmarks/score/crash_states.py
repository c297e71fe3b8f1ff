"""Figure 3: what is on the disk after a power failure at any moment of an operation.

strace records the system calls of an operation; each state that they may leave on a disk (see ``score.power_failure``) is
made in a folder and opened as a store. Each asset must be the old or the new one, and the new one after the operation.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from typing import Any

from score import traced
from score.figure import LeftOutError, Outcome, Run
from score.local_operations import OPERATIONS, WRITES
from score.local_stores import STORES
from score.power_failure import MOST_STATES, Call, Content, restore, states
from score.recordings import OPTIONS, calls_of, tree
from score.workers import grouped, work

_SHORT = ("new", "overwrite", "create-only", "delete", "update")
_UNREAD = frozenset({"root/.assetstore/tmp", "root-staging", "root-temporary"})


def measure(run: Run) -> Outcome:
    """Record the operations, and examine all states that they may leave."""
    if reason := traced.missing():
        raise LeftOutError(reason)
    store = STORES[run.subject.name]
    lacking = [name for name in WRITES if not store.can(OPERATIONS[name][0])]
    names = [name for name in (_SHORT if run.short else WRITES) if name not in lacking]
    work(run, "recorder", operations=names, options=OPTIONS)
    faults: list[tuple[str, str]] = []
    examined, drawn = 0, []
    for name in names:
        operation = _Operation(run, name)
        found, sampled = operation.examine()
        examined += len(operation.views)
        faults += [(fault, name) for fault in found]
        drawn += [f"{name}: {MOST_STATES} drawn of more states at some moment"] if sampled else []
    return Outcome(
        value=f"{len(faults)} of {examined:,} states",
        passed=not faults and bool(examined),
        notes=grouped(faults),
        left_out=(*([f"{run.subject.name} has no {', '.join(lacking)}"] if lacking and not run.short else []), *drawn),
    )


class _Operation:
    """The states that one operation may leave, and what a store sees in each."""

    def __init__(self, run: Run, name: str) -> None:
        self.run, self.name = run, name
        base = run.folder / name
        self.before = tree(run.folder / f"{name}-before")
        self.calls = calls_of((base / "strace").read_text().splitlines(), base, self.before)
        self.views: dict[Content, Any] = {}

    def examine(self) -> tuple[list[str], bool]:
        """Return the faults, one for each state that has one, and whether some states were left to chance."""
        moments = [self._contents(self.calls[:moment]) for moment in range(len(self.calls) + 1)]
        self._look({content for contents, _ in moments for content in contents})
        old, new = self.views[moments[0][0][-1]], self.views[moments[-1][0][-1]]
        if old == new:
            raise RuntimeError(f"{self.name}: the log of strace shows no change")
        faults: dict[tuple[Content, str], None] = {}
        for number, (contents, _) in enumerate(moments):
            for content in contents:
                for fault in _wrong(old, new, self.views[content], returned=number == len(self.calls)):
                    faults[content, fault] = None
        return [fault for _, fault in faults], any(sampled for _, sampled in moments)

    def _contents(self, calls: list[Call]) -> tuple[list[Content], bool]:
        chance = random.Random(f"{self.run.seed} {self.name} {len(calls)}")
        found = [disk.content(self.before["id"], _UNREAD) for disk in states(self.before, calls, _UNREAD, chance)]
        return list(dict.fromkeys([*found[-1:], *found]))[::-1], len(found) >= MOST_STATES

    def _look(self, contents: set[Content]) -> None:
        ordered = sorted(contents, key=repr)
        places = [self.run.folder / f"{self.name}-{number}" for number in range(len(ordered))]
        for content, place in zip(ordered, places, strict=True):
            restore(content, place)
        seen = work(self.run, "recorder", bases=list(map(str, places)))
        self.views = dict(zip(ordered, seen, strict=True))
        for place in places:
            shutil.rmtree(place)


def _wrong(old: dict[str, Any], new: dict[str, Any], found: dict[str, Any], *, returned: bool) -> Iterator[str]:
    for key in sorted({*old, *new, *found}):
        now = found.get(key)
        if now not in (old.get(key), new.get(key)):
            yield "torn" if now else "lost"
        elif returned and now != new.get(key):
            yield "returned, and lost"
