"""What assetstore shall reach, and whether it did."""

from __future__ import annotations

import re
from collections.abc import Iterable

import attrs

from bench.measure import Samples, ratios
from bench.report import Row, Table
from bench.works import BEST, DEFAULT_SYNC, DJANGO, FASTEST, FASTEST_RANGES, FASTEST_SYNC, FSSPEC, OURS, OURS_CLI


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
        bases: the contenders to whose best the ratio is, or above whose best the difference.
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
    Target("fsspec", ("GET",), FSSPEC.label, "cpu", ("s3fs",), 0.5),
    Target("collectstatic", ("first run",), DJANGO.label, "wall", ("django-storages",), 0.25),
    Target("collectstatic", ("second run",), DJANGO.label, "wall", ("django-storages",), 0.1),
    Target("sync-0", ("first",), OURS_CLI, "wall", FASTEST_SYNC[0], 0.9),
    Target("sync-(20|80)", ("first",), OURS_CLI, "wall", DEFAULT_SYNC, 0.8),
    Target("sync-20", ("unchanged",), OURS_CLI, "wall", FASTEST_SYNC[20], 0.6),
    Target("across", ("first",), OURS_CLI, "wall", ("rclone", "rclone, 64"), 0.9),
    Target("check", ("check",), OURS_CLI, "cpu", ("rclone", "rclone --fast-list"), 0.5),
    Target("check", ("check",), OURS_CLI, "memory", (), 200),
)
SCALE = {"ms": 1e3, "µs": 1e6}
SCRIPT_TARGETS = (
    ScriptTarget("assetstore upload_many", ("cp -r and sync -f",), 1.8),
    ScriptTarget("assetstore upload", ("cp and sync -f",), 1.3),
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
    rows = []
    for table in made:
        several = len({row.get("work") for row in table["rows"]}) > 1
        named = {row["contender"]: row for row in table["rows"]}
        for target in SCRIPT_TARGETS:
            if target.contender in named and (bases := [named[name] for name in target.bases if name in named]):
                row = _compared(target, named[target.contender], bases)
                title = f"{table['title']}: {named[target.contender]['work']}" if several else table["title"]
                rows.append(row | {"work": title, "reached": row["ratio_median"] <= target.limit})
    return rows


def _compared(target: ScriptTarget, ours: Row, bases: list[Row]) -> Row:
    """Compare a row with the best of others: by its own ratios if they are to that one."""
    measure = ours["measure"]
    base = min(bases, key=lambda row: float(row[measure]))
    row = {"contender": target.contender, "base": base["contender"], "target": target.limit}
    if target.unit:
        return row | {"measure": target.unit, "ratio_median": (ours[measure] - base[measure]) * SCALE[target.unit]}
    if ours["base"] == base["contender"]:
        return row | {name: ours[name] for name in ("measure", "ratio_min", "ratio_median", "ratio_max")}
    return row | {"measure": measure, "ratio_median": ours[measure] / base[measure]}
