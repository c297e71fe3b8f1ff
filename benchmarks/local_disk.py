"""Durable uploads to a folder beside ``cp`` and ``sync -f``, in rounds that alternate; the ratios are of wall clock.

``rsync`` takes part where it is installed.

Run: ``python benchmarks/local_disk.py [ROUNDS] [--json PATH] [--folder FOLDER]``. The folder, by default the current one,
says which disk is measured; it needs 4 GB. Small files stay until the end, because a file system may be slow to make files
right after it removed some.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from alternating import Cost

COUNT, SIZE, BIG = 4_000, 16 << 10, 1 << 30
COPY = 'cp -r "$1" "$2" && sync -f "$2"'
RSYNC = 'rsync -r "$1" "$2" && sync -f "$2"'
PROGRAM = """
import json, os, resource, sys, time
from assetstore import AssetStore
from assetstore_local import LocalBackend
source, root, how = sys.argv[1:]
store = AssetStore(LocalBackend(root=root, durable=how != "not durable"))
names = sorted(os.listdir(source)) if os.path.isdir(source) else []
files = [(f"{source}/{name}", name) for name in names] or [(source, "big")]
wall, cpu = time.perf_counter(), time.process_time()
if how == "together":
    errors = [result.error for result in store.upload_many(files) if result.error]
    assert not errors, errors[0]
else:
    for path, key in files:
        store.upload(path, key)
wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
print(json.dumps([wall, cpu, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))
"""
Run = Callable[[str], Cost]


def process(*command: str) -> Cost:
    """Run a program; return what it took."""
    before = time.perf_counter()
    child = os.posix_spawnp(command[0], command, os.environ)
    _, status, usage = os.wait4(child, 0)
    if status:
        raise SystemExit(f"{command[0]} failed")
    return Cost(time.perf_counter() - before, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def copying(source: str, command: str = COPY) -> Run:
    """Return what copies with a command and flushes the file system."""
    return lambda target: process("sh", "-c", command, "sh", source, target)


def storing(source: str, how: str) -> Run:
    """Return what uploads to a folder in a new process, whose start does not count."""

    def run(target: str) -> Cost:
        command = [sys.executable, "-c", PROGRAM, source, target, how]
        return Cost(*json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout))

    return run


def rows_of(work: str, contenders: dict[str, Run], folder: Path, rounds: int, *, keep: bool) -> list[dict[str, Any]]:
    """Measure each contender once a round; the first is what the others are compared with."""
    costs: dict[str, list[Cost]] = {name: [] for name in contenders}
    for number in range(rounds):
        for name, run in contenders.items():
            target = folder / f"{work} {name} {number}".replace(" ", "-")
            os.sync()
            costs[name].append(run(str(target)))
            if not keep:
                (shutil.rmtree if target.is_dir() else os.unlink)(target)
    base = next(iter(costs.values()))
    rows = []
    for name, mine in costs.items():
        ratios = [cost.wall / other.wall for cost, other in zip(mine, base, strict=True)]
        row: dict[str, Any] = {"work": work, "contender": name, "ratio_min": min(ratios)}
        row |= {"ratio_median": statistics.median(ratios), "ratio_max": max(ratios)}
        rows.append(row | {field: statistics.median(getattr(cost, field) for cost in mine) for field in Cost._fields})
        print("{work}, {contender}: {ratio_median:.2f} ({ratio_min:.2f} to {ratio_max:.2f}),".format_map(row), end=" ")
        print("{wall:.2f} s, CPU {cpu:.2f} s, {peak_mb:.0f} MB".format_map(rows[-1]), flush=True)
    return rows


def main() -> None:
    """Measure many small files, then a big one."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("rounds", nargs="?", type=int, default=5)
    parser.add_argument("--json", type=Path, metavar="PATH", help="write the figures here too")
    parser.add_argument("--folder", type=Path, default=Path(), help="a folder on the disk to measure")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as made:
        folder = Path(made)
        small, big = folder / "small", folder / "big"
        small.mkdir()
        for number in range(COUNT):
            (small / f"{number:05}").write_bytes(os.urandom(SIZE))
        with big.open("wb") as file:
            for _ in range(BIG >> 20):
                file.write(os.urandom(1 << 20))
        many = {"cp -r and sync -f": copying(str(small)), "assetstore upload_many": storing(str(small), "together")}
        many |= {"assetstore one by one": storing(str(small), "each"), "not durable": storing(str(small), "not durable")}
        one = {"cp and sync -f": copying(str(big)), "assetstore upload": storing(str(big), "each")}
        if shutil.which("rsync"):
            many["rsync -r and sync -f"] = copying(f"{small}/", RSYNC)
            one["rsync and sync -f"] = copying(str(big), RSYNC)
        rows = rows_of(f"{COUNT} x 16 KiB", many, folder, options.rounds, keep=True)
        rows += rows_of("1 GiB", one, folder, options.rounds, keep=False)
    if options.json:
        text = json.dumps({"title": "Uploads to a folder, × the wall clock of cp and sync -f", "rows": rows}, indent=1)
        options.json.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
