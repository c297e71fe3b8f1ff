"""Kills copies and moves of many assets at random moments and runs them again.

Nothing may be lost: each asset is whole at one of its keys after the kill, and where it belongs after the second run. What
was done already is not done again.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import attrs

from assetstore import AssetStore, NotFoundError, open_store
from score.figure import Run

ASSETS = 40
SCRIPT = """
import json, sys
from assetstore import open_store
with open_store(json.loads(sys.argv[1])) as store:
    for result in store.move_many((item.key, item.key.replace("from/", "to/", 1)) for item in list(store.list("from/"))):
        print(result.result().key, flush=True)
"""


@attrs.frozen(kw_only=True)
class Kind:
    """A way to copy or move many.

    Attributes:
        name: what it is.
        moves: whether the originals go.
        arguments: of the command ``assetstore``; none for ``move_many`` in a program.
    """

    name: str
    moves: bool
    arguments: Sequence[str] = ()


KINDS = (
    Kind(name="assetstore copy", moves=False, arguments=("copy", "-r", "--no-overwrite")),
    Kind(name="assetstore move", moves=True, arguments=("move", "-r")),
    Kind(name="move_many", moves=True),
)


def interrupted(run: Run, bucket: Mapping[str, Any], rounds: int) -> dict[str, list[str]]:
    """Interrupt so many works, every fifth of a kind in the bucket; return what was lost, and what was repeated."""
    chance = random.Random(run.seed)
    found: dict[str, list[str]] = {"lost": [], "again": []}
    in_bucket = Place(spec=bucket, url=f"r2:///{bucket['bucket']}?endpoint_url={bucket['endpoint_url']}")
    for number in range(rounds):
        kind = KINDS[number % len(KINDS)]
        root = str(run.folder / "killed" / str(number))
        in_folder = Place(spec={"backend": "local", "root": root}, url=f"file:{root}")
        place = in_bucket if number // len(KINDS) % 5 == 4 else in_folder
        with open_store(place.spec) as store:
            once(store, place, kind, chance, found)
    return found


@attrs.frozen(kw_only=True)
class Place:
    """A store, as ``open_store`` takes it and as the command does."""

    spec: Mapping[str, Any]
    url: str

    def start(self, kind: Kind) -> subprocess.Popen[str]:
        """Begin the work in a process, which prints what it has done."""
        command = [sys.executable, "-m", "assetstore", "--json", "-s", self.url, *kind.arguments, "from/", "to/", "-q"]
        if not kind.arguments:
            command = [sys.executable, "-c", SCRIPT, json.dumps(self.spec)]
        keys = {f"R2_{name.upper()}": self.spec[name] for name in ("access_key", "secret_key") if name in self.spec}
        return subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **keys}
        )


def once(store: AssetStore, place: Place, kind: Kind, chance: random.Random, found: Mapping[str, list[str]]) -> None:
    """Interrupt one run, look, run again, and look."""
    values = {f"{number:02}": chance.randbytes(chance.randrange(20_000)) for number in range(ASSETS)}
    for name, data in values.items():
        store.upload(data, f"from/{name}", metadata={"name": name})
    store.upload(b"another", "other")
    kill(place.start(kind), store, chance.randrange(ASSETS))
    seen = look(store)
    targets = {name for name in values if f"to/{name}" in seen}
    sources = {name for name in values if f"from/{name}" in seen}
    found["lost"] += [f"{kind.name}: gone after the kill" for _ in values.keys() - targets - sources]
    if not kind.moves:
        found["lost"] += [f"{kind.name}: an original is gone" for _ in values.keys() - sources]
    done = targets - sources if kind.moves else targets
    process = place.start(kind)
    output, errors = process.communicate()
    if process.returncode and kind.moves and sources:  # without any, the command says that there is nothing to move
        found["lost"].append(f"{kind.name}: the second run failed: {errors[-200:]}")
    again = {json.loads(line)["key"] if kind.arguments else line for line in output.splitlines()}
    found["again"] += [f"{kind.name}: done again" for name in done if f"to/{name}" in again]
    right = {f"to/{name}": (data, {"name": name}) for name, data in values.items()}
    if not kind.moves:
        right |= {key.replace("to/", "from/"): value for key, value in right.items()}
    right["other"] = (b"another", {})
    last = look(store)
    wrong = {key for key in right.keys() | last.keys() if last.get(key) != right.get(key)}
    found["lost"] += [f"{kind.name}: not as it should be after the second run" for _ in wrong]
    halves = {key for key, value in seen.items() if value != right.get(key.replace("from/", "to/"))}
    found["lost"] += [f"{kind.name}: half an asset after the kill" for _ in halves]
    store.delete_many(list(store.list()))


def kill(process: subprocess.Popen[str], store: AssetStore, count: int) -> None:
    """Kill the process when so many assets have arrived, if it has not ended."""
    while process.poll() is None and sum(1 for _ in store.list("to/")) < count:
        pass
    process.kill()
    process.communicate()


def look(store: AssetStore) -> dict[str, tuple[bytes, Mapping[str, str]]]:
    """Read all that is stored; a service may still be at work for a client that is gone, so that a key goes meanwhile."""
    while True:
        with suppress(NotFoundError):
            return {item.key: (store.read(item.key), dict(store.stat(item.key).metadata or {})) for item in store.list()}
