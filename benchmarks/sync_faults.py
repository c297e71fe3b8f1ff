"""Kills ``assetstore sync`` and ``assetstore migrate run`` at random points, behind a proxy that lets requests fail.

Run: ``PYTHONPATH=tests:benchmarks python benchmarks/sync_faults.py [--kills N] [--share 0.05] [--seed N]``. In each round
the source changes, the command is killed by SIGKILL, and runs once more to its end. Then every byte at the destination is
compared with what should be there. Prints a row for each kind of work.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import attrs

import servers
from assetstore import AssetStore, open_store
from assetstore_r2.testing import Fault, FaultProxy, Reset, Status

Tree = dict[str, bytes]
KINDS = ("up", "across", "down", "migrate")
PART = 5 << 20
BIG = "big/film.bin"
NEIGHBOURS = ("up-old/kept", "upper")
"""Keys beside the folder that is synced, whose names begin as its own does."""
LEASE = "4s"


def _of(share: float, seed: int, fault: Fault) -> Fault:
    """Return a fault that strikes a share of all requests."""
    cls = type(f"Some{type(fault).__name__}", (type(fault),), {"strikes": lambda _, count: _strikes(share, seed, count)})
    made: Fault = cls(**{field.name: getattr(fault, field.name) for field in attrs.fields(type(fault))})
    return made


def _strikes(share: float, seed: int, count: int) -> bool:
    return random.Random(f"{seed} {count}").random() < share


def errors(share: float, seed: int) -> list[Fault]:
    """Return faults that together strike a share of all requests: 503, 429 with Retry-After, and cut connections."""
    kinds = (Status(status=503), Status(status=429, retry_after=0), Reset(direction="request"), Reset())
    return [_of(share / len(kinds), seed + number, fault) for number, fault in enumerate(kinds)]


@attrs.define
class Row:
    """What happened in the rounds of one kind.

    Attributes:
        kills: how many processes were killed before they ended.
        ended: how many ended before.
        failed: how many next runs did not exit with 0.
        different: assets that differed after the next run.
        deleted: assets that were wrongly gone after the kill or the next run.
        messages: what failed runs said.
    """

    kills: int = 0
    ended: int = 0
    failed: int = 0
    different: int = 0
    deleted: int = 0
    messages: list[str] = attrs.field(factory=list)


@attrs.define
class World:
    """Where it happens.

    Attributes:
        base: an empty folder.
        near: the bucket that is synced with a folder, reached without the proxy.
        far: another bucket.
        environment: of the commands.
        chance: decides.
        tree: what the folder holds.
        longest: how long each kind of work took the last time.
        rows: what happened.
    """

    base: Path
    near: AssetStore
    far: AssetStore
    environment: dict[str, str]
    chance: random.Random
    tree: Tree = attrs.field(factory=dict)
    longest: dict[str, float] = attrs.field(factory=lambda: dict.fromkeys(KINDS, 2.0))
    rows: dict[str, Row] = attrs.field(factory=lambda: {kind: Row() for kind in KINDS})

    @property
    def folder(self) -> Path:
        """The folder that goes up."""
        return self.base / "art"

    def round(self, kind: str, number: int) -> None:
        """Change the source, kill, run again, and look."""
        row = self.rows[kind]
        if kind == "up":
            self.change()
        before = self.held(kind).keys()
        work = str(self.base / f"work-{number}")
        if kind == "migrate":
            planned = self.run("migrate", "plan", "near:up/", "far:moved/", work, "--lease", LEASE, "-q")
            row.messages += [planned.stderr[-500:]] if planned.returncode else []
        command = self.command(kind, work)
        if self.killed(command, self.chance.uniform(0.2, self.longest[kind])):
            row.kills += 1
        else:
            row.ended += 1
        row.deleted += self.lost(kind, before)
        began = time.monotonic()
        done = self.run(*command)
        self.longest[kind] = time.monotonic() - began
        if done.returncode:
            row.failed += 1
            row.messages.append(done.stderr[-500:])
        row.deleted += self.lost(kind, before)
        row.different += self.differences(kind)

    def command(self, kind: str, work: str) -> tuple[str, ...]:
        """Return the command that is killed."""
        return {
            "up": ("sync", str(self.folder), "near:up/", "--delete", "--last", "catalogue*", "-q"),
            "across": ("sync", "near:up/", "far:across/", "--delete", "-q"),
            "down": ("sync", "near:up/", str(self.base / "down"), "--delete", "-q"),
            "migrate": ("migrate", "run", work, "-q"),
        }[kind]

    def change(self) -> None:
        """Add, change, rename and remove files."""
        for _ in range(self.chance.randint(1, 25)):
            key = f"{self.chance.choice('abc')}/{self.chance.randint(0, 60):02}.bin"
            if self.chance.random() < 0.25:
                self.tree.pop(key, None)
            else:
                self.tree[key] = self.chance.randbytes(self.chance.choice([0, 10, 16 << 10, 16 << 10, 200 << 10]))
        if self.chance.random() < 0.3 and (moved := next(iter(self.tree), None)):
            self.tree[f"moved/{self.chance.randint(0, 9)}"] = self.tree.pop(moved)
        if BIG not in self.tree or self.chance.random() < 0.3:
            self.tree[BIG] = self.chance.randbytes(2 * PART + 1000)
        self.tree["catalogue.json"] = json.dumps(sorted(self.tree)).encode()
        there = {str(path.relative_to(self.folder)) for path in self.folder.rglob("*") if path.is_file()}
        for key in there - self.tree.keys():
            (self.folder / key).unlink()
        for key, data in self.tree.items():
            path = self.folder / key
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.exists() or path.read_bytes() != data:
                path.write_bytes(data)

    def held(self, kind: str) -> Tree:
        """Return what a destination holds."""
        if kind == "down":
            down = self.base / "down"
            return {str(path.relative_to(down)): path.read_bytes() for path in down.rglob("*") if path.is_file()}
        places = {"up": (self.near, "up/"), "across": (self.far, "across/"), "migrate": (self.far, "moved/")}
        store = places[kind][0].scoped(places[kind][1])
        return {info.key: store.read(info.key) for info in store.list()}

    def lost(self, kind: str, before: object) -> int:
        """Return how many assets are gone that were there before and are at the source, or beside the folder."""
        assert isinstance(before, type({}.keys()))
        beside = sum(not self.near.exists(key) for key in NEIGHBOURS)
        return beside + len((before & self.tree.keys()) - self.held(kind).keys())

    def differences(self, kind: str) -> int:
        """Return how many assets differ; a migration deletes nothing."""
        held = self.held(kind)
        keys = self.tree.keys() if kind == "migrate" else self.tree.keys() | held.keys()
        return sum(self.tree.get(key) != held.get(key) for key in keys)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        command = [sys.executable, "-m", "assetstore", *arguments]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)

    def killed(self, arguments: tuple[str, ...], seconds: float) -> bool:
        """Run a command and kill it after so long; return whether it still ran."""
        command = [sys.executable, "-m", "assetstore", *arguments]
        devices = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        with subprocess.Popen(command, env=self.environment, **devices) as process:  # type: ignore[call-overload]  # two files
            try:
                process.wait(seconds)
            except subprocess.TimeoutExpired:
                process.kill()
                return True
        return False

    def left_open(self, server: servers.S3Server) -> int:
        """Return how many uploads in parts are open."""
        with server.client() as client:
            buckets = (server.bucket, server.other_bucket)
            return sum(len(client.list_multipart_uploads(Bucket=bucket).get("Uploads", ())) for bucket in buckets)

    def left_behind(self) -> list[str]:
        """Return unfinished files, and what lies in the temporary folder."""
        parts = [path.name for place in ("art", "down") for path in (self.base / place).rglob(".*.part*")]
        return parts + [path.name for path in (self.base / "tmp").iterdir()]


@contextlib.contextmanager
def world(server: servers.S3Server, base: Path, share: float, seed: int) -> Iterator[World]:
    """Make everything, with a proxy in front of the server."""
    for name in ("art", "down", "tmp"):
        (base / name).mkdir(parents=True)
    keys = {"access_key": server.access_key, "secret_key": server.secret_key}
    with FaultProxy(server.endpoint_url, errors(share, seed), seed=seed) as proxy, contextlib.ExitStack() as stack:
        tables, stores = [], []
        for name, bucket in (("near", server.bucket), ("far", server.other_bucket)):
            direct, faulty = (
                f"s3://{bucket}?endpoint_url={url}&region={server.region}" for url in (server.endpoint_url, proxy.url)
            )
            stores.append(stack.enter_context(open_store({"url": direct, **keys})))
            settings = {"url": faulty, **keys, "part_size": PART}
            lines = "".join(f"{key} = {json.dumps(value)}\n" for key, value in settings.items())
            tables.append(f"[stores.{name}]\n{lines}")
        config = base / "assetstore.toml"
        config.touch(0o600)
        config.write_text("\n".join(tables))
        folders = {"XDG_CACHE_HOME": base / "cache", "XDG_STATE_HOME": base / "state", "TMPDIR": base / "tmp"}
        environment = os.environ | {"ASSETSTORE_CONFIG": str(config)} | {name: str(path) for name, path in folders.items()}
        for key in NEIGHBOURS:
            stores[0].upload(b"kept", key)
        yield World(base, stores[0], stores[1], environment, random.Random(seed))


def main() -> None:
    """Run it, and print the rows."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--share", type=float, default=0.05)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        with servers.seaweedfs(base) as server, world(server, base / "world", options.share, options.seed) as made:
            for number in range(options.kills):
                made.round(KINDS[number % len(KINDS)], number)
                print(f"{number + 1} of {options.kills}", file=sys.stderr, flush=True)
            print("| work | killed | ended before | next run failed | differences | wrongly deleted |")
            print("|---|--:|--:|--:|--:|--:|")
            for kind, row in made.rows.items():
                print(f"| {kind} | {row.kills} | {row.ended} | {row.failed} | {row.different} | {row.deleted} |")
                print(*row.messages, sep="\n", file=sys.stderr)
            left = made.left_behind()
            print(f"\nUploads left open: {made.left_open(server)}; files left behind: {len(left)} {left[:5]}")


if __name__ == "__main__":
    main()
