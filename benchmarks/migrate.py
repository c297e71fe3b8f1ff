"""Migrations in figures: the rate and memory of a plan, a run on Dask with a killed worker, and a simulation of R2.

::

    python benchmarks/migrate.py plan --count 100000000     # walks and compares computed assets, writes every manifest
    python benchmarks/migrate.py dask --count 200000        # two buckets of SeaweedFS, two workers, one of them is killed
    python benchmarks/migrate.py simulate                   # time and dollars for 10^8 assets, by workers

``dask`` needs ``tests`` on the path, for SeaweedFS: ``PYTHONPATH=tests``.
"""

from __future__ import annotations

import argparse
import os
import resource
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from assetstore import open_store
from assetstore.migrate import RunReport, ShardResult, plan, run, verify

CLASS_A, CLASS_B, STORAGE = 4.50, 0.36, 0.015
"""R2's dollars for a million requests of each class, and for a GB that is kept for a month."""
PAGE = 1_000
SHARD = 10_000
BEAT_SECONDS = 15
"""A lease is written again so often."""


def main() -> None:
    """Run what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    planning = commands.add_parser("plan")
    planning.set_defaults(call=measure_plan)
    planning.add_argument("--count", type=int, default=10_000_000)
    planning.add_argument("--equal", action="store_true", help="the destination has everything, so no manifest is written")
    dask = commands.add_parser("dask")
    dask.set_defaults(call=measure_dask)
    dask.add_argument("--count", type=int, default=200_000)
    dask.add_argument("--workers", type=int, default=2)
    dask.add_argument("--size", type=int, default=2_000)
    simulation = commands.add_parser("simulate")
    simulation.set_defaults(call=simulate)
    simulation.add_argument("--count", type=int, default=100_000_000)
    simulation.add_argument("--size", type=int, default=20_000, help="mean bytes of an asset")
    simulation.add_argument("--copies", type=float, default=650, help="assets that one core copies a second (dask)")
    simulation.add_argument("--keys", type=float, default=75_000, help="keys that one core plans a second (plan)")
    simulation.add_argument("--latency", type=float, default=0.1, help="seconds of a small request to R2")
    simulation.add_argument("--concurrency", type=int, default=50, help="assets at once in a worker")
    simulation.add_argument("--bucket-limit", type=float, default=5_000, help="writes a second that a bucket takes, a guess")
    arguments = vars(parser.parse_args())
    arguments.pop("call")(**arguments)


def measure_plan(count: int, equal: bool) -> None:
    """Plan a migration of computed assets, say each minute how far it is, and print rate and memory."""
    source = f"synthetic:?count={count}&seed=7&size=20000"
    done, began, shown = 0, time.monotonic(), time.monotonic()

    def progress(keys: int) -> None:
        nonlocal done, shown
        done += keys
        if time.monotonic() - shown > 60:
            shown = time.monotonic()
            line(done)

    def line(keys: int) -> None:
        seconds = time.monotonic() - began
        print(
            f"{keys:,} keys in {seconds:,.0f} s: {keys / seconds:,.0f} keys/s,"
            f" {keys / time.process_time():,.0f} keys per second of CPU, {memory():.0f} MB at most",
            flush=True,
        )

    with tempfile.TemporaryDirectory() as folder:
        made = plan(source, source if equal else f"{source}&filled=no", folder, progress=progress)
        line(count)
        size = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
    print(f"{made.shards:,} shards of {made.tally.objects:,} assets, {size / 1e6:,.0f} MB of manifests", flush=True)


def memory() -> float:
    """Return the most memory that this process has had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure_dask(count: int, workers: int, size: int) -> None:
    """Move assets from one bucket to another on a cluster of this machine, and kill a worker on the way."""
    from servers import seaweedfs

    with tempfile.TemporaryDirectory() as folder, seaweedfs(Path(folder)) as server:
        configure(Path(folder), server)
        timed("filled the first bucket", lambda: (plan(f"synthetic:?count={count}&size={size}", "first:a/", "first:f/"),
            run("first:f/"))[1])
        made = plan("first:a/", "second:a/", "first:w/", shard_keys=min(SHARD, max(1, count // 20)), lease_seconds=20)
        print(f"planned {made.tally.objects:,} assets in {made.shards:,} shards", flush=True)
        killer = Killer()
        timed(f"migrated on {workers} workers", lambda: run("first:w/", engine=f"dask:{workers}", on_result=killer.see))
        print(f"killed the worker {killer.killed}", flush=True)
        began = time.monotonic()
        verified = verify("first:w/")
        print(f"verified in {time.monotonic() - began:,.0f} s: {verified}", flush=True)
        sys.exit(0 if verified.same and verified.equal == count else 1)


def configure(folder: Path, server: object) -> None:
    """Name both buckets in a configuration that the workers find too."""
    url = "s3://{}?endpoint_url=" + server.endpoint_url
    lines = (f'[stores.{name}]\nurl = "{url.format(bucket)}"\n' for name, bucket in (
        ("first", server.bucket), ("second", server.other_bucket)))
    (folder / "assetstore.toml").write_text("\n".join(lines))
    os.chdir(folder)
    os.environ |= {"AWS_ACCESS_KEY_ID": server.access_key, "AWS_SECRET_ACCESS_KEY": server.secret_key}
    os.environ |= {"AWS_REGION": server.region}


class Killer:
    """Kills the process that holds a shard once a quarter of a minute has gone by and a shard has ended."""

    def __init__(self) -> None:
        self.killed: int | None = None

    def see(self, result: ShardResult) -> None:
        """Look at the leases when a shard has ended."""
        print(f"  {result.shard} {result.state}: {result.copied:,} copied in {result.seconds:,.0f} s", flush=True)
        work = open_store("first").scoped("w/")
        owners = [int(work.read(info.key).decode().split("-")[-2]) for info in work.list("0001/leases/")]
        if self.killed is None and owners:
            self.killed = owners[0]
            # The shard that it holds is then in the middle.
            threading.Timer(5, os.kill, (self.killed, signal.SIGKILL)).start()


def timed(what: str, call: Callable[[], RunReport]) -> None:
    """Print how long a run took and how much of the processor this process and its children had."""
    began, before = time.monotonic(), cpu()
    report = call()
    seconds, used = time.monotonic() - began, cpu() - before
    count = report.copied + report.present
    print(
        f"{what} in {seconds:,.0f} s: {report.copied:,} copied, {report.present:,} there already, {report.failed:,} failed,"
        f" {count / seconds:,.0f} assets/s, {count / used:,.0f} per second of CPU",
        flush=True,
    )


def cpu() -> float:
    """Return the seconds of CPU of this process and of the children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def simulate(
    count: int, size: int, copies: float, keys: float, latency: float, concurrency: int, bucket_limit: float
) -> None:
    """Print a table of time and dollars for a migration from one bucket of R2 to another, by the number of workers."""
    pages = -(-count // PAGE)
    planning = max(count / keys, pages * latency)
    one = min(copies, concurrency / (2 * latency))  # a read and a write for each asset
    print("| workers | assets a second | plan | run | requests | work folder | in all |")
    print("|---|---|---|---|---|---|---|")
    for workers in (1, 10, 100):
        rate = min(workers * one, bucket_limit)
        seconds = count / rate
        shards = -(-count // SHARD)
        beats = workers * seconds / BEAT_SECONDS
        copying = (count * (CLASS_A + CLASS_B) + 2 * pages * CLASS_A) / 1e6
        work = ((3 * shards + beats) * CLASS_A + (3 * shards + beats) * CLASS_B) / 1e6
        print(
            f"| {workers} | {rate:,.0f} | {hours(planning)} | {hours(seconds)} | ${copying:,.2f} | ${work:,.2f}"
            f" | ${copying + work:,.2f} |"
        )
    print(f"\n{count * size / 1e12:,.1f} TB at the destination: ${count * size / 1e9 * STORAGE:,.2f} a month.")


def hours(seconds: float) -> str:
    """Return a time for people."""
    return f"{seconds / 86400:,.1f} days" if seconds > 2 * 86400 else f"{seconds / 3600:,.1f} h"


if __name__ == "__main__":
    main()
