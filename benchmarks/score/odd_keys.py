"""Figure 6: odd keys in memory, in a folder and on Cloudflare's emulator behind R2's rules; peers in a folder."""

from __future__ import annotations

import contextlib
import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from assetstore import AssetStore, AssetStoreError
from assetstore.testing import MemoryBackend
from assetstore.testing.contract import INVALID_KEYS, ODD_KEYS
from assetstore_local import LocalBackend
from score.figure import LeftOutError, Outcome, Run
from score.key_verdicts import MERGED, REFUSED, ROUND_TRIPS, verdicts
from score.workers import work

_UNROUTED = {"\u2028", "\u2029"}
_LEFT_OUT = "keys with U+2028 or U+2029 on the server: the emulator finds no route to them"
_FEW = 80


def measure(run: Run) -> Outcome:
    """Compare the verdicts on all odd keys, and on keys that are not valid, of each store with those in memory."""
    if run.subject.name != "assetstore":
        return _peer(work(run, "key_verdicts", keys=list(ODD_KEYS)))
    expected: dict[object, str] = dict.fromkeys(ODD_KEYS, ROUND_TRIPS) | dict.fromkeys(INVALID_KEYS, "InvalidKeyError")
    wrong: dict[object, list[str]] = {}
    left_out = []
    for name, opened in _STORES.items():
        try:
            with opened(run.folder / name) as store:
                found = verdicts_on(store, _sent_to(name, run))
        except LeftOutError as missing:
            left_out.append(str(missing))
            continue
        if name == "server":
            left_out.append(_LEFT_OUT)
        for key, verdict in found.items():
            if verdict != expected[key]:
                wrong.setdefault(key, []).append(f"{name}: {key!r} {verdict}")
    merged = sum(MERGED in text for texts in wrong.values() for text in texts)
    return Outcome(
        value=f"{len(expected) - len(wrong)} of {len(expected)}, {merged} merged",
        passed=not wrong and not merged,
        notes=tuple(text for texts in wrong.values() for text in texts),
        left_out=tuple(left_out),
    )


def verdicts_on(store: AssetStore, keys: Sequence[str]) -> dict[object, str]:
    """Return what becomes of valid keys when each is written beside all others, and how those that are not valid fail."""
    valid = verdicts(store.upload, store.read, lambda: (item.key for item in store.list()), keys)
    refusals: dict[object, str] = {key: _refusal(store, key) for key in INVALID_KEYS}
    return refusals | valid


def _refusal(store: AssetStore, key: Any) -> str:
    """Return the class of the error that a key is refused with; an upload without a key would make one."""
    try:
        store.stat(key)
    except AssetStoreError as error:
        return type(error).__name__
    return "accepted"


def _sent_to(name: str, run: Run) -> Sequence[str]:
    if name != "server":
        return ODD_KEYS
    routed = [key for key in ODD_KEYS if not _UNROUTED & {*key}]
    return random.Random(run.seed).sample(routed, _FEW) if run.short else routed


@contextlib.contextmanager
def _server(folder: Path) -> Iterator[AssetStore]:
    from assetstore_r2 import R2Backend
    from assetstore_r2.testing import FaultProxy, R2Personality
    from servers import emulator
    from servers.emulator import INSTALLED

    if not (INSTALLED / "complete.json").exists():
        raise LeftOutError("the server: Cloudflare's emulator is not installed; tests/plugins installs it")
    folder.mkdir()
    with emulator(folder) as server, FaultProxy(server.endpoint_url, personality=R2Personality()) as proxy:
        backend = R2Backend(
            bucket=server.bucket, endpoint_url=proxy.url, access_key=server.access_key, secret_key=server.secret_key
        )
        with AssetStore(backend) as store:
            yield store


_STORES: Mapping[str, Callable[[Path], contextlib.AbstractContextManager[AssetStore]]] = {
    "memory": lambda folder: AssetStore(MemoryBackend()),
    "local": lambda folder: AssetStore(LocalBackend(root=folder, durable=False)),
    "server": _server,
}


def _peer(found: Mapping[str, str]) -> Outcome:
    """Judge a peer by its only store: a key has to round-trip and be listed once, or to be refused."""
    refused = sum(verdict.startswith(REFUSED) for verdict in found.values())
    wrong = {key: verdict for key, verdict in found.items() if verdict != ROUND_TRIPS and not verdict.startswith(REFUSED)}
    merged = sum(verdict == MERGED for verdict in wrong.values())
    return Outcome(
        value=f"{len(found) - len(wrong)} of {len(found)} ({refused} refused), {merged} merged",
        passed=not wrong,
        notes=tuple(
            f"{len(keys)} × {verdict}, for example {keys[0]!r}"
            for verdict in sorted(Counter(wrong.values()))
            for keys in [[key for key in wrong if wrong[key] == verdict]]
        ),
    )
