"""Run: ``tox -e score -- [--short] [--only NUMBER …] [--peers]``; ``--help`` explains the options.

Prints the score as Markdown, and on stderr each figure as it is measured. Exits with 1 when a figure misses its target.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import attrs

from bench.peers import ROOT, Peer, find
from score import peers, report
from score.figure import SEED, Figure, LeftOutError, Run
from score.figures import FIGURES

PAGE = ROOT / "docs" / "reliability.md"
BEGIN, END = "<!-- measured -->\n", "<!-- end -->\n"
EARLIER = "begin with what earlier runs wrote by --json, and measure only what --only says"
_MOST_SECONDS = 1800


def main() -> int:
    """Measure what was asked for, and write what was asked for."""
    options = parse()
    if options.one:
        return measure_here(options)
    rows: list[dict[str, Any]] = [row for path in options.earlier for row in json.loads(path.read_text())["rows"]]
    machine: list[str] = [line for path in options.earlier for line in json.loads(path.read_text())["machine"]]
    if not options.earlier or options.only:
        figures = [figure for figure in FIGURES if not options.only or figure.number in options.only]
        found, missing = find_peers(figures) if options.peers else ([], [])
        made = [measured(figure, peers.ours(), options) for figure in figures if not options.only_peers]
        made += [measured(figure, peer, options) for peer in found for figure in figures if peer.name in figure.peers]
        for name in missing:
            print(f"left out, because it could not be installed: {name}", file=sys.stderr)
        again = {(row["figure"], row["subject"]) for row in made}
        rows = sorted([row for row in rows if (row["figure"], row["subject"]) not in again] + made, key=place)
        machine += described(found, short=options.short)
    machine = list(dict.fromkeys(machine))
    if options.json:
        options.json.write_text(json.dumps({"machine": machine, "rows": rows}, indent=1) + "\n")
    text = report.markdown(FIGURES, rows, machine)
    if options.docs:
        before, _, rest = PAGE.read_text().partition(BEGIN)
        PAGE.write_text(f"{before}{BEGIN}\n{text}\n\n{END}{rest.partition(END)[2]}")
    print(text)
    return int(any(row["passed"] is False for row in rows if row["subject"] == report.OURS))


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="tox -e score --", description="Score the reliability of assetstore.")
    add = parser.add_argument
    add("--short", action="store_true", help="few cases of each figure: a minute in all instead of twelve")
    add("--only", nargs="+", type=int, choices=[figure.number for figure in FIGURES], metavar="NUMBER", help="only these")
    add("--peers", action="store_true", help="measure the peers too, where the same harness can be pointed at them")
    add("--only-peers", action="store_true", help="measure the peers and not assetstore; implies --peers")
    add("--seed", type=int, default=SEED, help="what every random choice begins with")
    add("--json", type=Path, metavar="PATH", help="write the results as JSON too")
    add("--from", nargs="+", default=[], type=Path, dest="earlier", metavar="PATH", help=EARLIER)
    add("--docs", action="store_true", help="write the results into docs/reliability.md too")
    add("--one", metavar="SUBJECT", help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.peers = options.peers or options.only_peers
    return options


def measured(figure: Figure, subject: Peer, options: argparse.Namespace) -> dict[str, Any]:
    """Measure a figure of a subject in a process of its own, which nothing can bring down with it; return its row."""
    print(f"{figure.number}. {figure.name}: {subject.name} …", end=" ", file=sys.stderr, flush=True)
    command = [sys.executable, "-m", "score", "--only", str(figure.number), "--seed", str(options.seed)]
    command += ["--one", json.dumps(attrs.asdict(subject))] + (["--short"] if options.short else [])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    began = time.monotonic()
    row: dict[str, Any] = {"figure": figure.number, "subject": subject.name, "notes": [], "left_out": []}
    try:
        done = subprocess.run(
            command, stdout=subprocess.PIPE, text=True, check=False, timeout=_MOST_SECONDS, env=environment
        )
        row |= json.loads(done.stdout.splitlines()[-1]) if done.returncode == 0 else _failed(f"exit {done.returncode}")
    except subprocess.TimeoutExpired:
        row |= _failed(f"no result within {_MOST_SECONDS} s")
    row["seconds"] = time.monotonic() - began
    print(f"{row['value']} ({row['seconds']:.0f} s)", file=sys.stderr, flush=True)
    return row


def _failed(why: str) -> dict[str, Any]:
    return {"value": "the harness failed", "passed": False, "notes": [why]}


def measure_here(options: argparse.Namespace) -> int:
    """Measure one figure of one subject in this process, and print the outcome as the last line."""
    (figure,) = (figure for figure in FIGURES if figure.number in options.only)
    with tempfile.TemporaryDirectory(prefix="assetstore-score-") as folder:
        subject = Peer(**json.loads(options.one))
        try:
            outcome = figure.measure(Run(subject=subject, short=options.short, folder=Path(folder), seed=options.seed))
            result = attrs.asdict(outcome)
        except LeftOutError as missing:
            result = {"value": "left out", "passed": None, "left_out": [str(missing)]}
    print(json.dumps(result))
    return 0


def find_peers(figures: Sequence[Figure]) -> tuple[list[Peer], list[str]]:
    """Install the peers of these figures; return those that there are, and the names of the others."""
    names = [name for name in peers.REQUIREMENTS if any(name in figure.peers for figure in figures)]
    return find(names, peers.REQUIREMENTS)


def place(row: dict[str, Any]) -> tuple[int, int, int]:
    """Return where a row belongs: assetstore first, then the peers, each figure in its turn."""
    name = row["subject"]
    return name != report.OURS, list(peers.REQUIREMENTS).index(name) if name in peers.REQUIREMENTS else 0, row["figure"]


def described(found: Sequence[Peer], *, short: bool) -> list[str]:
    """Return on what it was measured, and what."""
    system = f"{os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"
    versions = ", ".join(f"{peer.name} {peer.version}" for peer in [peers.ours(), *found])
    return [f"{date.today()}. {system}. {versions}.{' The short form.' if short else ''}"]


if __name__ == "__main__":
    sys.exit(main())
