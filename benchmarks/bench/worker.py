"""One turn of one contender, in a process of its own: reads what to do from stdin as JSON, prints what it took as JSON.

Run: ``python -m bench.worker``, with the Python of the contender. For each step that is timed it gives seconds of wall clock
and of CPU, of this process and of what it ran, the most memory and the memory before, and the requests that a relay logged.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import shutil
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from bench.clients import connect
from bench.clients.awaited import Awaited
from bench.clients.base import Command, in_threads
from bench.memory import MOST, NOW, forget_most, memory
from bench.processor import waited
from bench.requests import tally

Step = dict[str, Any]
WARM = 20
TICK = 0.001


class Turn:
    """What a turn has to do, and what it took.

    Attributes:
        client: the contender.
        task: the numbers of the work.
        folder: empty, on the disk.
        steps: what was measured so far.
    """

    def __init__(self, order: dict[str, Any], folder: Path) -> None:
        self.client = connect(order["client"], order["option"], order["place"])
        self.task = order["task"]
        self.folder = folder
        self.log = order["log"] and Path(order["log"])
        self.prefix = f"{order['client']}-{order['option']}".replace(" ", "-") + "/"
        self.steps: list[Step] = []

    @contextmanager
    def step(self, name: str, count: int = 1) -> Iterator[None]:
        """Measure what happens inside, for each of so many."""
        forget_most()
        if isinstance(self.client, Command):
            self.client.peak = 0
        idle = memory(NOW)
        logged = self.log.stat().st_size if self.log else 0
        cpu, wall = _cpu(), time.perf_counter()
        yield
        wall, cpu = time.perf_counter() - wall, _cpu() - cpu
        peak = self.client.peak if isinstance(self.client, Command) else memory(MOST)
        made = {"step": name, "wall": wall / count, "cpu": cpu / count, "peak": peak, "idle": idle}
        if self.log:
            made |= {"requests": tally(self.log.read_bytes()[logged:].decode(), count)}
        self.steps.append(made)


def small(turn: Turn) -> None:
    """One asset after the other in one thread."""
    client, count, data = turn.client, turn.task["count"], os.urandom(turn.task["size"])
    keys = [f"{turn.prefix}{number:05}.bin" for number in range(count)]
    calls: dict[str, Callable[[str], object]] = {
        "PUT": lambda key: client.put(key, data),
        "GET": client.get,
        "HEAD": client.head,
        "DELETE": client.delete,
    }
    for call in calls.values():
        for number in range(WARM):
            call(f"{turn.prefix}warm/{number}.bin")
    client.put(f"{turn.prefix}probe", data)
    assert client.get(f"{turn.prefix}probe") == data
    for name, call in calls.items():
        with turn.step(name, count):
            for key in keys:
                call(key)


def many(turn: Turn) -> None:
    """A folder of small files up, and down again."""
    source, target = turn.folder / "source", turn.folder / "target"
    source.mkdir()
    target.mkdir()
    names = [f"{number:06}.bin" for number in range(turn.task["count"])]
    for name in names:
        (source / name).write_bytes(os.urandom(turn.task["size"]))
    with turn.step("up"):
        turn.client.many_up(source, turn.prefix, names)
    with turn.step("down"):
        turn.client.many_down(turn.prefix, names, target)
    assert all((source / name).read_bytes() == (target / name).read_bytes() for name in names)


def sync(turn: Turn) -> None:
    """A folder of small files up, and again while nothing changed."""
    source, hour_ago = turn.folder / "source", time.time() - 3600
    source.mkdir()
    for number in range(turn.task["count"]):
        path = source / f"{number // 100:03}" / f"{number:06}.bin"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(os.urandom(turn.task["size"]))
        os.utime(path, (hour_ago, hour_ago))
    for name in ("first", "unchanged"):
        with turn.step(name):
            turn.client.sync_up(source, turn.prefix)


def across(turn: Turn) -> None:
    """Assets that are there already to another server, and again while nothing changed."""
    for name in ("first", "unchanged"):
        with turn.step(name):
            turn.client.sync_across("keys/")


def check(turn: Turn) -> None:
    """Two listings compared."""
    with turn.step("check"):
        turn.client.check("keys/")


def big(turn: Turn) -> None:
    """One large file up, and down again."""
    source, target = turn.folder / "source.bin", turn.folder / "target.bin"
    piece = os.urandom(1 << 20)
    with source.open("wb") as file:
        for number in range(turn.task["MiB"]):
            file.write(number.to_bytes(8, "big") + piece[8:])
    with turn.step("up"):
        turn.client.up(source, f"{turn.prefix}big.bin")
    with turn.step("down"):
        turn.client.down(f"{turn.prefix}big.bin", target)
    _compare(source, target)


def listing(turn: Turn) -> None:
    """All keys of a prefix that are there already."""
    with turn.step("list", turn.task["count"]):
        found = turn.client.count("keys/")
    assert found == turn.task["count"], f"{found} keys"


def fill(turn: Turn) -> None:
    """Make the keys that are listed."""
    names = [f"keys/{number // 1000:03}/asset {number:06}.webp" for number in range(turn.task["count"])]
    in_threads(lambda name: turn.client.put(name, os.urandom(turn.task.get("size", 0))), names)


def folder(turn: Turn) -> None:
    """What is directly below a prefix."""
    count = turn.task["count"]
    assert turn.client.folder("keys/000/") == count
    with turn.step("ls", turn.task["times"]):
        for _ in range(turn.task["times"]):
            turn.client.folder("keys/000/")


def storage(turn: Turn) -> None:
    """One file of Django after the other."""
    client: Any = turn.client
    count, data = turn.task["count"], os.urandom(turn.task["size"])
    keys = [f"{turn.prefix}{number:05}.bin" for number in range(count)]
    calls: dict[str, Callable[[str], object]] = {
        "save": lambda key: client.put(key, data),
        "open": client.get,
        "exists": client.head,
        "url": client.url,
        "delete": client.delete,
    }
    for call in calls.values():
        for number in range(WARM):
            call(f"{turn.prefix}warm/{number}.bin")
    for name, call in calls.items():
        with turn.step(name, count):
            for key in keys:
                call(key)


def static(turn: Turn) -> None:
    """A folder of static files collected twice."""
    client: Any = turn.client
    source = turn.folder / "source"
    for number in range(turn.task["count"]):
        path = source / f"{number // 100:03}" / f"{number:05}.css"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.urandom(turn.task["size"]))
    for name in ("first run", "second run"):
        with turn.step(name):
            client.collectstatic(source)


def archive(turn: Turn) -> None:
    """The directory of a ZIP, and one of its members."""
    path, members, size = turn.folder / "archive.zip", turn.task["members"], turn.task["MB"] * 1_000_000
    with zipfile.ZipFile(path, "w") as file:
        for number in range(members):
            file.writestr(f"member {number:05}.bin", os.urandom(size // members))
    key = f"{turn.prefix}archive.zip"
    turn.client.up(path, key)
    with turn.step("directory"), turn.client.opened(key) as opened, zipfile.ZipFile(opened) as remote:
        assert len(remote.namelist()) == members
    with turn.step("one member"), turn.client.opened(key) as opened, zipfile.ZipFile(opened) as remote:
        assert len(remote.read(remote.namelist()[members // 2])) == size // members


def stall(turn: Turn) -> None:
    """An upload beside a task that wakes each millisecond and notes how late it was at most.

    The time for which the loop's thread could have run but other processes had the processors does not count.
    """
    client, path, late = cast(Awaited, turn.client), turn.folder / "source.bin", 0.0
    path.write_bytes(os.urandom(turn.task["MB"] * 1_000_000))

    async def upload() -> None:
        nonlocal late
        work = asyncio.create_task(client.upload(path, f"{turn.prefix}{late}.bin"))
        while not work.done():
            before = time.perf_counter() - waited()
            await asyncio.sleep(TICK)
            late = max(late, time.perf_counter() - waited() - before - TICK)
        await work

    client.run(upload())  # a warm connection
    late = 0.0
    with turn.step("upload"):
        client.run(upload())
    turn.steps[-1]["stall"] = late


WORKS: dict[str, Callable[[Turn], None]] = {
    "small": small,
    "many": many,
    "sync": sync,
    "across": across,
    "check": check,
    "big": big,
    "list": listing,
    "fill": fill,
    "folder": folder,
    "storage": storage,
    "static": static,
    "archive": archive,
    "stall": stall,
}


def _compare(source: Path, target: Path) -> None:
    with source.open("rb") as left, target.open("rb") as right:
        while expected := left.read(1 << 20):
            assert expected == right.read(1 << 20), "what came back is something else"
        assert not right.read(1), "more came back than was sent"


def _cpu() -> float:
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def main() -> None:
    """Do what stdin says."""
    order = json.load(sys.stdin)
    folder = Path(tempfile.mkdtemp(dir=order["folder"]))
    try:
        turn = Turn(order, folder)
        WORKS[order["work"]](turn)
    finally:
        shutil.rmtree(folder)
    print(json.dumps(turn.steps))


if __name__ == "__main__":
    main()
