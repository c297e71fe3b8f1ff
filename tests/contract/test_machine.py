"""Random walks through each store beside a dict."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assetstore import AssetInfo, AssetStore, NotFoundError
from assetstore.plugin import Source, UploadOptions, hookimpl, is_valid_key
from assetstore.testing import MemoryBackend
from assetstore.testing.machine import StoreMachine, walk

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


def test_random_walks_in_memory_agree_with_a_dict(walked: Walked) -> None:
    """Whatever is done in whatever order, the store in memory answers as a dict would."""
    walked(MemoryMachine)


def test_random_walks_through_fallbacks_agree_with_a_dict(walked: Walked) -> None:
    """Copies and downloads by way of this machine answer as a dict would, too."""
    walked(BareMachine)


def test_random_walks_in_a_folder_agree_with_a_dict(walked: Walked) -> None:
    """Whatever is done in whatever order, the store in a folder answers as a dict would."""
    walked(LocalMachine)


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
    """A store with a broken backend."""

    setup = "backend = Backend()"
    opening = "backend"


@pytest.mark.parametrize("backend", [Overwriting, Careless])
def test_what_is_printed_leads_to_the_divergence_again(backend: type[MemoryBackend]) -> None:
    """The failure is pure Python: pasted, its few calls fail on the broken backend and on no other."""
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
