"""Keys mean the same on every store; ``pytest -s`` prints how many odd ones agree, and what each server gets wrong."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import faults
import pytest
from test_servers import recipe

from assetstore import AssetStore, AssetStoreError
from assetstore.testing import MemoryBackend
from assetstore.testing.contract import INVALID_KEYS, ODD_KEYS
from assetstore_local import LocalBackend

LONG = os.environ.get("HYPOTHESIS_PROFILE") == "long"
EXCLUDED: dict[str, Mapping[str, str]] = {
    "memory": {},
    "local": {},
    "emulator": faults.EMULATOR_KEYS,
    "seaweedfs": faults.SEAWEEDFS_KEYS,
}


def verdicts_on(store: AssetStore, keys: Sequence[str]) -> dict[str, str]:
    """Return what becomes of each key when it is written beside all others."""
    found = {}
    for number, key in enumerate(keys):
        try:
            store.upload(b"%d" % number, key)
        except AssetStoreError as error:
            found[key] = f"refused with {type(error).__name__}"
    listed = Counter(item.key for item in store.list())
    for number, key in enumerate(keys):
        found.setdefault(key, read_back(store, key, b"%d" % number, listed[key]))
    return found


def read_back(store: AssetStore, key: str, data: bytes, listed: int) -> str:
    """Return whether a key kept its bytes and is listed once."""
    try:
        if store.read(key) != data:
            return "has the bytes of another key"
    except AssetStoreError as error:
        return f"lost, {type(error).__name__}"
    return "round-trips" if listed == 1 else f"is listed {listed} times"


def refusal_of(store: AssetStore, key: object) -> str:
    """Return the class of the error that a key is refused with; an upload without a key would make one."""
    try:
        store.stat(key)
    except AssetStoreError as error:
        return type(error).__name__
    return "accepted"


@pytest.mark.parametrize("name", EXCLUDED)
def test_keys_mean_the_same_on_every_store(
    name: str, request: pytest.FixtureRequest, tmp_path: Path, unique_prefix: str
) -> None:
    """Valid keys round-trip and invalid ones are InvalidKeyError, as in memory, but for the faults that are named.

    A server is asked for what it gets wrong alone; that all others are right is what the contract shows of it.
    """
    excluded = EXCLUDED[name]
    keys = tuple(excluded) if excluded and not LONG else ODD_KEYS
    with AssetStore(backend_of(name, request, tmp_path)) as whole:
        store = whole.scoped(unique_prefix)
        valid = verdicts_on(store, keys)
        invalid = [refusal_of(store, key) for key in INVALID_KEYS]
    wrong = {key: verdict for key, verdict in valid.items() if verdict != "round-trips"}
    assert ["InvalidKeyError"] * len(INVALID_KEYS) == invalid
    assert set(excluded) == set(wrong), wrong
    sys.stdout.write(f"\n{name}: {len(ODD_KEYS) - len(wrong)} of {len(ODD_KEYS)} odd keys agree with memory, ")
    sys.stdout.write(f"{len(invalid)} of {len(INVALID_KEYS)} invalid keys are refused as in memory\n")
    for (reason, verdict), count in sorted(Counter((excluded[key], verdict) for key, verdict in wrong.items()).items()):
        sys.stdout.write(f"{count:6} {reason}: {verdict}\n")


def backend_of(name: str, request: pytest.FixtureRequest, folder: Path) -> object:
    """Return a new backend, over a server that is started when it is asked for."""
    if name == "memory":
        return MemoryBackend()
    return LocalBackend(root=folder) if name == "local" else recipe(request.getfixturevalue(name))()
