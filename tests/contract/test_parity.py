"""Keys mean the same on every store; ``pytest -s`` prints how many odd ones agree, and what each server gets wrong."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import faults
import pytest
from test_servers import recipe

from assetstore import AssetStore
from assetstore.testing import MemoryBackend
from assetstore.testing.contract import INVALID_KEYS, ODD_KEYS
from assetstore_local import LocalBackend
from score.key_verdicts import ROUND_TRIPS
from score.odd_keys import verdicts_on

LONG = os.environ.get("HYPOTHESIS_PROFILE") == "long"
EXCLUDED: dict[str, Mapping[str, str]] = {
    "memory": {},
    "local": {},
    "emulator": faults.EMULATOR_KEYS,
    "seaweedfs": faults.SEAWEEDFS_KEYS,
}


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
        found = verdicts_on(store, keys)
    wrong = {key: found[key] for key in keys if found[key] != ROUND_TRIPS}
    invalid = [found[key] for key in INVALID_KEYS]
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
