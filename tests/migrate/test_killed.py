"""Processes that are killed in the middle of a run: nothing is lost, and a shard at most is repeated."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from pathlib import Path

from assetstore import AssetStore, open_store
from assetstore.migrate import plan, run, status, verify

ASSETS, SHARD = 250, 5
TIMES = 10

# Ends itself, as kill -9 does, after so many operations on the three stores, while other threads are at theirs.
RUN = """
import os, signal, sys
from assetstore import AssetStore
from assetstore.migrate import run
from assetstore.plugin import hookimpl
from assetstore_local import LocalBackend

class Killer:
    left = int(sys.argv[2])

    @hookimpl
    def assetstore_event(self, event):
        Killer.left -= 1
        if Killer.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

def store(name):
    return AssetStore(LocalBackend(root=os.path.join(sys.argv[1], name)), plugins=[Killer()], name=name)

run(store("work"), source=store("old"), destination=store("new"), wait=False)
"""


def stores(folder: Path) -> tuple[AssetStore, AssetStore, AssetStore]:
    """Return the source, the destination and the store of the work folder."""
    old, new, work = (open_store(f"file:{folder}/{name}") for name in ("old", "new", "work"))
    return old, new, work


def test_processes_that_are_killed_lose_nothing_and_repeat_a_shard_at_most(tmp_path: Path) -> None:
    """Killed ten times at random points, a migration ends with every asset; each kill repeats at most one shard."""
    old, new, work = stores(tmp_path)
    for number in range(ASSETS):
        old.upload(b"%d" % number, f"maps/{number:04d}.txt")
    plan(old, new, work, shard_keys=SHARD, lease_seconds=4)
    point = random.Random(20261128)
    killed = 0
    for _ in range(TIMES):
        command = [sys.executable, "-c", RUN, str(tmp_path), str(point.randrange(1, 60))]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode in (0, -signal.SIGKILL), done.stderr
        killed += done.returncode == -signal.SIGKILL
    assert killed > TIMES // 2
    run(work, source=old, destination=new)
    found = status(work)
    assert (ASSETS, 0) == (found.copied + found.present, found.failed)
    assert found.present <= killed * SHARD
    assert (found.shards, 0) == (found.done, found.leased + found.stale)
    verified = verify(work, source=old, destination=new, download=True)
    assert (ASSETS, True) == (verified.equal, verified.same)
