"""Backends that each claim an option and silently drop it, run by ``test_capabilities.py``."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest

from assetstore import InvalidKeyError
from assetstore.options import OPERATIONS, every
from assetstore.plugin import DeleteOptions, Source, UploadOptions, hookimpl, is_valid_key
from assetstore.testing import MemoryBackend
from assetstore.testing.contract import BackendContract
from assetstore.testing.contract.capabilities import HINTS, NEVER_GIVEN
from assetstore_local import LocalBackend

SIGNING = ("presign", "begin_parts", "list_parts", "end_parts", "application")
FIELDS = every(*OPERATIONS) - NEVER_GIVEN - HINTS
SIGNED = sorted(field for field in FIELDS if field.partition(".")[0] in SIGNING)
STORED = sorted(FIELDS - {*SIGNED, "delete.foreign"})


def dropping(kind: type[Any], capability: str) -> type[Any]:
    """Return a subclass whose hook sees the default of one option, whatever the caller asked for."""
    op, _, field = capability.partition(".")
    # An update is a copy of an asset onto itself.
    hook = getattr(kind, f"assetstore_{'copy' if op == 'update' else op}")

    @hookimpl
    @functools.wraps(hook)
    def drop(self: Any, options: Any, **nouns: Any) -> Any:
        if op == "update" and nouns["source"] != nouns["destination"]:
            return hook(self, **nouns, options=options)
        default = getattr(attrs.fields(type(options)), field).default
        return hook(self, **nouns, options=attrs.evolve(options, **{field: default}))

    return type(kind.__name__, (kind,), {hook.__name__: drop})


class Picky(MemoryBackend):
    """Takes no foreign key, though it says so."""

    @hookimpl
    def assetstore_delete(self, keys: list[str], options: DeleteOptions) -> Any:
        """Refuse what it listed itself."""
        if not all(map(is_valid_key, keys)):
            raise InvalidKeyError("the key is not valid")
        return super().assetstore_delete(keys, options)


class MemoryContract(BackendContract):
    """The contract over a memory, in one place alone, which is quicker."""

    shared = True
    kind: type[MemoryBackend]

    @pytest.fixture
    def backend(self) -> MemoryBackend:
        """Return a new memory that drops something."""
        return self.kind()

    @pytest.fixture
    def plant(self, backend: MemoryBackend) -> Callable[[str], object]:
        """Return what makes an asset whose key breaks the rules."""
        return lambda key: backend.assetstore_upload(key, Source(b""), UploadOptions())


class FolderContract(BackendContract):
    """The contract over a folder, whose application honours what is signed."""

    shared = True
    kind: type[LocalBackend]

    @pytest.fixture
    def backend(self, tmp_path_factory: pytest.TempPathFactory) -> LocalBackend:
        """Return a backend over a new folder that drops something."""
        root: Path = tmp_path_factory.mktemp("assets")
        return self.kind(root=root, durable=False)


def class_name(capability: str) -> str:
    """Return the name of the contract over the backend that drops this option."""
    return "Test_" + capability.replace(".", "_")


for name in STORED:
    globals()[class_name(name)] = type(class_name(name), (MemoryContract,), {"kind": dropping(MemoryBackend, name)})
for name in SIGNED:
    globals()[class_name(name)] = type(class_name(name), (FolderContract,), {"kind": dropping(LocalBackend, name)})
globals()[class_name("delete.foreign")] = type(class_name("delete.foreign"), (MemoryContract,), {"kind": Picky})
