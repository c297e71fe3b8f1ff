"""What assetstore shall reach, and whether it did."""

from __future__ import annotations

import re
from collections.abc import Iterable

import attrs

from bench.measure import Samples, ratios
from bench.report import Row, Table
from bench.works import BEST, FASTEST, FASTEST_RANGES, OURS, OURS_CLI


@attrs.frozen
class Target:
    """What assetstore shall reach in the median of the rounds.

    Attributes:
        work: a regular expression for names of works.
        steps: the steps of the work.
        contender: a label of assetstore.
        measure: ``cpu``, ``wall`` or ``memory``, which is the peak above the memory before, in MiB.
        bases: the labels to whose best the ratio is; none for a bare number.
        limit: the most that is right.
    """

    work: str
    steps: tuple[str, ...]
    contender: str
    measure: str
    bases: tuple[str, ...]
    limit: float


@attrs.frozen
class ScriptTarget:
    """What assetstore shall reach in the medians of a script's table.

    Attributes:
        contender: of a row.
        bases: the contenders to whose best the ratio of CPU is, or above whose CPU the difference.
        limit: the most that is right.
        unit: empty for a ratio, or the unit of the difference, ``ms`` or ``µs``.
    """

    contender: str
    bases: tuple[str, ...]
    limit: float
    unit: str = ""


SMALL = ("PUT", "GET", "HEAD", "DELETE")
UP_DOWN = ("up", "down")
TARGETS = (
    Target("small", SMALL, OURS, "cpu", ("obstore",), 1.5),
    Target("small", SMALL, OURS, "cpu", ("boto3",), 0.15),
    Target("many-(0|20|80)", UP_DOWN, OURS, "wall", FASTEST, 0.9),
    Target("many-(0|20|80)", UP_DOWN, OURS_CLI, "wall", ("s5cmd",), 1.0),
    Target("list", ("list",), OURS, "cpu", ("obstore",), 1.5),
    Target("list", ("list",), OURS, "cpu", ("boto3",), 0.12),
    Target("list", ("list",), OURS, "memory", (), 64),
    Target("big", UP_DOWN, OURS, "cpu", BEST, 1.1),
    Target("big", UP_DOWN, OURS, "memory", (), 64),
    Target("big-capped", UP_DOWN, OURS, "wall", FASTEST_RANGES, 1.0),
)
SCRIPT_TARGETS = (
    ScriptTarget("assetstore presign", ("boto3",), 1 / 25),
    ScriptTarget("assetstore presign_many", ("boto3",), 1 / 60),
    ScriptTarget("assetstore presign_many", ("obstore", "obstore, a list"), 1 / 2),
    ScriptTarget("assetstore: import assetstore", ("bare Python",), 45, "ms"),
    ScriptTarget("assetstore --help", ("bare Python",), 75, "ms"),
    ScriptTarget("assetstore -s file:assets list", ("bare Python",), 105, "ms"),
    *(ScriptTarget(f"assetstore {work}", (f"hook of {work}",), 6, "µs") for work in ("upload", "read")),
    ScriptTarget("assetstore stat", ("hook of stat",), 3, "µs"),
)


def judged(samples: Iterable[Samples]) -> list[Row]:
    """Return for each target that was measured what was reached."""
    rows = []
    for target in TARGETS:
        for each in samples:
            if not re.fullmatch(target.work, each.work.name) or target.contender not in each.labels():
                continue
            for step in sorted(set(target.steps) & set(each.steps()), key=target.steps.index):
                ours = each.values(target.contender, step, target.measure)
                base = each.best(target.bases, step, target.measure)
                if target.bases and base is None:
                    continue
                low, middle, high = ratios(ours, each.values(base, step, target.measure) if base else [1.0] * len(ours))
                row: Row = {"work": f"{each.title}: {step}", "contender": target.contender, "measure": target.measure}
                row |= {"base": base, "ratio_min": low, "ratio_median": middle, "ratio_max": high}
                rows.append(row | {"target": target.limit, "reached": middle <= target.limit})
    return rows


def judged_scripts(made: Iterable[Table]) -> list[Row]:
    """Return for each target of a script's table what was reached, of the medians."""
    scale = {"": 1.0, "ms": 1e3, "µs": 1e6}
    rows = []
    for table in made:
        by_name = {row["contender"]: row for row in table["rows"]}
        cpu = {name: row["cpu"] for name, row in by_name.items()}
        for target in SCRIPT_TARGETS:
            bases = [name for name in target.bases if name in cpu]
            if target.contender in cpu and bases:
                base = min(bases, key=lambda name: cpu[name])
                ours, theirs = cpu[target.contender] * scale[target.unit], cpu[base] * scale[target.unit]
                row: Row = {"ratio_median": ours - theirs if target.unit else ours / theirs}
                if not target.unit and by_name[target.contender]["base"] == base:
                    row = {name: by_name[target.contender][name] for name in ("ratio_min", "ratio_median", "ratio_max")}
                row |= {"work": table["title"], "contender": target.contender, "measure": target.unit or "cpu"}
                row |= {"base": base, "target": target.limit, "reached": row["ratio_median"] <= target.limit}
                rows.append(row)
    return rows
