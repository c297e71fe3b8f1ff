"""Random walks through two S3 servers beside a dict."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import faults
import pytest

from assetstore.plugin import normalize_key
from assetstore.testing.machine import KEYS, StoreMachine
from assetstore_r2 import R2Backend

Walked = Callable[..., None]
ENGINES = ("wire", "boto3")


class ServerMachine(StoreMachine):
    """A store in a bucket that others use too."""

    opening = "open_bucket()"


def apart(keys: Sequence[str]) -> tuple[str, ...]:
    """Return keys none of which is a folder of another, and which are in the same order folder by folder."""
    kept: set[str] = set()
    for key in sorted(map(normalize_key, keys), key=lambda key: "/" not in key):
        if not any(folders_meet(key, other) or folders_meet(other, key) for other in kept):
            kept.add(key)
    return tuple(key for key in keys if normalize_key(key) in kept)


def folders_meet(key: str, other: str) -> bool:
    """Tell whether another key is a folder of this one, or stands before that folder and begins with its name."""
    folders = [key[:place] for place, character in enumerate(key) if character == "/"]
    return any(other.startswith(folder) and other[len(folder) :][:1] < "/" for folder in folders)


def seaweedfs_takes(key: str) -> bool:
    """Tell whether SeaweedFS keeps a key apart from others, and guesses no content type for it."""
    # It keeps no application/octet-stream, and gives a copy whatever type the copy's suffix suggests to it.
    return key not in faults.SEAWEEDFS_KEYS and "\\" not in key and "." not in key.rpartition("/")[2]


class SeaweedFSMachine(ServerMachine):
    """Without the keys and the ability in which SeaweedFS's folders show; see ``faults.SEAWEEDFS``."""

    keys = apart([key for key in KEYS if seaweedfs_takes(key)])
    lacks = frozenset({"list.recursive"})


class EmulatorMachine(ServerMachine):
    """Without the keys to which the emulator finds no route."""

    keys = tuple(key for key in KEYS if key not in faults.EMULATOR_KEYS)


def in_bucket(machine: type[ServerMachine], server: Any, prefix: str, engine: str) -> type[ServerMachine]:
    """Return a machine for a server's bucket."""
    opening = functools.partial(
        R2Backend,
        bucket=server.bucket,
        endpoint_url=server.endpoint_url,
        access_key=server.access_key,
        secret_key=server.secret_key,
        engine=engine,
    )
    return type(machine.__name__, (machine,), {"names": {"open_bucket": opening}, "scope": prefix[-13:]})


@pytest.mark.parametrize("engine", ENGINES)
def test_random_walks_in_seaweedfs_agree_with_a_dict(
    seaweedfs: Any, unique_prefix: str, walked: Walked, engine: str
) -> None:
    """Whatever is done in whatever order, a bucket answers as a dict would; its folders' faults are kept out of the keys."""
    walked(in_bucket(SeaweedFSMachine, seaweedfs, unique_prefix, engine), steps=100)


@pytest.mark.parametrize("engine", ENGINES)
def test_random_walks_in_the_emulator_agree_with_a_dict(
    emulator: Any, unique_prefix: str, walked: Walked, engine: str
) -> None:
    """Whatever is done in whatever order, a bucket answers as a dict would."""
    walked(in_bucket(EmulatorMachine, emulator, unique_prefix, engine), steps=100)
