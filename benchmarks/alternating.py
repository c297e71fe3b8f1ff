"""Measures contenders in rounds that alternate, so that a noisy machine is noisy for all, and shows the figures."""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from bench.memory import MOST, memory


class Cost(NamedTuple):
    """What one thing took: seconds of wall clock, seconds of CPU, and the peak of memory in MB."""

    wall: float
    cpu: float
    peak_mb: float


def cost_of(call: Callable[[], object], count: int) -> Cost:
    """Call something in this process; return what each of the ``count`` things that it does took."""
    wall, cpu = time.perf_counter(), time.process_time()
    call()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return Cost(wall / count, cpu / count, memory(MOST) / 1e6)


def table(title: str, work: str, contenders: Mapping[str, Callable[[], Cost]], *, base: str, rounds: int) -> dict[str, Any]:
    """Measure each contender once a round, after a round that does not count; ratios are of CPU, to ``base`` in it."""
    costs: dict[str, list[Cost]] = {name: [] for name in contenders}
    for _ in range(rounds + 1):
        for name, contender in contenders.items():
            costs[name].append(contender())
    rows = []
    for name, (_, *counted) in costs.items():
        ratios = [mine.cpu / theirs.cpu for mine, theirs in zip(counted, costs[base][1:], strict=True)]
        row = {"work": work, "contender": name, "base": base, "measure": "cpu"}
        row |= {"ratio_min": min(ratios), "ratio_median": statistics.median(ratios), "ratio_max": max(ratios)}
        rows.append(row | {field: statistics.median(getattr(cost, field) for cost in counted) for field in Cost._fields})
    return {"title": title, "rows": rows}


def arguments(description: str, *, rounds: int) -> argparse.Namespace:
    """Return the arguments ``rounds`` and ``json`` of a benchmark."""
    parser = argparse.ArgumentParser(description=description.partition("\n")[0])
    parser.add_argument("rounds", nargs="?", type=int, default=rounds)
    parser.add_argument("--json", type=Path, metavar="PATH", help="write the figures here too")
    return parser.parse_args()


def show(made: Mapping[str, Any], path: Path | None) -> None:
    """Print a table; write it to ``path`` as JSON if there is one."""
    print(made["title"])
    for row in made["rows"]:
        span = f"{row['ratio_median']:.2f} ({row['ratio_min']:.2f} to {row['ratio_max']:.2f}) x {row['base']}"
        print(f"  {row['contender']:<40} {row['cpu'] * 1e6:12,.1f} us of CPU, {span}")
    if path:
        path.write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")
