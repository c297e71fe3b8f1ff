"""Random walks through each store beside a dict."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import attrs
import faults
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assetstore import AssetInfo, AssetStore, NotFoundError
from assetstore.plugin import Source, UploadOptions, hookimpl, is_valid_key, normalize_key
from assetstore.testing import MemoryBackend
from assetstore.testing.machine import KEYS, StoreMachine, Walker, walk
from assetstore_r2 import R2Backend

LONG = os.environ.get("HYPOTHESIS_PROFILE") == "long"

keys = st.text(min_size=1, max_size=20).filter(is_valid_key)

Walked = Callable[..., None]


class MemoryMachine(StoreMachine):
    """A store in memory."""

    setup = "backend = MemoryBackend()"
    opening = "backend"


class BareMachine(StoreMachine):
    """A store in memory that has neither copies nor downloads of its own."""

    setup = "backend = FaultyBackend(MemoryBackend(), without=['copy', 'download'])"
    opening = "backend"


class LocalMachine(StoreMachine):
    """A store in a folder."""

    setup = "from assetstore_local import LocalBackend"
    opening = "LocalBackend(root=folder / 'assets')"


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


@pytest.fixture
def walked(record_property: Callable[[str, object], None]) -> Walked:
    """Return what walks, 10,000 steps in the long profile, and counts the steps for the summary."""

    def walked(machine: type[Walker], *, steps: int = 300) -> None:
        wanted = 10_000 if LONG else steps
        taken = walk(machine, steps=wanted)
        used = f"{len(machine.keys)} of {len(KEYS)} keys"
        lacks = f", without {', '.join(machine.lacks)}" if machine.lacks else ""
        line = f"{machine.__name__}: {taken:,} steps, {used}{lacks}"
        record_property("assetstore-steps", line)
        sys.stdout.write(f"{line}\n")
        assert taken >= wanted

    return walked


def in_bucket(machine: type[ServerMachine], server: Any, prefix: str) -> type[ServerMachine]:
    """Return a machine for a server's bucket."""
    opening = functools.partial(
        R2Backend,
        bucket=server.bucket,
        endpoint_url=server.endpoint_url,
        access_key=server.access_key,
        secret_key=server.secret_key,
    )
    return type(machine.__name__, (machine,), {"names": {"open_bucket": opening}, "scope": prefix[-13:]})


def test_random_walks_in_memory_agree_with_a_dict(walked: Walked) -> None:
    """Whatever is done in whatever order, the store in memory answers as a dict would."""
    walked(MemoryMachine)


def test_random_walks_through_fallbacks_agree_with_a_dict(walked: Walked) -> None:
    """Copies and downloads by way of this machine answer as a dict would, too."""
    walked(BareMachine)


def test_random_walks_in_a_folder_agree_with_a_dict(walked: Walked) -> None:
    """Whatever is done in whatever order, the store in a folder answers as a dict would."""
    walked(LocalMachine)


def test_random_walks_in_seaweedfs_agree_with_a_dict(seaweedfs: Any, unique_prefix: str, walked: Walked) -> None:
    """Whatever is done in whatever order, a bucket answers as a dict would; its folders' faults are kept out of the keys."""
    walked(in_bucket(SeaweedFSMachine, seaweedfs, unique_prefix), steps=100)


def test_random_walks_in_the_emulator_agree_with_a_dict(emulator: Any, unique_prefix: str, walked: Walked) -> None:
    """Whatever is done in whatever order, a bucket answers as a dict would."""
    walked(in_bucket(EmulatorMachine, emulator, unique_prefix), steps=100)


class Overwriting(MemoryBackend):
    """Never refuses."""

    @hookimpl
    def assetstore_upload(self, key: str, source: Source, options: UploadOptions) -> AssetInfo:
        """Write over whatever is there."""
        return super().assetstore_upload(key, source, attrs.evolve(options, overwrite=True))


class Careless(MemoryBackend):
    """Forgets an asset before it has the new bytes."""

    @hookimpl
    def assetstore_upload(self, key: str, source: Source, options: UploadOptions) -> AssetInfo:
        """Forget first."""
        if options.overwrite and options.if_match is None:
            self._assets.pop(key, None)
        return super().assetstore_upload(key, source, options)


class BrokenMachine(StoreMachine):
    """A store whose backend is to be found out."""

    setup = "backend = Backend()"
    opening = "backend"


@pytest.mark.parametrize("backend", [Overwriting, Careless])
def test_what_is_printed_leads_to_the_divergence_again(backend: type[MemoryBackend]) -> None:
    """The failure is Python alone: pasted, its few calls fail on the broken backend and on no other."""
    machine = type("BrokenMachine", (BrokenMachine,), {"names": {"Backend": backend}})
    with pytest.raises(pytest.fail.Exception) as caught:
        walk(machine, steps=4000)
    script = str(caught.value)
    sys.stdout.write(script)
    assert 8 > script.partition("store = ")[2].count("\n")
    with pytest.raises((AssertionError, NotFoundError, pytest.fail.Exception)):
        exec(script, {"Backend": backend})
    exec(script, {"Backend": MemoryBackend})


def test_pytest_prints_the_way_and_nothing_else(tmp_path: Path) -> None:
    """In the output of a failed test the Python stands as it can be pasted, without marks before its lines."""
    file = tmp_path / "test_overwriting.py"
    file.write_text(
        "from test_machine import BrokenMachine, Overwriting, walk\n"
        "class Machine(BrokenMachine):\n"
        "    names = {'Backend': Overwriting}\n"
        "def test_it():\n"
        "    walk(Machine, steps=4000)\n"
    )
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", str(file)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
    run = subprocess.run(command, capture_output=True, text=True, timeout=1500, cwd=tmp_path, env=environment)
    printed = run.stdout.partition("___ test_it ___")[2].partition("\n")[2].partition("\n===")[0]
    assert printed.startswith("# A random walk led here")
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        exec(printed, {"Backend": Overwriting})
    exec(printed, {"Backend": MemoryBackend})


@settings(max_examples=2000 if LONG else 100)
@given(assets=st.dictionaries(keys, st.binary(max_size=100), max_size=8))
def test_a_store_behaves_as_a_dict(assets: dict[str, bytes]) -> None:
    """Any valid keys and bytes come back as a dict gives them back, in the order of the keys."""
    with AssetStore(MemoryBackend()) as store:
        for key, data in assets.items():
            store.upload(data, key)
        assert sorted(assets.items()) == [(item.key, store.read(item.key)) for item in store.list()]
