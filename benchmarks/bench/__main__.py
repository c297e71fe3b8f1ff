"""Run: ``tox -e bench -- [--quick] [--doors] [--between] [--only NAME …]``; ``--help`` explains the options.

Prints the tables as Markdown, and on stderr what it is about to do. What it leaves out it names in one line.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import ssl
import subprocess
import sys
import tempfile
from datetime import date
from pathlib import Path
from typing import Any

from bench import chart, peers, report, targets
from bench.measure import Bench, Samples
from bench.server import running
from bench.works import WORKS

Results = dict[str, Any]
"""``machine``, ``left_out`` and ``failures`` are texts, ``targets`` are rows and ``tables`` tables of ``bench.report``."""

EARLIER = "begin with what earlier runs wrote by --json, and measure only what --only says"
BENCHMARKS = Path(__file__).parent.parent
SCRIPTS = ("presign", "start_up", "overhead", "local_disk")
"""Benchmarks of their own that write a table as JSON."""
DOOR_SCRIPTS = ("doors",)
"""Likewise, with ``--doors``."""
QUICK_SCRIPTS, QUICK_ROUNDS = SCRIPTS[:3], 3
PAGE = peers.ROOT / "docs" / "benchmarks.md"
PICTURE = peers.ROOT / "docs" / "benchmarks.svg"
BEGIN, END = "<!-- measured -->\n", "<!-- end -->\n"
DOORS_BEGIN, DOORS_END = "<!-- doors -->\n", "<!-- end of doors -->\n"
BETWEEN_BEGIN, BETWEEN_END = "<!-- between -->\n", "<!-- end of between -->\n"


def main() -> None:
    """Measure what was asked for, and write what was asked for."""
    options = parse()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what was written for a measurement goes with it
    results: Results = {"machine": [], "left_out": [], "failures": [], "targets": [], "tables": []}
    for path in options.earlier:
        results = merged(results, json.loads(path.read_text()))
    if not options.earlier or options.only:
        results = merged(results, measured(options))
    if options.json:
        options.json.write_text(json.dumps(results, indent=1) + "\n")
    text = report.markdown(results)
    if options.docs:
        begin, end = BEGIN, END
        if options.doors or options.between:
            begin, end = (DOORS_BEGIN, DOORS_END) if options.doors else (BETWEEN_BEGIN, BETWEEN_END)
        before, _, rest = PAGE.read_text().partition(begin)
        PAGE.write_text(f"{before}{begin}\n{text}\n{end}{rest.partition(end)[2]}")
        if not options.doors and not options.between:
            PICTURE.write_text(chart.svg(results["tables"]))
    print(text)


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="tox -e bench --", description="Measure assetstore beside its peers.")
    names = [*(work.name for work in WORKS), *SCRIPTS, *DOOR_SCRIPTS]
    add = parser.add_argument
    add("--quick", action="store_true", help="fewer rounds and smaller numbers: some minutes instead of an hour")
    add("--doors", action="store_true", help="the doors instead: fsspec, Django, asynchronous calls, metrics and traces")
    add("--between", action="store_true", help="what goes on between two places instead: sync and check")
    add("--only", nargs="+", choices=names, metavar="NAME", help=f"only these: {', '.join(names)}")
    add("--without", nargs="+", default=[], choices=peers.REQUIREMENTS, metavar="PEER", help="leave out these peers")
    add("--rounds", type=int, help="how many rounds, for every work")
    add("--json", type=Path, metavar="PATH", help="write the results as JSON too")
    add("--from", nargs="+", default=[], type=Path, dest="earlier", metavar="PATH", help=EARLIER)
    add("--docs", action="store_true", help="write the results into docs/benchmarks.md and docs/benchmarks.svg too")
    return parser.parse_args()


def measured(options: argparse.Namespace) -> Results:
    """Measure."""
    quick = options.quick and not options.doors  # of the doors only the numbers are smaller then
    asked = (options.doors, options.between)
    usual = [work.name for work in WORKS if (work.door, work.between) == asked and (work.in_quick or not quick)]
    chosen = [work for work in WORKS if work.name in (options.only or usual)]
    names = sorted({each.client for work in chosen for each in work.contenders} - set(peers.OURS))
    found, missing = peers.find([name for name in names if name not in options.without])
    samples: list[Samples] = []
    counts: report.Counts = {}
    if chosen:
        with tempfile.TemporaryDirectory(prefix="assetstore-bench-") as folder, running(Path(folder)) as site:
            bench = Bench(site, {peer.name: peer for peer in [*peers.ours(), *found]}, quick=options.quick)
            samples = [bench.measure(work, options.rounds or (1 if options.quick else work.rounds)) for work in chosen]
            counts = bench.counts
    usual_scripts = DOOR_SCRIPTS if options.doors else () if options.between else QUICK_SCRIPTS if options.quick else SCRIPTS
    scripts = options.only or usual_scripts
    tables, failures = run_scripts([name for name in (*SCRIPTS, *DOOR_SCRIPTS) if name in scripts], options)
    return {
        "machine": machine(found, quick=options.quick),
        "left_out": missing,
        "failures": [f"{each.work.name}: {label}: {why}" for each in samples for label, why in each.failures.items()]
        + failures,
        "targets": targets.judged(samples) + targets.judged_scripts(tables),
        "tables": [table for each in samples for table in report.tables(each, counts)] + tables,
    }


def merged(earlier: Results, later: Results) -> Results:
    """Return the results of two runs; what both measured is taken from the later one."""
    titles = {table["title"] for table in later["tables"]}
    works = {row["work"] for row in later["targets"]}
    return {
        "machine": list(dict.fromkeys([*earlier["machine"], *later["machine"]])),
        "left_out": sorted({*earlier["left_out"], *later["left_out"]}),
        "failures": [*earlier["failures"], *later["failures"]],
        "targets": [row for row in earlier["targets"] if row["work"] not in works] + later["targets"],
        "tables": [table for table in earlier["tables"] if table["title"] not in titles] + later["tables"],
    }


def run_scripts(names: list[str], options: argparse.Namespace) -> tuple[list[report.Table], list[str]]:
    """Run the benchmarks that are scripts; return their tables, and which failed."""
    tables, failures = [], []
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            path = Path(folder, f"{name}.json")
            rounds = [str(options.rounds or QUICK_ROUNDS)] if options.rounds or options.quick else []
            command = [sys.executable, str(BENCHMARKS / f"{name}.py"), *rounds, "--json", str(path)]
            print(f"running {name}.py", file=sys.stderr, flush=True)
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                failures.append(f"{name}.py: {done.stderr.strip().splitlines()[-1][:300].replace(f'{peers.ROOT}/', '')}")
            else:
                tables.append(completed(json.loads(path.read_text())))
    return tables, failures


def completed(table: report.Table) -> report.Table:
    """Return a script's table; where it does not say so, ratios are of wall clock, to the first row of the same work."""
    first: dict[str, str] = {}
    for row in table["rows"]:
        row.setdefault("measure", "wall")
        row.setdefault("base", first.setdefault(row["work"], row["contender"]))
    return table


def machine(found: list[peers.Peer], *, quick: bool) -> list[str]:
    """Return on what it was measured, and what."""
    python, openssl = f"Python {platform.python_version()}", " ".join(ssl.OPENSSL_VERSION.split()[:2])
    system = f"{os.cpu_count()} cores, {platform.system()}, {python}, {openssl}"
    versions = ", ".join(f"{peer.name} {peer.version}" for peer in [*peers.ours()[:1], *found])
    how = "A quick run: small numbers, few rounds." if quick else ""
    return [line for line in (f"{date.today()}. {system}.", f"{versions}.", how) if line]


if __name__ == "__main__":
    main()
