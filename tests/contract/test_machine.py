"""Random walks through each store beside a dict."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import run_state_machine_as_test

from assetstore import AssetStore, is_valid_key
from assetstore.testing import MemoryBackend
from assetstore.testing.machine import StoreMachine
from assetstore_local import LocalBackend

LONG = settings.get_current_profile_name() == "long"
SETTINGS = settings(
    max_examples=1000 if LONG else 25,
    stateful_step_count=60 if LONG else 30,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
FEW = settings(SETTINGS, max_examples=40 if LONG else 3)

keys = st.text(min_size=1, max_size=20).filter(is_valid_key)


class MemoryMachine(StoreMachine):
    """A store in memory."""

    def place(self) -> Callable[[], AssetStore]:
        """Open one memory again and again."""
        backend = MemoryBackend()
        return lambda: AssetStore(backend)


class LocalMachine(StoreMachine):
    """A store in a folder."""

    def place(self) -> Callable[[], AssetStore]:
        """Open one folder again and again."""
        self.folder = tempfile.TemporaryDirectory()
        return lambda: AssetStore(LocalBackend(root=Path(self.folder.name)))

    def teardown(self) -> None:
        """Remove the folder too."""
        super().teardown()
        self.folder.cleanup()


def test_random_walks_in_memory_agree_with_a_dict() -> None:
    """Whatever is done in whatever order, the store in memory answers as a dict would."""
    run_state_machine_as_test(MemoryMachine, settings=SETTINGS)


def test_random_walks_in_a_folder_agree_with_a_dict() -> None:
    """Whatever is done in whatever order, the store in a folder answers as a dict would."""
    run_state_machine_as_test(LocalMachine, settings=SETTINGS)


@settings(SETTINGS, max_examples=2000 if LONG else 100)
@given(assets=st.dictionaries(keys, st.binary(max_size=100), max_size=8))
def test_a_store_behaves_as_a_dict(assets: dict[str, bytes]) -> None:
    """Any valid keys and bytes come back as a dict gives them back, in the order of the keys."""
    with AssetStore(MemoryBackend()) as store:
        for key, data in assets.items():
            store.upload(data, key)
        assert sorted(assets.items()) == [(item.key, store.read(item.key)) for item in store.list()]
