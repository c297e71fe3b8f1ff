"""Runs a module of the score with the Python of whom it measures."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from bench.peers import ROOT
from score.figure import Run

PROCESSES = 2


def work(run: Run, module: str, **order: object) -> Any:
    """Give an order to a module, and return its answer; both pass as JSON.

    Raises:
        RuntimeError: the module failed; the text is the end of what it wrote on stderr.
    """
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "benchmarks"), "PYTHONDONTWRITEBYTECODE": "1"}
    asked = json.dumps({"subject": run.subject.name, "folder": str(run.folder), "seed": run.seed, **order})
    command = [run.subject.python, "-m", f"score.{module}"]
    done = subprocess.run(command, input=asked, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    return json.loads(done.stdout.splitlines()[-1])


def share(run: Run, module: str, **order: object) -> list[Any]:
    """Give the shares of an order to as many processes, each with a folder of its own, and return their answers."""

    def part(number: int) -> Any:
        folder = run.folder / f"{module}-{number}"
        folder.mkdir()
        return work(run, module, **{**order, "folder": str(folder), "share": number, "shares": PROCESSES})

    with ThreadPoolExecutor(PROCESSES) as pool:
        return list(pool.map(part, range(PROCESSES)))


def grouped(faults: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """Return a line for each kind of fault: how often, what it is, and where."""
    kinds: dict[str, dict[str, int]] = {}
    for kind, place in faults:
        places = kinds.setdefault(kind, {})
        places[place] = places.get(place, 0) + 1
    return tuple(f"{sum(places.values())} × {kind} ({_most(places)})" for kind, places in sorted(kinds.items()))


def _most(places: Mapping[str, int]) -> str:
    ordered = sorted(places, key=lambda place: (-places[place], place))
    return ", ".join(ordered[:4]) + (f" and {len(ordered) - 4} more" if len(ordered) > 4 else "")
