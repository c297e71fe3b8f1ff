"""The contract through the wrappers that come with assetstore or are examples, and what cannot slip past them."""

from __future__ import annotations

import functools
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest
import test_local

from assetstore import AssetStore, CollectReport, PresignedRequest, UnsupportedError
from assetstore.hooks import OPTIONAL
from assetstore.plugin import CollectOptions, PresignOptions, UrlOptions, every, hookimpl
from assetstore.testing import FaultyBackend, MemoryBackend
from assetstore.testing.contract import BackendContract
from assetstore.testing.contract.bound import BoundGuarantees
from assetstore.testing.contract.bulk import BulkGuarantees
from assetstore.testing.contract.changing import ChangingGuarantees
from assetstore.testing.contract.collecting import CollectingGuarantees
from assetstore.testing.contract.conditions import ConditionGuarantees
from assetstore.testing.contract.deleting import DeletingGuarantees
from assetstore.testing.contract.direct import DirectGuarantees
from assetstore.testing.contract.direct_refusals import DirectRefusalGuarantees
from assetstore.testing.contract.fixtures import Fixtures
from assetstore.testing.contract.parts import PartsGuarantees
from assetstore.testing.contract.reading import ReadingGuarantees
from assetstore.testing.contract.sharing import SharingGuarantees
from assetstore.testing.contract.signing import SigningGuarantees
from assetstore.testing.contract.wrapping import WrapperGuarantees
from assetstore_wrappers.cache import Cache
from assetstore_wrappers.encryption import Encryption
from assetstore_wrappers.mirror import Mirror
from assetstore_wrappers.read_through import ReadThrough
from assetstore_wrappers.trash import Trash

sys.path[:0] = map(str, (Path(__file__).parents[2] / "examples").glob("*/src"))

from assetstore_policy import Policy  # noqa: E402 - found only now

encrypted = functools.partial(Encryption, secret="c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3I=")
# The contract's assets are not what their types say.
lenient = functools.partial(Policy, sniff=False, max_size=50_000_000)


class MemoryContract(BackendContract):
    """The contract over a memory, under a prefix alone, which most wrappers do not know of."""

    shared = True

    @pytest.fixture
    def backend(self) -> MemoryBackend:
        """Return a new, empty memory."""
        return MemoryBackend()


class LocalContract(
    test_local.OnLocal,
    ReadingGuarantees,
    DeletingGuarantees,
    ChangingGuarantees,
    BulkGuarantees,
    ConditionGuarantees,
    SharingGuarantees,
    SigningGuarantees,
    BoundGuarantees,
    PartsGuarantees,
    DirectGuarantees,
    DirectRefusalGuarantees,
    CollectingGuarantees,
    WrapperGuarantees,
):
    """What is another way over a folder: it has files, is shared, signs, takes many at once and parts, and has leftovers.

    What a wrapper makes of keys, headers and listings is the same over any backend, and is shown over a memory.
    """

    shared = True


class TestEncryption(MemoryContract):
    """Whoever encrypts loses nothing but what would hand out encrypted bytes; here the prefix is part of what is proved."""

    shared = False
    wrappers = (encrypted,)


class TestPolicy(MemoryContract):
    """What keeps to the policy is stored as if there were none."""

    wrappers = (lenient,)


class TestCache(MemoryContract):
    """Through a cache, no read is stale."""

    @pytest.fixture(autouse=True)
    def _stack(self, tmp_path_factory: pytest.TempPathFactory) -> None:
        """Give every test a folder of its own, too small for all of its assets."""
        self.wrappers = [functools.partial(Cache, folder=tmp_path_factory.mktemp("cache"), max_bytes=1_000_000)]


class TestEncryptionOnLocal(LocalContract):
    """So it is over a folder."""

    wrappers = (encrypted,)


class TestCacheOnLocal(LocalContract):
    """So it is over a folder, which two stores may share, each with a cache of its own."""

    @pytest.fixture(autouse=True)
    def _stack(self, tmp_path_factory: pytest.TempPathFactory) -> None:
        """Give every test a folder of its own for the cache."""
        self.wrappers = [functools.partial(Cache, folder=tmp_path_factory.mktemp("cache"))]


TRASHED: Mapping[str, str] = {
    "test_nothing_slips_past_a_wrapper_that_does_not_pass_it": "a move deletes, and so the trash copies below the wrapper",
    **dict.fromkeys(
        ("test_a_key_that_cannot_be_deleted_is_reported", "test_a_batch_that_fails_fails_for_each_of_its_keys"),
        "they delete nothing; what could not be copied to the trash, since it was not there, is not deleted below",
    ),
}
SIGNED = (
    *("test_a_signed_url_works_as_it_was_signed", "test_signing_needs_no_network", "test_a_signed_url_is_for_one_method"),
    "test_a_signed_url_of_nothing_is_not_found",
)


