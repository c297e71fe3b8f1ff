"""The contract through wrappers around the backend in memory, and what cannot slip past them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar
from urllib.parse import quote

import pytest
from signing_mutants import SigningMemory

from assetstore import (
    AssetInfo,
    AssetStore,
    CheckReport,
    CollectReport,
    DeleteReport,
    ListPage,
    PresignedRequest,
    UnsupportedError,
    UploadedPart,
)
from assetstore.hooks import OPTIONAL, REQUIRED
from assetstore.plugin import (
    ApplicationOptions,
    AssetStream,
    CheckOptions,
    CollectOptions,
    Container,
    ContainerOptions,
    CopyOptions,
    DeleteOptions,
    DownloadOptions,
    EndPartsOptions,
    ListOptions,
    PartsOptions,
    PathOptions,
    PresignOptions,
    ReadOptions,
    Source,
    StatOptions,
    UploadOptions,
    UrlOptions,
    Wrapper,
    every,
    hookimpl,
)
from assetstore.testing import FaultyBackend, MemoryBackend
from assetstore.testing.contract import BackendContract
from assetstore.testing.contract.wrapping import WrapperGuarantees


class Plain(Wrapper):
    """Changes nothing, and passes nothing."""


class Passing(Wrapper):
    """Changes nothing, and passes everything."""

    passes: ClassVar[frozenset[str]] = frozenset(OPTIONAL)


class HandingOn(Wrapper):
    """Implements every hook itself and hands on to the layer below."""

    supports: ClassVar[frozenset[str]] = frozenset(f"{op}.*" for op in (*REQUIRED, *OPTIONAL))

    @hookimpl
    def assetstore_upload(self, key: str, source: Source, options: UploadOptions) -> AssetInfo | None:
        """Hand on."""
        return self.inner.assetstore_upload(key=key, source=source, options=options)

    @hookimpl
    def assetstore_read(self, key: str, options: ReadOptions) -> AssetStream | None:
        """Hand on."""
        return self.inner.assetstore_read(key=key, options=options)

    @hookimpl
    def assetstore_stat(self, key: str, options: StatOptions) -> AssetInfo | None:
        """Hand on."""
        return self.inner.assetstore_stat(key=key, options=options)

    @hookimpl
    def assetstore_list(self, prefix: str, options: ListOptions) -> ListPage | None:
        """Hand on."""
        return self.inner.assetstore_list(prefix=prefix, options=options)

    @hookimpl
    def assetstore_delete(self, keys: Sequence[str], options: DeleteOptions) -> DeleteReport | None:
        """Hand on."""
        return self.inner.assetstore_delete(keys=keys, options=options)

    @hookimpl
    def assetstore_download(self, key: str, path: Path, options: DownloadOptions) -> AssetInfo | None:
        """Hand on."""
        return self.inner.assetstore_download(key=key, path=path, options=options)

    @hookimpl
    def assetstore_copy(self, source: str, destination: str, options: CopyOptions) -> AssetInfo | None:
        """Hand on."""
        return self.inner.assetstore_copy(source=source, destination=destination, options=options)

    @hookimpl
    def assetstore_presign(self, key: str, options: PresignOptions) -> PresignedRequest | None:
        """Hand on."""
        return self.inner.assetstore_presign(key=key, options=options)

    @hookimpl
    def assetstore_url(self, key: str, options: UrlOptions) -> str | None:
        """Hand on."""
        return self.inner.assetstore_url(key=key, options=options)

    @hookimpl
    def assetstore_path(self, key: str, options: PathOptions) -> Path | None:
        """Hand on."""
        return self.inner.assetstore_path(key=key, options=options)

    @hookimpl
    def assetstore_container(self, options: ContainerOptions) -> Container | None:
        """Hand on."""
        return self.inner.assetstore_container(options=options)

    @hookimpl
    def assetstore_check(self, options: CheckOptions) -> CheckReport | None:
        """Hand on."""
        return self.inner.assetstore_check(options=options)

    @hookimpl
    def assetstore_collect(self, options: CollectOptions) -> CollectReport | None:
        """Hand on."""
        return self.inner.assetstore_collect(options=options)

    @hookimpl
    def assetstore_begin_parts(self, key: str, options: UploadOptions) -> str | None:
        """Hand on."""
        return self.inner.assetstore_begin_parts(key=key, options=options)

    @hookimpl
    def assetstore_list_parts(self, key: str, options: PartsOptions) -> Sequence[UploadedPart] | None:
        """Hand on."""
        return self.inner.assetstore_list_parts(key=key, options=options)

    @hookimpl
    def assetstore_end_parts(self, key: str, options: EndPartsOptions) -> AssetInfo | None:
        """Hand on."""
        return self.inner.assetstore_end_parts(key=key, options=options)

    @hookimpl
    def assetstore_application(self, options: ApplicationOptions) -> Any | None:
        """Hand on."""
        return self.inner.assetstore_application(options=options)


class Tidy(MemoryBackend):
    """Has a hook for leftovers, of which there are none."""

    supports: ClassVar[frozenset[str]] = MemoryBackend.supports | every("collect")

    @hookimpl
    def assetstore_collect(self, options: CollectOptions) -> CollectReport:
        """Find nothing."""
        return CollectReport()


class Linked(Tidy, SigningMemory):
    """Has every optional operation."""

    supports: ClassVar[frozenset[str]] = SigningMemory.supports | Tidy.supports

    @hookimpl
    def assetstore_url(self, key: str, options: UrlOptions) -> str:
        """Point nowhere."""
        return f"https://cdn.example/{quote(key)}"

    @hookimpl
    def assetstore_container(self, options: ContainerOptions) -> Container:
        """Be the only one."""
        return Container(service="memory", account="", name=str(id(self)))

    @hookimpl
    def assetstore_path(self, key: str, options: PathOptions) -> Path:
        """Write a file."""
        data = self._find(key)[1]
        if "folder" not in vars(self):
            vars(self)["folder"] = TemporaryDirectory(prefix="linked-")
        path = Path(vars(self)["folder"].name, quote(key, safe=""))
        path.write_bytes(data)
        return path

    @hookimpl
    def assetstore_close(self) -> None:
        """Remove the files."""
        if "folder" in vars(self):
            vars(self).pop("folder").cleanup()


class MemoryContract(BackendContract):
    """The contract over a memory, in a part of it alone, which is quicker."""

    shared: ClassVar[bool] = True

    @pytest.fixture
    def backend(self) -> MemoryBackend:
        """Return a new, empty memory."""
        return MemoryBackend()


class TestPlain(MemoryContract):
    """Through a wrapper that passes nothing, the store copies and downloads by reading and uploading."""

    wrappers = (Plain,)


class TestPassing(MemoryContract):
    """Through a wrapper that passes everything."""

    wrappers = (Passing,)


class TestHandingOn(MemoryContract):
    """Through two wrappers that implement everything, one of them named."""

    wrappers = (("outer", HandingOn), HandingOn)

    @pytest.fixture
    def backend(self) -> Tidy:
        """Return a new, empty memory that has leftovers to look for."""
        return Tidy()


class TestHandingOnWhatIsSigned(MemoryContract):
    """Through two wrappers that implement everything, over a memory that signs."""

    wrappers = (HandingOn, HandingOn)

    @pytest.fixture
    def backend(self) -> Linked:
        """Return a new, empty memory."""
        return Linked()


class TestNothingSlipsPast(WrapperGuarantees):
    """The guarantees about wrappers, over a backend that has every operation there is."""

    @pytest.fixture
    def backend(self) -> Linked:
        """Return a new, empty memory with links."""
        return Linked()


def test_a_backend_with_every_operation_is_meant() -> None:
    """What the guarantees about wrappers are tried on really could be slipped past to."""
    store = AssetStore(Linked())
    assert [True] * len(OPTIONAL) == [store.can(op) for op in OPTIONAL]


@pytest.mark.parametrize("passed", ["presign", "url"])
def test_only_what_is_named_is_passed(passed: str) -> None:
    """Of signed requests and URLs the one in ``passes`` reaches the backend, the other does not."""
    backend = FaultyBackend(Linked())
    wrapper = type("Selective", (Wrapper,), {"passes": frozenset({passed})})
    store = AssetStore(backend, wrappers=[wrapper])
    operations = {"presign": store.presign, "url": store.url}
    assert operations.pop(passed)("a")
    (refused,) = operations.values()
    with pytest.raises(UnsupportedError):
        refused("a")
    assert [passed] == [op for op, _ in backend.calls]


@pytest.mark.parametrize("stack", [(Plain, HandingOn), (HandingOn, Plain), (Passing, Plain), (Plain, Passing)])
def test_one_wrapper_that_does_not_pass_is_enough(stack: tuple[type[Wrapper], type[Wrapper]], tmp_path: Path) -> None:
    """Wherever it stands among others, nothing native gets past it, and everything still works."""
    backend = FaultyBackend(Linked())
    store = AssetStore(backend, wrappers=stack)
    store.upload(b"abc", "a")
    store.copy("a", "b")
    store.download("b", tmp_path / "b")
    assert b"abc" == (tmp_path / "b").read_bytes()
    with store.as_local("b") as path:
        assert b"abc" == path.read_bytes()
    for operation in (store.presign, store.url, store.path):
        with pytest.raises(UnsupportedError):
            operation("a")
    assert set() == {op for op, _ in backend.calls} & set(OPTIONAL)
