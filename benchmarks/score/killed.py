"""Kills a process at random moments of an operation, again and again, and looks at its store after each.

Runs with the Python of each peer: reads an order from stdin as JSON, prints what was wrong after which kill.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import random
import select
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from score.local_stores import PART, STORES, LocalStore
from score.traced import Forked, Send, looked, warm_up

KEYS = ("maps/a", "maps/b", "maps/deep/c", "d")
KINDS = {
    "put": "put",
    "overwrite": "put",
    "parts": "put_parts",
    "copy": "copy",
    "move": "move",
    "download": "download",
    "update": "update",
    "many": "put_many",
    "delete": "delete",
}
"""The kinds of work that are killed, and the call of a store that each needs."""
_SIZE = 2_000_000
Value: TypeAlias = list[str] | None
Change = dict[str, Value]


def payload(number: int, size: int = _SIZE) -> bytes:
    """Return bytes that no other number has, and no part of others."""
    return (number.to_bytes(8, "big") * (size // 8 + 1))[:size]


def value_of(data: bytes, label: str) -> list[str]:
    """Return what ``look`` says of an asset."""
    return [hashlib.sha256(data).hexdigest()[:16], label]


class Work:
    """One kind of work, endlessly, as changes of a model and calls of a store.

    Attributes:
        model: what the store holds when no call is under way.
    """

    def __init__(self, kind: str, first: int, model: Mapping[str, Value], labels: bool, target: Path) -> None:
        self.kind, self.model, self.labels, self.target = kind, dict(model), labels, target
        self._numbers = itertools.count(first)

    def steps(self) -> Iterator[tuple[Change, Callable[[LocalStore], object]]]:
        """Yield what each step changes, and the call that does."""
        for number in self._numbers:
            present = sorted(key for key, value in self.model.items() if value and not key.startswith("file:"))
            for change, call in getattr(self, f"_{self.kind}")(number, KEYS[number % len(KEYS)], present):
                yield change, call
                self.model |= change

    def _value(self, data: bytes, number: int) -> list[str]:
        return value_of(data, str(number) if self.labels else "")

    def _overwrite(self, number: int, key: str, present: list[str]) -> Iterator[tuple[Change, Any]]:
        data = payload(number)
        yield {key: self._value(data, number)}, lambda store: store.put(key, data, str(number))

    def _put(self, number: int, key: str, present: list[str]) -> Iterator[tuple[Change, Any]]:
        yield from self._overwrite(number, f"new/{number % 7}/{key}", present)

    def _parts(self, number: int, key: str, present: list[str]) -> Iterator[tuple[Change, Any]]:
        parts = [payload(number, PART), payload(number + 1, _SIZE)]
        place = f"parts/{number}"
        yield {place: value_of(b"".join(parts), "")}, lambda store: store.put_parts(place, parts)

    def _copy(self, number: int, key: str, present: list[str]) -> Iterator[tuple[Change, Any]]:
        yield from self._overwrite(number, KEYS[0], present)
        for target in ("copy/1", KEYS[1], KEYS[2]):
            yield {target: self.model[KEYS[0]]}, lambda store, target=target: store.copy(KEYS[0], target)

    def _move(self, number: int, key: str, present: list[str]) -> Iterator[tuple[Change, Any]]:
        yield from self._overwrite(number, KEYS[0], present)
        for source, target in itertools.pairwise((KEYS[0], "moved/1", KEYS[3], "moved/2")):
            change = {target: self.model[source], source: None}
            yield change, lambda store, source=source, target=target: store.move(source, target)

    def _download(self, number: int, key: str, present: list[str]) -> Iterator[tuple[Change, Any]]:
        yield from self._overwrite(number, key, present)
        for source in [key, *present[:3]]:
            value = self.model[source]
            yield {"file:a": value and value[:1]}, lambda store, source=source: store.download(source, self.target / "a")

    def _update(self, number: int, key: str, present: list[str]) -> Iterator[tuple[Change, Any]]:
        yield from self._overwrite(number, key, present)
        for each in [key, *present[:3]]:
            value = self.model[each]
            yield {each: value and [value[0], str(number)]}, lambda store, each=each: store.update(each, str(number))

    def _many(self, number: int, key: str, present: list[str]) -> Iterator[tuple[Change, Any]]:
        items = {f"many/{count}": payload(number * 10 + count, 20_000) for count in range(8)}
        change: Change = {each: value_of(data, "") for each, data in items.items()}
        yield change, lambda store: store.put_many(items)

    def _delete(self, number: int, key: str, present: list[str]) -> Iterator[tuple[Change, Any]]:
        yield from self._overwrite(number, key, present)
        yield {key: None}, lambda store: store.delete(key)


def _round(subject: str, base: Path, work: Work, seconds: float) -> tuple[dict[str, Value], Change]:
    """Let a process work and kill it so much later; return what its store holds at least, and what was under way."""

    def act(store: LocalStore, send: Send) -> None:
        for change, call in work.steps():
            send(change)
            call(store)
            send("done")

    forked = Forked(subject, base / "root", lambda store: None, act)
    model, under_way = dict(work.model), Change()
    try:
        forked.wait_until_ready()
        forked.go()
        until = time.monotonic() + seconds
        while True:
            left = until - time.monotonic()
            if left <= 0:
                forked.kill()
            elif not select.select([forked.socket], [], [], left)[0]:
                continue
            # A killed process still leaves what it sent, and then nothing.
            told = forked.receive()
            if told is None:
                return model, under_way
            if told == "done":
                model, under_way = model | under_way, Change()
            elif isinstance(told, dict):
                under_way = told
            else:
                raise RuntimeError(f"{work.kind}: {told}")
    finally:
        forked.end()


def _wrong(before: Mapping[str, Value], change: Change, found: Mapping[str, Value]) -> Iterator[str]:
    """Say what was lost, torn or half visible, after a kill during a change."""
    for key in sorted({*before, *change, *found}):
        now, then = found.get(key), before.get(key)
        if now != then and (key not in change or now != change[key]):
            if not now:
                yield "lost"
            else:
                yield "torn" if then or key in change else "half visible"
    # A move may leave both, and never neither.
    gone = [key for key, value in change.items() if value is None and before.get(key) and not found.get(key)]
    if len(change) == 2 and gone and all(found.get(key) != value for key, value in change.items() if value):
        yield "lost by a move"


def _seen(subject: str, base: Path) -> dict[str, Value]:
    """Return what a store holds, and the folder of downloads without unfinished files, which have names of their own."""
    found, _ = looked(subject, base)
    values = {key: value if isinstance(value, list) else [value] for key, value in found.items()}
    return {key: value for key, value in values.items() if not key.startswith("file:.")}


def main() -> None:
    """Do what stdin says."""
    order = json.load(sys.stdin)
    subject, folder = order["subject"], Path(order["folder"])
    base = folder / "killed"
    (base / "target").mkdir(parents=True)
    store = STORES[subject]
    if store.forks:
        (folder / "warm").mkdir()
        warm_up(subject, folder / "warm")
    kinds = [kind for kind, call in KINDS.items() if store.can(call)]
    chance = random.Random(order["seed"])
    model: dict[str, Value] = {}
    faults = []
    for number in range(order["kills"]):
        kind = kinds[number % len(kinds)]
        work = Work(kind, number * 10_000, model, store.can("update"), base / "target")
        before, change = _round(subject, base, work, chance.uniform(0, order["longest"]))
        found = _seen(subject, base)
        faults += [[wrong, kind] for wrong in _wrong(before, change, found)]
        model = found
    hidden = looked(subject, base)[1] + [path.name for path in (base / "target").iterdir() if path.name != "a"]
    print(json.dumps({"faults": faults, "hidden": hidden, "base": str(base), "kinds": kinds}))


if __name__ == "__main__":
    main()
