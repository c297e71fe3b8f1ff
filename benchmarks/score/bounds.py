"""Figure 9: how far an operation overruns its deadline, what memory a pipe of 1 GiB takes, and how soon a FIFO is refused.

Each call runs in a process of its own. assetstore's ``timeout`` counts beside the time in which bytes move; those have 30 s
to move at ``min_rate``. So a stalled transfer has both, and everything else ``timeout`` alone. Each peer is told the same
seconds for all its timeouts, which mostly are for one attempt or one wait; what counts is when the call ends.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from bench.peers import ROOT
from score.figure import Outcome, Run
from score.zeros import STALLS, stalling, zeros

_TIMEOUT = 2.0
_WINDOW = 30.0
_TRANSFERS = ("body", "slow body", "upload")
_GIVE_UP, _NO_REFUSAL = 60.0, 10.0
_WORST_OVERRUN, _MOST_GROWN, _SLOWEST_REFUSAL = 1.0, 64 << 20, 0.1
_BYTES, _SHORT_BYTES = 1 << 30, 64 << 20


def measure(run: Run) -> Outcome:
    """Stall, pipe, and offer a FIFO."""
    stalls = [stall for stall in STALLS if not run.short or stall not in _TRANSFERS]
    with ThreadPoolExecutor(len(stalls) + 1) as pool:
        piped = pool.submit(_piped, run)
        found = dict(zip(stalls, pool.map(lambda stall: _stalled(run, stall), stalls), strict=True))
        grown, left_out = piped.result()
    overruns = {stall: made["seconds"] - _deadline(run, stall) for stall, made in found.items()}
    refused = _call(run, "fifo", url=_folder(run), path=_fifo(run), warm=False) if _is_ours(run) else _fifo_of_peer(run)
    if refused["error"] == "lacking":
        left_out.append(f"{run.subject.name} takes no path of a file")
    worst, most = max(overruns.values()), max(grown.values(), default=0)
    passed = worst <= _WORST_OVERRUN and most <= _MOST_GROWN and refused["seconds"] <= _SLOWEST_REFUSAL
    last = max(made["seconds"] for made in found.values())
    ended = f"{_seconds(worst, _GIVE_UP - _TIMEOUT)} (the last call ended after {last:.0f} s)"
    value = f"{ended}; {most / 2**20:.0f} MiB; {_seconds(refused['seconds'], _NO_REFUSAL, 3)}"
    return Outcome(
        value=value,
        passed=passed and all(made["error"] != "" for made in (*found.values(), refused)),
        notes=(
            *(f"{STALLS[stall]}: {over:.1f} s too late" for stall, over in overruns.items() if over > _WORST_OVERRUN),
            *(f"{way}: {size / 2**20:.0f} MiB more" for way, size in grown.items() if size > _MOST_GROWN),
            *(["a FIFO is not refused"] if refused["error"] in ("", "no end") else []),
        ),
        left_out=tuple(left_out),
    )


def _is_ours(run: Run) -> bool:
    return run.subject.name == "assetstore"


def _deadline(run: Run, stall: str) -> float:
    return _TIMEOUT + (_WINDOW if _is_ours(run) and stall in _TRANSFERS else 0)


def _seconds(seconds: float, most: float, digits: int = 1) -> str:
    return f"{'> ' if seconds > most - 1 else ''}{seconds:.{digits}f} s"


def _folder(run: Run) -> str:
    return f"file:{run.folder / 'root'}"


def _fifo(run: Run) -> str:
    path = run.folder / "fifo"
    os.mkfifo(path)
    return str(path)


def _fifo_of_peer(run: Run) -> dict[str, Any]:
    with zeros() as url:
        return _call(run, "fifo", url=url, path=_fifo(run), warm=True, most=_NO_REFUSAL)


def _stalled(run: Run, stall: str) -> dict[str, Any]:
    call = "put" if stall in ("upload", "connect") else "get"
    with stalling(stall) as url:
        return _call(run, call, url=url, size=(256 << 20) if stall == "upload" else 1000, warm=False)


def _piped(run: Run) -> tuple[dict[str, int], list[str]]:
    """Return by how much the memory grew in each direction, and what could not be tried."""
    size = _SHORT_BYTES if run.short else _BYTES
    grown, left_out = {}, []
    with zeros() as url:
        for place in ([_folder(run)] if _is_ours(run) else []) + [url]:
            for call in ("up", "down"):
                way = f"{call}, {'folder' if place.startswith('file:') else 'S3'}"
                made = _call(run, call, url=place, size=size, warm=True, seconds=60.0, most=120)
                grown[way] = made["grown"]
                if made["error"]:
                    del grown[way]
                    left_out.append(f"{way}: {made['error']}")
    return grown, left_out


def _call(run: Run, call: str, *, seconds: float = _TIMEOUT, most: float = _GIVE_UP, **order: Any) -> dict[str, Any]:
    """Return ``seconds``, ``grown`` and ``error`` of a call; it is killed after ``most`` seconds."""
    asked = {"subject": run.subject.name, "call": call, "seconds": seconds, "size": 0, **order}
    path = os.pathsep.join((str(ROOT / "benchmarks"), os.environ.get("PYTHONPATH", "")))
    with subprocess.Popen(
        [run.subject.python, "-W", "ignore", "-m", "score.bounded"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
    ) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(json.dumps(asked))
        process.stdin.close()
        lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        threading.Thread(target=_listen, args=(process.stdout, lines), daemon=True).start()
        try:
            if lines.get(timeout=most + 60) != "began\n":
                raise RuntimeError(f"{run.subject.name} cannot {call}")
            line = lines.get(timeout=most)
            made: dict[str, Any] = json.loads(line) if line else {"seconds": 0.0, "grown": 0, "error": "its process ended"}
        except queue.Empty:
            made = {"seconds": most, "grown": 0, "error": "no end"}
        process.kill()
    return made


def _listen(stream: Any, lines: queue.SimpleQueue[str]) -> None:
    for line in stream:
        lines.put(line)
    lines.put("")
