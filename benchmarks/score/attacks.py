"""Attacks a store of local files with keys that lead out of its folder, and with links that another process swaps in.

Runs with the Python of each peer: reads an order from stdin as JSON, prints the escapes.
"""

from __future__ import annotations

import ctypes
import json
import os
import random
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from score.hostile_paths import KEYS
from score.local_stores import STORES, LocalStore

CANARY = b"canary-7f3a"


def _get_after(store: LocalStore, act: Callable[[str, str], None], key: str) -> bytes:
    act(key, "stolen")
    return store.get("stolen")


_EXCHANGE = 2
_HERE = -100
CALLS: Mapping[str, tuple[str, Callable[[LocalStore, str], Any]]] = {
    "read": ("get", lambda store, key: store.get(key)),
    "stat": ("size", lambda store, key: store.size(key)),
    "write": ("put", lambda store, key: store.put(key, b"evil")),
    "delete": ("delete", lambda store, key: store.delete(key)),
    "copy from": ("copy", lambda store, key: _get_after(store, store.copy, key)),
    "copy to": ("copy", lambda store, key: store.copy("maps/a", key)),
    "move from": ("move", lambda store, key: _get_after(store, store.move, key)),
}
"""What is tried with each key, and the call of a store that it needs."""


class Ground:
    """A store's folder, and what lies beside it.

    Attributes:
        outside: a folder with a canary, to which links in the store lead.
    """

    def __init__(self, subject: str, base: Path) -> None:
        self.root, self.outside = base / "root", base / "outside"
        self._evil = base / "root-evil"
        self.store = STORES[subject](self.root)
        self.store.put("maps/a", b"good")
        # cloudpathlib keeps its bucket below.
        self.top = next(path.parent.parent for path in self.root.rglob("a") if path.parent.name == "maps")
        for folder in (self.outside, self._evil):
            folder.mkdir()
            (folder / "canary").write_bytes(CANARY)
        (self.top / "deep").mkdir()
        for link in ("link", "deep/link"):
            (self.top / link).symlink_to(self.outside)
        (self.top / "link-to-canary").symlink_to(self.outside / "canary")
        self._before = self._seen()

    def _seen(self) -> object:
        folders = (self.outside, self._evil)
        return [(sorted(os.listdir(folder)), (folder / "canary").read_bytes(), folder.stat().st_ino) for folder in folders]

    def touched(self) -> bool:
        """Whether anything outside was changed; it is put right again."""
        try:
            if self._seen() == self._before:
                return False
        except OSError:
            pass
        for folder in (self.outside, self._evil):
            folder.mkdir(exist_ok=True)
            for path in folder.iterdir():
                path.unlink() if not path.is_dir() else None
            (folder / "canary").write_bytes(CANARY)
        self._before = self._seen()
        return True

    def escaped(self, act: Callable[[], Any]) -> str | None:
        """Return how a call read or changed what lies outside, if it did."""
        try:
            result = act()
        except Exception:
            result = None
        is_touched = self.touched()
        if result == CANARY:
            return "read"
        return "changed" if is_touched else None


def attack_by_keys(ground: Ground) -> tuple[int, list[list[str]]]:
    """Try every call with every key; return how many attacks there were, and what escaped by which call."""
    escapes, count = [], 0
    for template in KEYS:
        key = template.format(outside=str(ground.outside).lstrip("/"))
        for name, (needed, call) in CALLS.items():
            if ground.store.can(needed):
                count += 1
                if how := ground.escaped(partial(call, ground.store, key)):
                    escapes.append([how, name])
    count += 1
    if any("canary" in key for key in _listed(ground.store)):
        escapes.append(["listed", "list"])
    return count, escapes


def _listed(store: LocalStore) -> list[str]:
    try:
        return store.list_keys()
    except Exception:
        return []


def attack_by_swaps(ground: Ground, swaps: int, seed: int) -> tuple[int, list[list[str]]]:
    """Work on a folder and a file while another process swaps them with links; return how many calls, and what escaped."""
    for name, target in (("swapped", ground.outside), ("swapped-file", ground.outside / "canary")):
        (ground.top / f"{name}-link").symlink_to(target)
    (ground.top / "swapped").mkdir()
    for name in ("swapped/canary", "swapped-file"):
        (ground.top / name).write_bytes(b"good")
    calls: tuple[Callable[[LocalStore], Any], ...] = (
        lambda store: store.get("swapped/canary"),
        lambda store: store.get("swapped-file"),
        lambda store: store.put("swapped/canary", b"good"),
        lambda store: store.put("swapped-file", b"good"),
        lambda store: store.put("swapped/below/new", b"good"),
        lambda store: store.delete("swapped/below/new"),
        lambda store: store.size("swapped/canary"),
        lambda store: store.delete("swapped/canary"),
        lambda store: store.put("swapped/canary", b"good"),
        lambda store: sorted(store.list_keys()),
    )
    process = os.fork()
    if process == 0:
        _swap(ground.top, swaps, random.Random(seed))
    count, escapes = 0, []
    while os.waitpid(process, os.WNOHANG) == (0, 0):
        if how := ground.escaped(partial(calls[count % len(calls)], ground.store)):
            escapes.append([how, "a swap"])
        count += 1
    return count, escapes


def _swap(top: Path, swaps: int, chance: random.Random) -> None:
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
        for number in range(swaps):
            name = ("swapped", "swapped-file")[number % 2]
            rename(_HERE, os.fsencode(top / name), _HERE, os.fsencode(top / f"{name}-link"), _EXCHANGE)
            until = time.perf_counter() + chance.uniform(0, 0.0004)
            while time.perf_counter() < until:
                pass
    finally:
        os._exit(0)


def main() -> None:
    """Do what stdin says."""
    order = json.load(sys.stdin)
    found: list[Any] = []
    for name in ("keys", "swaps"):
        base = Path(order["folder"]) / name
        base.mkdir()
        ground = Ground(order["subject"], base)
        found.append(attack_by_keys(ground) if name == "keys" else attack_by_swaps(ground, order["swaps"], order["seed"]))
    (attacks, by_keys), (calls, by_swaps) = found
    print(json.dumps({"attacks": attacks, "escapes": by_keys, "calls": calls, "swapped": by_swaps}))


if __name__ == "__main__":
    main()
