"""Figure 10: random walks through three stores agree with a dict, and interrupted copies and moves lose and repeat nothing.

The walks meet the faults of a plugin, rivals that want the same key, on R2's plugin those of the network too, and in the
folder and the bucket a process that writes other keys all the time.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import servers
from score.figure import Outcome, Run
from score.interrupted import interrupted
from score.workers import work

STEPS = {"MemoryRivals": 4600, "LocalRivals": 4600, "BucketRivals": 800}
SHORT = {"MemoryRivals": 200, "LocalRivals": 150, "BucketRivals": 50}
ROUNDS, SHORT_ROUNDS = 60, 3
PAUSE = 0.01
"""Seconds between two steps of a rival, so that it leaves time to others."""


def measure(run: Run) -> Outcome:
    """Walk, and interrupt."""
    planned = SHORT if run.short else STEPS
    for name in ("server", "walks", "killed"):
        (run.folder / name).mkdir()
    with servers.emulator(run.folder / "server") as server:
        bucket = {"endpoint_url": server.endpoint_url, "bucket": server.bucket}
        bucket |= {"access_key": server.access_key, "secret_key": server.secret_key}
        folder = {"backend": "local", "root": str(run.folder / "walks")}
        with rival(folder, run.seed) as first, rival({"backend": "r2", **bucket}, run.seed) as second:

            def walked(machine: str) -> dict[str, Any]:
                own = {"bucket": bucket if machine == "BucketRivals" else None, "root": folder["root"]}
                made: dict[str, Any] = work(run, "model_walk", machine=machine, steps=planned[machine], **own)
                return made

            with ThreadPoolExecutor(len(planned)) as pool:
                walking = {machine: pool.submit(walked, machine) for machine in planned}
                other = {"backend": "r2", **bucket, "bucket": server.other_bucket}
                kept = interrupted(run, other, SHORT_ROUNDS if run.short else ROUNDS)
                walks = {machine: walk.result() for machine, walk in walking.items()}
    return outcome(walks, {"folder": first, "bucket": second}, kept, sum(planned.values()))


@contextmanager
def rival(store: Mapping[str, Any], seed: int) -> Iterator[dict[str, int]]:
    """Run a rival until the block ends; then the result has ``steps`` and ``wrong``."""
    command = [sys.executable, "-m", "score.rival"]
    found: dict[str, int] = {}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(json.dumps({"store": store, "seed": seed, "pause": PAUSE}) + "\n")
        process.stdin.flush()
        process.stdout.readline()
        try:
            yield found
        finally:
            last, _ = process.communicate()
    found |= json.loads(last)


def outcome(
    walks: Mapping[str, Any], rivals: Mapping[str, Mapping[str, int]], kept: Mapping[str, list[str]], wanted: int
) -> Outcome:
    """Return the figure."""
    steps = sum(walk["steps"] for walk in walks.values())
    notes = [f"{name} diverged: {walk['diverged'][-1500:]}" for name, walk in walks.items() if walk["diverged"]]
    for place, each in rivals.items():
        if each["wrong"] or not each["steps"]:
            notes.append(f"the rival in the {place} was wrong in {each['wrong']} of {each['steps']} steps")
    for found in kept.values():
        notes += [f"{found.count(text)} × {text}" for text in sorted(set(found))]
    lost, again = len(kept["lost"]), len(kept["again"])
    return Outcome(
        value=f"{steps:,} steps; {again} repeated, {lost} lost",
        passed=not notes and steps >= wanted,
        notes=tuple(notes),
    )
