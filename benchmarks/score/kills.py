"""Figure 1: processes are killed at random moments of their work, and nothing may be torn, lost or half visible.

Afterwards all that was left over is made to look two hours old, and ``assetstore gc`` has to delete it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from score.figure import Outcome, Run
from score.killed import KINDS
from score.local_stores import STORES, Assetstore
from score.workers import PROCESSES, grouped, share

_KILLS, _SHORT_KILLS = 200, 24
_LONGEST_SECONDS = 0.1
_AGE_SECONDS = 7200


def measure(run: Run) -> Outcome:
    """Kill, look, and remove what is left over."""
    kills = (_SHORT_KILLS if run.short else _KILLS) // PROCESSES
    answers = share(run, "killed", kills=kills, longest=_LONGEST_SECONDS)
    faults = [(wrong, kind) for answer in answers for wrong, kind in answer["faults"]]
    left = [name for answer in answers for name in answer["hidden"]]
    lacking = [kind for kind, call in KINDS.items() if not STORES[run.subject.name].can(call)]
    stays = left
    if run.subject.name == "assetstore":
        stays = [name for answer in answers for name in _after_collecting(Path(answer["base"]))]
    return Outcome(
        value=f"{len(faults)} in {kills * PROCESSES} kills, {len(stays)} leftovers of {len(left)} stay",
        passed=not faults and not stays,
        notes=(*grouped(faults), *([f"{len(stays)} leftovers stay: {', '.join(stays[:3])}"] if stays else [])),
        left_out=(f"{run.subject.name} has no {', '.join(lacking)}",) if lacking else (),
    )


def _after_collecting(base: Path) -> list[str]:
    """Let ``assetstore gc`` delete what is left over, as if it were old; return what stays."""
    past = time.time() - _AGE_SECONDS
    for folder, folders, files in os.walk(base, topdown=False):
        for name in (*folders, *files):
            os.utime(Path(folder, name), (past, past))
    command = [sys.executable, "-m", "assetstore", "gc", "--older-than", "1h", "--delete", "--yes"]
    for place in ([f"file:{base / 'root'}"], ["--downloads", str(base / "target")]):
        subprocess.run([*command, *place], capture_output=True, check=True)
    opened = Assetstore(base / "root")
    again = [item.name for item in opened.store.collect().items]
    unfinished = [path.name for path in (base / "target").iterdir() if path.name != "a"]
    return [*again, *opened.hidden(), *unfinished]
