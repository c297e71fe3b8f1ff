"""The results as rows, as Markdown and as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from statistics import median
from typing import Any

from bench.measure import Samples, ratios

Row = dict[str, Any]
"""A row of a table: ``work``, ``contender``, ``base``, ``measure``, ``ratio_min``, ``ratio_median``, ``ratio_max``, ``wall``
and ``cpu`` in seconds, ``peak_mb`` in MB, ``requests``, ``class_a`` and ``class_b``, ``received`` in bytes, ``stall`` in
seconds; what is not known is absent."""
Table = dict[str, Any]
"""``title``, ``rows`` and, if the picture shows it, ``label``."""
Counts = Mapping[tuple[str, str, str], Mapping[str, float]]


MEASURED = {
    "cpu": "CPU × {}",
    "wall": "wall clock × {}",
    "stall": "longest stall × {}",
    "memory": "MiB above idle",
    "ms": "ms of CPU above {}",
    "µs": "µs of CPU above {}",
}
"""How the table of targets calls what it compares."""


def tables(samples: Samples, counts: Counts) -> list[Table]:
    """Return a table for each step of a work."""
    made: list[Table] = []
    for step in samples.steps():
        rows = [_row(samples, step, label, counts) for label in samples.labels()]
        label = samples.work.label.format(step=step, **samples.task)
        made.append({"title": f"{samples.title}: {step}", "label": label, "rows": rows})
    return made


def _row(samples: Samples, step: str, label: str, counts: Counts) -> Row:
    work = samples.work
    row: Row = {"work": f"{work.name} {step}", "contender": label, "measure": work.measure}
    if base := samples.best(work.bases, step, work.measure):
        low, middle, high = ratios(samples.values(label, step, work.measure), samples.values(base, step, work.measure))
        row |= {"base": base, "ratio_min": low, "ratio_median": middle, "ratio_max": high}
    for field in ("wall", "cpu", *(["stall"] if work.measure == "stall" else [])):
        row[field] = median(samples.values(label, step, field))
    row["peak_mb"] = median(samples.values(label, step, "peak")) / 1e6
    return row | dict(counts.get((work.kind, label, step), {}))


def number(value: float | None) -> str:
    """Return a figure with what matters of it."""
    if value is None:
        return ""
    if value and abs(value) < 0.095:
        return f"{value:.2g}"
    return f"{value:.2f}" if value < 10 else f"{value:,.1f}" if value < 100 else f"{value:,.0f}"


def seconds(value: float | None) -> str:
    """Return a time with its unit."""
    if value is None:
        return ""
    return (
        f"{number(value)} s" if value >= 1 else f"{number(value * 1e3)} ms" if value >= 1e-3 else f"{number(value * 1e6)} µs"
    )


def markdown_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; all columns but the first hold figures."""
    lines = ["| " + " | ".join(head) + " |", "|---" + "|--:" * (len(head) - 1) + "|"]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def markdown(results: Mapping[str, Any]) -> str:
    """Return everything as Markdown."""
    parts = ["  \n".join(results["machine"])]
    if results["targets"]:
        parts += ["### Targets", _targets(results["targets"])]
    for table in results["tables"]:
        parts += [f"### {table['title']}", _table(table["rows"])]
    notes = [f"* Left out: {', '.join(results['left_out'])}."] if results["left_out"] else []
    notes += [f"* Failed: {text}" for text in results["failures"]]
    return "\n\n".join([*parts, "\n".join(notes)]).strip() + "\n"


def _targets(rows: Iterable[Row]) -> str:
    def line(row: Row) -> list[str]:
        measured = MEASURED[row["measure"]]
        compared = measured.format(row["base"]) if row["base"] else measured
        span = [number(row.get(name)) for name in ("ratio_min", "ratio_median", "ratio_max")]
        limit = f"≤ {row['target']:.3g}"
        return [row["work"], row["contender"], compared, *span, limit, "yes" if row["reached"] else "**no**"]

    return markdown_table(["work", "", "of what", "min", "median", "max", "target", "reached"], map(line, rows))


def _table(rows: Sequence[Row]) -> str:
    bases = {row.get("base") for row in rows} - {None}
    names = {"cpu": "CPU", "wall": "wall clock", "stall": "longest stall"}
    measure = names.get(rows[0].get("measure", ""), "") if rows else ""
    ratio = " × ".join(filter(None, [measure, *(bases if len(bases) == 1 else ["the first"])]))
    counted = any("requests" in row for row in rows)
    head = ["", ratio, "min", "max", "wall", "CPU", "peak MB"] + (["requests", "class A", "class B"] if counted else [])
    received, stalled = (any(field in row for row in rows) for field in ("received", "stall"))
    head += ["kB received"] * received + ["longest stall"] * stalled
    works = [row["work"] for row in rows]

    def line(row: Row) -> list[str]:
        name = f"**{row['contender']}**" if row["contender"].startswith("assetstore") else row["contender"]
        figures = [number(row.get(field)) for field in ("ratio_median", "ratio_min", "ratio_max")]
        peak = number(row.get("peak_mb"))
        requests = [f"{row.get(field, 0):,.6g}" for field in ("requests", "class_a", "class_b")] if counted else []
        name = f"{row['work']}: {name}" if len(set(works)) > 1 else name
        more = [number(row.get("received", 0) / 1000)] * received + [seconds(row.get("stall"))] * stalled
        return [name, *figures, seconds(row.get("wall")), seconds(row.get("cpu")), peak, *requests, *more]

    ordered = sorted(rows, key=lambda row: (works.index(row["work"]), row.get("ratio_median", 0)))
    return markdown_table(head, map(line, ordered))
