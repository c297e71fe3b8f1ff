"""What the guarantees are given: a store over the backend under test, and what watches it."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import ClassVar, TypeAlias

import attrs
import pytest

from assetstore.errors import AssetStoreError
from assetstore.hooks import Hooks, hookimpl
from assetstore.options import NameOptions
from assetstore.results import ProposedKey
from assetstore.store import AssetStore
from assetstore.testing.contract import summary
from assetstore.testing.faulty import FaultyBackend
from assetstore.testing.observer import RecordingObserver

Able: TypeAlias = Callable[[str], bool]
WrapperFactory: TypeAlias = Callable[[Hooks], object]
Wrappers: TypeAlias = Sequence[WrapperFactory | tuple[str, WrapperFactory]]


def brief(data: bytes) -> bytes | str:
    """Return something short that only these bytes have: of large ones pytest would print, for minutes, how they differ."""
    return data if len(data) < 5_000 else f"{len(data)} bytes, {data[:8]!r}..., sha256:{hashlib.sha256(data).hexdigest()}"


@attrs.define(eq=False)
class ScriptedNaming:
    """Proposes what a test has laid down.

    Attributes:
        proposals: answers to come, in order.
        asked: the file name and options of each question so far.
    """

    proposals: list[ProposedKey] = attrs.field(factory=list)
    asked: list[tuple[str, NameOptions]] = attrs.field(factory=list)

    @hookimpl
    def assetstore_name(self, filename: str, options: NameOptions) -> ProposedKey | None:
        """Hand out the next proposal, or none."""
        self.asked.append((filename, options))
        return self.proposals.pop(0) if self.proposals else None


class Fixtures:
    """The fixture to override and those made from it; see ``BackendContract``."""

    shared: ClassVar[bool] = False
    part_size: ClassVar[int] = 1 << 16
    exclusions: ClassVar[Mapping[str, str]] = {}
    lucky: ClassVar[frozenset[str]] = frozenset()
    excluded_keys: ClassVar[Mapping[str, str]] = {}
    wrappers: ClassVar[Wrappers] = ()

    def __init_subclass__(cls) -> None:
        unknown = [name for name in cls.exclusions if not hasattr(cls, name)]
        if unknown:
            raise TypeError(f"exclusions of {cls.__name__} name no guarantee: {', '.join(unknown)}")

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Run every guarantee under a prefix, and on the whole store too unless others use it."""
        summary.register(metafunc.config)
        if "scope" in metafunc.fixturenames:
            metafunc.parametrize("scope", ["scoped"] if self.shared else ["whole", "scoped"])

    @pytest.fixture(autouse=True)
    def _exclusion(self, request: pytest.FixtureRequest, record_property: Callable[[str, object], None]) -> None:
        """Run an excluded guarantee all the same; it has to fail, unless luck can let it hold."""
        reason = self.exclusions.get(request.node.originalname)
        if reason is not None:
            record_property(summary.EXCLUDED, f"{type(self).__name__}.{request.node.originalname}: {reason}")
            strict = request.node.originalname not in self.lucky
            request.applymarker(pytest.mark.xfail(reason=reason, strict=strict))

    @pytest.fixture
    def backend(self) -> object:
        """Return a new backend, over a place that is new too unless ``shared``; override this."""
        raise NotImplementedError("override the fixture 'backend'")

    @pytest.fixture
    def reopen(self) -> Callable[[], object] | None:
        """Return a picklable function that makes the same backend in another process, if it can be shared so."""
        return None

    @pytest.fixture
    def plant(self) -> Callable[[str], object] | None:
        """Return what makes an asset under a key that breaks the rules, behind the store's back, if that can be done."""
        return None

    @pytest.fixture
    def spy(self, backend: object) -> FaultyBackend:
        """Return what stands between store and backend and notes each call."""
        return FaultyBackend(backend)

    @pytest.fixture
    def observer(self) -> RecordingObserver:
        """Return the store's observer."""
        return RecordingObserver()

    @pytest.fixture
    def naming(self) -> ScriptedNaming:
        """Return the store's naming plugin."""
        return ScriptedNaming()

    @pytest.fixture
    def prefix(self, scope: str) -> str:
        """Return what stands before each key in the backend, always 22 bytes or none."""
        return f"contract-{secrets.token_hex(6)}/" if scope == "scoped" else ""

    @pytest.fixture
    def store(
        self, prefix: str, spy: FaultyBackend, observer: RecordingObserver, naming: ScriptedNaming
    ) -> Iterator[AssetStore]:
        """Yield an empty store, and empty it again where others see it."""
        whole = self.stack(spy, observer, naming)
        store = whole.scoped(prefix)
        yield store
        # A guarantee about closing leaves a closed store; what is not cleaned up then was never written.
        with contextlib.suppress(AssetStoreError):
            if prefix:
                store.delete_many(list(store.list()))
        whole.close()

    @pytest.fixture
    def rival(
        self, reopen: Callable[[], object] | None, prefix: str, record_property: Callable[[str, object], None]
    ) -> Callable[[], AssetStore] | None:
        """Return a function that opens the place of ``store`` once more, in this process or another."""
        if reopen is None:
            record_property(summary.LEFT_OUT, f"{type(self).__name__}: a place that two stores can share")
            return None
        return functools.partial(_open_again, reopen, self.wrappers, prefix)

    def stack(self, backend: object, *plugins: object) -> AssetStore:
        """Return a store over a backend, with the wrappers under test between them."""
        return AssetStore(("backend", backend), wrappers=self.wrappers, plugins=plugins, name="contract")

    @pytest.fixture
    def able(self, store: AssetStore, record_property: Callable[[str, object], None]) -> Able:
        """Return ``store.can``, which also notes for the summary what a backend cannot do."""

        def able(capability: str) -> bool:
            can = store.can(capability)
            if not can:
                record_property(summary.LEFT_OUT, f"{type(self).__name__}: {capability}")
            return can

        return able


def _open_again(reopen: Callable[[], object], wrappers: Wrappers, prefix: str) -> AssetStore:
    return AssetStore(("backend", reopen()), wrappers=wrappers, name="contract").scoped(prefix)
