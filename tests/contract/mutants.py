"""The contract over each mutant of the backend in memory, run by ``test_mutants.py``."""

from __future__ import annotations

from typing import Any

import asset_mutants
import pytest
import signing_mutants
import store_mutants
from signing_mutants import SigningMemory
from store_mutants import NamesItsPlaceAnew

from assetstore import AssetStore
from assetstore.testing import MemoryBackend
from assetstore.testing.contract import BackendContract


class Lenient(AssetStore):
    """Drops an option that its backend does not claim."""

    def upload(self, source, key=None, **options):
        """Upload with the others."""
        claimed = {name: value for name, value in options.items() if self.can(f"upload.{name}")}
        return super().upload(source, key, **claimed)


class AcceptsWhatIsNotClaimed(MemoryBackend):
    """Claims hardly an option; a ``Lenient`` store stands before it."""

    supports = frozenset({"upload.content_type"})


def contract_of(kind: type[MemoryBackend], **attributes: Any) -> type[BackendContract]:
    """Return the contract over a new backend of this kind."""
    given = {"backend": pytest.fixture(lambda self: kind()), "patience": 2, **attributes}
    return type(f"Test{kind.__name__}", (BackendContract,), given)


def stack_leniently(self: BackendContract, backend: object, *plugins: object) -> AssetStore:
    """Return a store that refuses nothing."""
    return Lenient(("backend", backend), plugins=plugins, name="contract")


SOUND = (MemoryBackend, SigningMemory)
MUTANTS = [
    kind
    for module in (asset_mutants, store_mutants, signing_mutants)
    for kind in vars(module).values()
    if isinstance(kind, type) and issubclass(kind, MemoryBackend) and kind not in SOUND
]

globals().update((f"Test{kind.__name__}", contract_of(kind)) for kind in (*SOUND, *MUTANTS))
TestAcceptsWhatIsNotClaimed = contract_of(AcceptsWhatIsNotClaimed, stack=stack_leniently)
TestNamesItsPlaceAnew = contract_of(NamesItsPlaceAnew, reopen=pytest.fixture(lambda self: NamesItsPlaceAnew))
