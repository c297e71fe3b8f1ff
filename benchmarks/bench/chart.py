"""The results as a picture: a line for each work, a dot for each contender at its cost as a multiple of the best peer's."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

from bench.report import Row, number
from bench.works import OURS, OURS_CLI

MEASURES = {"cpu": "CPU", "wall": "time"}
CLASSES = {OURS: "ours", OURS_CLI: "cli", "boto3": "boto", "obstore": "obstore", "s5cmd": "s5cmd"}
"""The styles of those that have a colour of their own; the first is drawn last, on top."""
LEFT, WIDTH, LINE, TOP = 250, 790, 24, 62
STYLE = """
text { font: 12px system-ui, sans-serif; fill: #57606a }
.strong { font-weight: 600; fill: #24292f }
.rule { stroke: #d0d7de } .one { stroke: #57606a }
.other { fill: #afb8c1 } .boto { fill: #bf8700 } .obstore { fill: #8250df } .s5cmd { fill: #1a7f37 }
.ours { fill: #0969da } .cli { fill: none; stroke: #0969da; stroke-width: 2.5 }
@media (prefers-color-scheme: dark) {
  text { fill: #9198a1 } .strong { fill: #f0f6fc }
  .rule { stroke: #3d444d } .one { stroke: #9198a1 }
  .other { fill: #656c76 } .boto { fill: #d29922 } .obstore { fill: #a371f7 } .s5cmd { fill: #3fb950 }
  .ours { fill: #4493f8 } .cli { stroke: #4493f8 }
}
"""


def svg(tables: Iterable[Mapping[str, Any]]) -> str:
    """Draw those of the tables that have a label."""
    shown = [table for table in tables if table.get("label")]
    lines = {f"{table['label']} · {MEASURES[table['rows'][0]['measure']]}": _costs(table["rows"]) for table in shown}
    costs = [cost for line in lines.values() for cost in line.values()] or [1.0]
    low, high = (rounding(math.log2(edge(costs))) for rounding, edge in ((math.floor, min), (math.ceil, max)))
    high = max(high, low + 1)

    def x(cost: float) -> float:
        return LEFT + (math.log2(cost) - low) / (high - low) * (WIDTH - LEFT - 30)

    bottom = TOP + LINE * len(lines)
    order = {name: index for index, name in enumerate(CLASSES)}
    parts = [*_legend(), *_axis(low, high, bottom, x(1), [x(2.0**power) for power in range(low, high + 1)])]
    for index, (label, line) in enumerate(lines.items()):
        y = TOP + LINE * index + LINE // 2
        parts.append(f'<text x="{LEFT - 12}" y="{y + 4}" text-anchor="end">{escape(label)}</text>')
        for name, cost in sorted(line.items(), key=lambda entry: -order.get(entry[0], 99)):
            radius = 6 if name == OURS else 4.5
            shape = f'<circle class="{CLASSES.get(name, "other")}" cx="{x(cost):.1f}" cy="{y}" r="{radius}">'
            parts.append(f"{shape}<title>{escape(name)}: {number(cost)} × the best peer</title></circle>")
    size = f'viewBox="0 0 {WIDTH} {bottom + 26}" width="{WIDTH}" height="{bottom + 26}"'
    title = "<title>The cost of assetstore and its peers, as a multiple of the best peer's</title>"
    return "\n".join(
        [f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">', title, f"<style>{STYLE}</style>", *parts, "</svg>\n"]
    )


def _costs(rows: Iterable[Row]) -> dict[str, float]:
    """Return what each took, as a multiple of the best of the peers; assetstore's reference engine is left out."""
    took = {row["contender"]: row[row["measure"]] for row in rows}
    best = min((cost for name, cost in took.items() if not name.startswith("assetstore")), default=1.0)
    return {name: cost / best for name, cost in took.items() if name in CLASSES or not name.startswith("assetstore")}


def _legend() -> list[str]:
    """Return the names of the dots, and how to read them."""
    parts, x = ['<text class="strong" x="8" y="18">Cost as a multiple of the best peer’s (1); less is better</text>'], 14
    for name, style in (*CLASSES.items(), ("other peers", "other")):
        parts.append(f'<circle class="{style}" cx="{x}" cy="38" r="4.5"/><text x="{x + 9}" y="42">{escape(name)}</text>')
        x += 32 + 7 * len(name)
    return parts


def _axis(low: int, high: int, bottom: int, one: float, ticks: list[float]) -> list[str]:
    """Return the vertical lines and their numbers."""
    parts = [f'<line class="rule" x1="{x:.1f}" y1="{TOP - 8}" x2="{x:.1f}" y2="{bottom}"/>' for x in ticks]
    parts.append(f'<line class="one" x1="{one:.1f}" y1="{TOP - 8}" x2="{one:.1f}" y2="{bottom}"/>')
    labels = [f"{2**power}" if power >= 0 else f"1/{2**-power}" for power in range(low, high + 1)]
    return parts + [
        f'<text x="{x:.1f}" y="{bottom + 17}" text-anchor="middle">{label}</text>'
        for x, label in zip(ticks, labels, strict=True)
    ]
