"""Backends that each claim an option and silently drop it, run by ``test_capabilities.py``."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import attrs
import pytest

from assetstore import DeleteOptions, InvalidKeyError, Source, UploadOptions, hookimpl, is_valid_key
from assetstore.relay import OPTION_FIELDS
from assetstore.testing import MemoryBackend
from assetstore.testing.contract import BackendContract
from assetstore_r2 import R2Backend

SIGNED = sorted(field for field in OPTION_FIELDS if field.startswith("presign."))
STORED = sorted(OPTION_FIELDS - {*SIGNED, "delete.foreign"})


def dropping(kind: type[Any], capability: str) -> type[Any]:
    """Return a subclass whose hook sees the default of one option, whatever the caller asked for."""
    op, _, field = capability.partition(".")
    hook = getattr(kind, f"assetstore_{op}")

    @hookimpl
    @functools.wraps(hook)
    def drop(self: Any, options: Any, **nouns: Any) -> Any:
        default = getattr(attrs.fields(type(options)), field).default
        return hook(self, **nouns, options=attrs.evolve(options, **{field: default}))

    return type(kind.__name__, (kind,), {f"assetstore_{op}": drop})


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


class BucketContract(BackendContract):
    """The contract over a bucket."""

    shared = True
    kind: type[R2Backend]

    @pytest.fixture
    def backend(self, seaweedfs: Any) -> R2Backend:
        """Return a backend over a server's bucket that drops something."""
        return self.kind(
            bucket=seaweedfs.bucket,
            endpoint_url=seaweedfs.endpoint_url,
            access_key=seaweedfs.access_key,
            secret_key=seaweedfs.secret_key,
        )


def class_name(capability: str) -> str:
    """Return the name of the contract over the backend that drops this option."""
    return "Test_" + capability.replace(".", "_")



for name in STORED:
    globals()[class_name(name)] = type(class_name(name), (MemoryContract,), {"kind": dropping(MemoryBackend, name)})
for name in SIGNED:
    globals()[class_name(name)] = type(class_name(name), (BucketContract,), {"kind": dropping(R2Backend, name)})
globals()[class_name("delete.foreign")] = type(class_name("delete.foreign"), (MemoryContract,), {"kind": Picky})
