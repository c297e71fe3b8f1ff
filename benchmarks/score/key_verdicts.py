"""Tells what becomes of keys in a store. Runs with the Python of each peer, so it imports no package at the top.

Run: ``python -m score.key_verdicts``; reads ``subject``, ``folder`` and ``keys`` as JSON, prints the verdicts.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

ROUND_TRIPS = "round-trips"
MERGED = "has the bytes of another key"
REFUSED = "refused with "

Put = Callable[[bytes, str], object]
Get = Callable[[str], bytes]


def verdicts(put: Put, get: Get, listed: Callable[[], Iterable[str]], keys: Sequence[str]) -> dict[str, str]:
    """Return what becomes of each key when it is written beside all others: it round-trips, listed once, or why not."""
    found = {}
    for number, key in enumerate(keys):
        try:
            put(b"%d" % number, key)
        except Exception as error:
            found[key] = f"{REFUSED}{type(error).__name__}"
    times = Counter(listed())
    for number, key in enumerate(keys):
        if key not in found:
            found[key] = _read_back(get, key, b"%d" % number, times[key])
    return found


def _read_back(get: Get, key: str, data: bytes, times: int) -> str:
    try:
        if get(key) != data:
            return MERGED
    except Exception as error:
        return f"lost, {type(error).__name__}"
    return ROUND_TRIPS if times == 1 else f"is listed {times} times"


def main() -> None:
    """Ask a peer's store of local files."""
    from score.local_stores import STORES

    order = json.load(sys.stdin)
    root = Path(order["folder"]) / "store"
    root.mkdir()
    store = STORES[order["subject"]](root)
    print(json.dumps(verdicts(lambda data, key: store.put(key, data), store.get, store.list_keys, order["keys"])))


if __name__ == "__main__":
    main()