class TestTrash(MemoryContract):
    """Whoever deletes into a trash sees no difference, but for what stands in it."""

    shared = False
    wrappers = (Trash,)
    exclusions: ClassVar[Mapping[str, str]] = TRASHED


class TestTrashOnLocal(LocalContract):
    """So it is over a folder, whose signed requests can be anything but a DELETE."""

    wrappers = (Trash,)
    exclusions: ClassVar[Mapping[str, str]] = TRASHED | dict.fromkeys(SIGNED, "a signed DELETE would go past the trash")


def opening(wrapper: Any, other: object, **settings: object) -> Any:
    """Return a factory of a wrapper that needs another store, over a backend that the test keeps."""
    return functools.partial(wrapper, store=AssetStore(other, name="other"), **settings)


class Mirrored(Fixtures):
    """The contract through a mirror."""

    @pytest.fixture(autouse=True)
    def _stack(self) -> None:
        """Give every test a second store of its own."""
        self.wrappers = [opening(Mirror, MemoryBackend())]


class TestMirror(Mirrored, MemoryContract):
    """Whoever writes to two stores loses nothing but signed writes."""

    shared = False


class ReadingThrough(Fixtures):
    """The contract in front of another store, which is empty."""

    @pytest.fixture(autouse=True)
    def _stack(self) -> None:
        """Give every test a store behind of its own."""
        self.wrappers = [opening(ReadThrough, MemoryBackend(), fill=True)]


class TestReadThrough(ReadingThrough, MemoryContract):
    """In front of another store nothing is lost but signed requests."""

    shared = False


class TestMirrorOnLocal(Mirrored, LocalContract):
    """So it is over a folder."""

    reopen = Fixtures.reopen


class TestReadThroughOnLocal(ReadingThrough, LocalContract):
    """So it is over a folder."""

    reopen = Fixtures.reopen


class TestAll(MemoryContract):
    """One on top of the other: what the cache holds is encrypted."""

    @pytest.fixture(autouse=True)
    def _stack(self, tmp_path_factory: pytest.TempPathFactory) -> None:
        """Give every test a folder of its own."""
        self.wrappers = [lenient, encrypted, functools.partial(Cache, folder=tmp_path_factory.mktemp("cache"))]


class Linked(MemoryBackend):
    """A memory with every optional operation."""

    supports: ClassVar[frozenset[str]] = MemoryBackend.supports | {"presign.method"} | every("collect")

    @hookimpl
    def assetstore_presign(self, key: str, options: PresignOptions) -> PresignedRequest:
        """Sign for nowhere."""
        end = datetime.now(UTC) + timedelta(seconds=options.expires)
        return PresignedRequest(url="https://cdn.example/signed", method=options.method, expires_at=end)

    @hookimpl
    def assetstore_url(self, key: str, options: UrlOptions) -> str:
        """Point nowhere."""
        return "https://cdn.example/public"

    @hookimpl
    def assetstore_collect(self, options: CollectOptions) -> CollectReport:
        """Find nothing."""
        return CollectReport()


@pytest.mark.parametrize(
    ("wrapper", "passed"),
    [
        (encrypted, {"check", "collect"}),
        (lenient, {"download", "url", "check", "collect"}),
        (functools.partial(Cache, folder=Path("unused")), {"copy", "presign", "url", "check", "collect"}),
    ],
    ids=["encryption", "policy", "cache"],
)
def test_only_what_is_safe_gets_past(wrapper: Any, passed: set[str], tmp_path: Path) -> None:
    """Of the optional operations those that a wrapper passes reach the backend; others are done through it or refused."""
    backend = FaultyBackend(Linked())
    store = AssetStore(backend, wrappers=[wrapper])
    store.upload(b"", "a")
    for op, operation in {"presign": store.presign, "url": store.url}.items():
        if op in passed:
            operation("a")
        else:
            with pytest.raises(UnsupportedError):
                operation("a")
    store.copy("a", "b")
    store.move("b", "c")
    store.update("c", content_type="text/plain")
    store.download("c", tmp_path / "c")
    store.check()
    store.collect()
    assert passed == {op for op, _ in backend.calls} & set(OPTIONAL)


def test_no_plain_byte_reaches_a_backend_below_encryption() -> None:
    """Whatever is called, what stands in the backend and in the cache is encrypted."""
    plain = b"the treasure lies below the keep" * 10_000
    backend = MemoryBackend()
    store, bare = AssetStore(backend, wrappers=[encrypted]), AssetStore(backend)
    store.upload(plain, "a")
    store.copy("a", "b")
    store.update("b", metadata={"by": "gm"})
    store.move("b", "c")
    with store.writer("d") as out:
        out.write(plain)
    assert [plain] * 3 == [store.read(info.key) for info in store.list()]
    assert [] == [info.key for info in bare.list() if plain[:32] in bare.read(info.key)]
