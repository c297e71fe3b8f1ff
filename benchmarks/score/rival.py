"""A rival: a process that writes, reads and deletes in the same store, below ``rival/``, beside a dict, until stdin closes.

Reads an order as one JSON line, prints ``ready``, and at the end how many steps it took and in how many it was wrong.
"""

from __future__ import annotations

import json
import random
import sys
import threading
from typing import Any

from assetstore import AssetStore, NotFoundError, open_store

KEYS = [f"rival/{name}" for name in ("a", "b", "deep/c", "deep/d")]


def step(store: AssetStore, model: dict[str, bytes], chance: random.Random) -> bool:
    """Write, delete or read a key; return whether it is as in the model."""
    key, what = chance.choice(KEYS), chance.random()
    if what < 0.4:
        model[key] = chance.randbytes(chance.randrange(2000))
        store.upload(model[key], key)
    elif what < 0.5:
        model.pop(key, None)
        store.delete(key)
    elif what < 0.6:
        return sorted(model) == [item.key for item in store.list("rival/")]
    try:
        return store.read(key) == model.get(key)
    except NotFoundError:
        return key not in model


def main() -> None:
    """Do so until stdin closes."""
    order: dict[str, Any] = json.loads(sys.stdin.readline())
    ended = threading.Event()

    def wait() -> None:
        sys.stdin.read()
        ended.set()

    threading.Thread(target=wait, daemon=True).start()
    chance, model = random.Random(order["seed"]), dict[str, bytes]()
    steps = wrong = 0
    with open_store(order["store"]) as store:
        print("ready", flush=True)
        while not ended.wait(order["pause"]):
            wrong += not step(store, model, chance)
            steps += 1
        store.delete_many(KEYS)
    print(json.dumps({"steps": steps, "wrong": wrong}))


if __name__ == "__main__":
    main()
