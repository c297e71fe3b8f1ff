"""The contract through ``AsyncAssetStore``, on both event loops."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, cast

import pytest

from aio.driven import Loop, driven
from assetstore import AssetStore, SourceError
from assetstore.testing import MemoryBackend
from assetstore.testing.contract import BackendContract
from assetstore_local import LocalBackend


async def gathered() -> bytes:
    """Give bytes to whoever awaits it."""
    return b"new"


class Driven(BackendContract):
    """Every store of a test is driven through an event loop."""

    backend_of_anyio: ClassVar[str]
    loop: Loop

    @pytest.fixture(autouse=True)
    def _loop(self) -> Iterator[None]:
        """Run the event loop in a thread."""
        with contextlib.closing(Loop(self.backend_of_anyio)) as self.loop:
            yield

    def stack(self, backend: object, *plugins: object) -> AssetStore:
        """Return the asynchronous store in the form of an ordinary one."""
        return driven(super().stack(backend, *plugins), self.loop)

    def test_what_has_no_bytes_to_give_is_refused_and_not_stored_as_nothing(self, store: AssetStore) -> None:
        """A file left at its end is SourceError, and so is a coroutine; the old asset stays."""
        store.upload(b"old", "old")
        written = io.BytesIO()
        written.write(b"new")
        for key in ("old", "new"):
            for source in (written, gathered()):
                with pytest.raises(SourceError) as caught:
                    store.upload(cast(Any, source), key)
                assert (key, True) == (caught.value.key, bool(caught.value.hint))
        assert b"old" == store.read("old")
        assert ["old"] == [item.key for item in store.list()]


class TestMemoryOnTrio(Driven):
    """Runs every guarantee."""

    backend_of_anyio = "trio"

    @pytest.fixture
    def backend(self) -> MemoryBackend:
        """Return a new, empty memory."""
        return MemoryBackend()


class TestLocalOnAsyncio(Driven):
    """Runs every guarantee."""

    backend_of_anyio = "asyncio"
    exclusions: ClassVar[Mapping[str, str]] = {"test_signing_needs_no_network": "a thread wakes an event loop by a socket"}

    @pytest.fixture
    def backend(self, tmp_path_factory: pytest.TempPathFactory) -> LocalBackend:
        """Return a backend over a new folder outside of ``tmp_path``, which the guarantees use themselves."""
        root: Path = tmp_path_factory.mktemp("assets")
        return LocalBackend(root=root)
