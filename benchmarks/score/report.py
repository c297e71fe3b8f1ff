"""Prints the score as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from score.figure import Figure

Row = Mapping[str, Any]
"""``figure``, ``subject``, ``value``, ``passed`` (``None`` when left out), ``seconds``, ``notes`` and ``left_out``."""
OURS = "assetstore"
_WORDS = {True: "yes", False: "no", None: "left out"}


def markdown(figures: Sequence[Figure], rows: Sequence[Row], machine: Sequence[str]) -> str:
    """Return the headline, a line for each figure, what fell short, what was left out, and the peers side by side."""
    ours = {row["figure"]: row for row in rows if row["subject"] == OURS}
    lines = [f"**{sum(row['passed'] is True for row in ours.values())} of {len(figures)} figures at target.**", ""]
    lines += ["| # | figure | value | target | at target | s |", "|---|---|---|---|---|---|"]
    for figure in figures:
        if row := ours.get(figure.number):
            took = f"{row['seconds']:.0f}"
            reached = _WORDS[row["passed"]]
            lines.append(f"| {figure.number} | {figure.name} | {row['value']} | {figure.target} | {reached} | {took} |")
    lines += _side_by_side(figures, rows) + _remarks("Fell short", rows, "notes") + _remarks("Left out", rows, "left_out")
    return "\n".join([*lines, "", *machine])


def _remarks(title: str, rows: Sequence[Row], kind: str) -> list[str]:
    found = [f"- {row['figure']}, {row['subject']}: {text}" for row in rows for text in row[kind]]
    return ["", f"{title}:", "", *found] if found else []


def _side_by_side(figures: Sequence[Figure], rows: Sequence[Row]) -> list[str]:
    subjects = list(dict.fromkeys(row["subject"] for row in rows))
    if len(subjects) < 2:
        return []
    cells = {(row["figure"], row["subject"]): f"{row['value']}{' ✓' if row['passed'] else ''}" for row in rows}
    lines = ["", "Side by side; ✓ is at target, an empty cell is what the harness cannot be pointed at:", ""]
    lines += ["| # | figure | " + " | ".join(subjects) + " |", "|---|---|" + "---|" * len(subjects)]
    for figure in figures:
        found = [cells.get((figure.number, subject), "") for subject in subjects]
        lines.append(f"| {figure.number} | {figure.name} | " + " | ".join(found) + " |")
    return lines
