"""Figure 4: each of 16 faults of the network meets each of 7 operations, which has to end right or with a truthful error.

The rule is the same for all: who returns has done it, and returns the right bytes; who raises has done nothing, or says that
the outcome is unknown. Deleting may have been done. Our errors have to be of the right class too. The truth is what the
server itself holds afterwards.
"""

from __future__ import annotations

import itertools
import queue
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from types import MappingProxyType
from typing import Any

import attrs

from assetstore import AssetStore
from assetstore_r2.testing import FaultProxy, R2Personality
from score.figure import Outcome, Run
from score.network_cases import ATTEMPTS, Aged, failing, store_at, stored
from score.network_plan import BOUND, CELLS, KINDS, SILENCE, SILENT, WAITS, Attempt, Case, Subject, cases
from score.network_verdict import RIVAL, hasty, made_fault, mistyped, untrue
from score.network_world import World, world
from score.peer import Peer
from score.peer_worker import LACKING

LANES = 16


class Ours:
    """assetstore in this process."""

    methods: Mapping[str, str] = MappingProxyType({})

    def __init__(self, world: World, folder: Path, **settings: Any) -> None:
        self._world, self._folder, self._settings = world, folder, settings
        self._stores: dict[Any, AssetStore] = {}
        self._stack = ExitStack()
        self._numbers = itertools.count()

    def attempt(self, case: Case, url: str, prefix: str) -> Attempt:
        """Run the operation itself."""
        store = self._store(case, url)
        folder = self._folder / str(next(self._numbers))
        folder.mkdir(parents=True)
        began = time.monotonic()
        try:
            value = case.operation.run(store.scoped(prefix), folder)
        except Exception as error:
            name = type(error).__name__
            if list(folder.iterdir()):
                name = "a file was left after an error"
            return Attempt(error=name, unknown=name == "UnknownOutcomeError", seconds=time.monotonic() - began)
        return Attempt(value=value, seconds=time.monotonic() - began)

    def _store(self, case: Case, url: str) -> AssetStore:
        key = (url, case.fault, case.lasting)  # a store learns of the clock, and must not keep it for others
        if key not in self._stores:
            limits = {"timeout": SILENCE, "read_timeout": SILENCE} if case.fault in SILENT else {}
            settings = {"max_attempts": 2 if case.lasting else ATTEMPTS, **limits, **self._settings}
            self._stores[key] = self._stack.enter_context(store_at(self._world.server, url, **settings))
        return self._stores[key]

    def close(self) -> None:
        """Close the stores."""
        self._stack.close()


def measure(run: Run) -> Outcome:
    """Run every case, and count the cells in which all of theirs ended well."""
    with world(run.folder) as there:
        if run.subject.name != "assetstore":
            made = matrix(there, lambda number: Peer(run.subject, there, run.folder / str(number)), cases(short=True))
            return outcome(made)
        made = matrix(there, lambda number: Ours(there, run.folder / str(number)), cases(short=run.short))
        found = outcome(made)
        if not run.short:
            other = matrix(there, lambda number: Ours(there, run.folder / f"b{number}", engine="boto3"), cases(short=True))
            notes = outcome(other).notes
            found = attrs.evolve(found, notes=(*found.notes, *(f"with the engine boto3: {note}" for note in notes)))
        return found


def matrix(
    world: World, subject: Callable[[int], Subject], planned: Sequence[Case]
) -> dict[tuple[str, str], list[str | None]]:
    """Run the cases in some threads; return for each cell what went wrong in its runs, ``None`` for nothing."""
    waiting: queue.SimpleQueue[Case] = queue.SimpleQueue()
    for case in planned:
        waiting.put(case)
    made: dict[tuple[str, str], list[str | None]] = {(case.kind.name, case.cell): [] for case in planned}

    def work(number: int) -> None:
        with FaultProxy(world.server.endpoint_url, personality=R2Personality(write_interval=0)) as proxy:
            who = subject(number)
            try:
                while True:
                    try:
                        case = waiting.get_nowait()
                    except queue.Empty:
                        return
                    wrong = one(world, proxy, who, case, f"{secrets.token_hex(8)}/")
                    made[case.kind.name, case.cell].append(wrong)
            finally:
                who.close()

    with ThreadPoolExecutor(LANES) as pool:
        list(pool.map(work, range(LANES)))
    return made


def one(world: World, proxy: FaultProxy, who: Subject, case: Case, prefix: str) -> str | None:
    """Run one case; return what is wrong with its end, or ``None``."""
    operation, truth = case.operation, world.truth.scoped(prefix)
    for key, data in operation.before.items():
        truth.upload(data, key)
    fault = made_fault(case, lambda: truth.upload(RIVAL, "a"), who.methods.get(case.op))
    silent, url = case.fault in SILENT, world.places.get(case.fault, proxy.url)
    with failing(proxy, *([] if fault is None else [fault]), Aged()) as requests:
        attempt = who.attempt(case, url, prefix)
    if attempt is None:
        return LACKING
    struck = [number for number, request in enumerate(requests) if request.fault is not None and request.fault == fault]
    # The proxy logs a silent request when its silence ends, which is after the store has gone.
    if attempt.seconds < SILENCE / 2 if silent else fault is not None and not struck:
        return "no request was struck"
    if attempt.seconds > BOUND:
        return "it hung"
    if wrong := untrue(case, attempt, stored(truth)):
        return wrong
    if case.fault in WAITS and (wrong := hasty(requests, struck)):
        return wrong
    return mistyped(case, attempt) if isinstance(who, Ours) else None


def outcome(made: Mapping[tuple[str, str], Sequence[str | None]]) -> Outcome:
    """Count the cells."""
    there = {cell: found for cell, found in made.items() if LACKING not in found}
    wrong = {cell: {each for each in found if each} for cell, found in there.items() if any(found)}
    alike: dict[tuple[str, str], list[str]] = {}
    for (kind, op), found in wrong.items():
        for each in sorted(found):
            alike.setdefault((kind, each), []).append(op)
    lacking = dict.fromkeys(op for (_, op), found in made.items() if LACKING in found)
    right = len(there) - len(wrong)
    return Outcome(
        value=f"{right} of {len(there)}",
        passed=right == len(KINDS) * len(CELLS),
        notes=tuple(f"{kind}: {each} ({', '.join(ops)})" for (kind, each), ops in alike.items()),
        left_out=tuple(f"it has no {op}" for op in lacking),
    )
