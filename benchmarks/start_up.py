"""CPU of a start: programs that import assetstore and short commands beside bare Python, each in processes of its own.

Run: ``python benchmarks/start_up.py [ROUNDS] [--json PATH]``. The bytecode is compiled before, into a folder of its own.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from alternating import Cost, arguments, show, table

BARE = "bare Python"
COMMAND = "from assetstore.cli import main; main()"
PROGRAMS: dict[str, tuple[str, ...]] = {
    BARE: ("pass",),
    "assetstore: import assetstore": ("import assetstore",),
    "assetstore: from assetstore import open_store": ("from assetstore import open_store",),
    "assetstore --help": (COMMAND, "--help"),
    "assetstore -s file:assets list": (COMMAND, "-s", "file:assets", "list"),
    "import obstore": ("import obstore",),
    "import boto3": ("import boto3",),
}


def started(program: str, *given: str) -> Callable[[], Cost]:
    """Return what runs a program in a new process and tells what that took."""

    def run() -> Cost:
        before = time.perf_counter()
        actions = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
        child = os.posix_spawn(sys.executable, [sys.executable, "-c", program, *given], os.environ, file_actions=actions)
        _, status, usage = os.wait4(child, 0)
        if status:
            raise SystemExit(f"{program} failed")
        return Cost(time.perf_counter() - before, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)

    return run


def main() -> None:
    """Measure in a folder with one asset."""
    options = arguments(__doc__ or "", rounds=31)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["PYTHONPYCACHEPREFIX"] = f"{folder}/bytecode"
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        os.chdir(folder)
        Path("assets").mkdir()
        Path("assets", "keep.webp").write_bytes(b"abc")
        contenders = {name: started(*program) for name, program in PROGRAMS.items()}
        made = table("Start-up: one process", "start-up", contenders, base=BARE, rounds=options.rounds)
    show(made, options.json)
    bare = next(row["cpu"] for row in made["rows"] if row["contender"] == BARE)
    above = [f"{row['contender']} {(row['cpu'] - bare) * 1e3:.0f}" for row in made["rows"] if row["contender"] != BARE]
    print(f"ms of CPU above {BARE}: {', '.join(above)}")


if __name__ == "__main__":
    main()
