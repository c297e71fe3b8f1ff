"""The contract on a folder that is as strict as R2, and on R2's plugin in front of a server made as strict: one verdict."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import attrs
import faults
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from test_servers import ServerContract

from assetstore import AssetStore
from assetstore.plugin import UploadOptions, r2_metadata_size
from assetstore.testing.contract import BackendContract
from assetstore.testing.contract.backend import guarantees
from assetstore_local import LocalBackend, r2_rules
from assetstore_r2 import R2Backend
from assetstore_r2.errors import BY_CODE
from assetstore_r2.headers import SHA256, WRITE, upload_params
from assetstore_r2.testing import FaultProxy, R2Personality, Request, refusals
from assetstore_r2.testing.calls import Call

# Otherwise each further write of a key would wait for its second.
SECOND = 0.01
EXCLUSIONS = faults.METADATA


class Hurried(LocalBackend):
    """A folder whose seconds are short."""

    rules: ClassVar[r2_rules.R2Rules] = r2_rules.R2Rules(pause=SECOND)


class TestProfile(BackendContract):
    """Runs every guarantee over a folder that refuses what R2 refuses."""

    exclusions: ClassVar[dict[str, str]] = EXCLUSIONS

    @pytest.fixture
    def root(self, tmp_path_factory: pytest.TempPathFactory) -> Path:
        """Return a new folder outside of ``tmp_path``, which the guarantees use themselves."""
        return tmp_path_factory.mktemp("assets")

    @pytest.fixture
    def reopen(self, root: Path) -> Callable[[], LocalBackend]:
        """Return how another process opens the same folder."""
        return functools.partial(Hurried, root=root, durable=False, profile="r2", public_url="https://cdn.example/assets")

    @pytest.fixture
    def backend(self, reopen: Callable[[], LocalBackend]) -> LocalBackend:
        """Return a backend over a new folder."""
        return reopen()


@pytest.fixture(scope="module")
def strict(emulator: Any) -> Iterator[FaultProxy]:
    """Give Cloudflare's emulator, with those of R2's rules that it lacks in front of it."""
    with FaultProxy(emulator.endpoint_url, personality=R2Personality(write_interval=SECOND)) as proxy:
        yield proxy


class TestPersonality(ServerContract):
    """Runs every guarantee over R2's plugin, whose server refuses what R2 refuses."""

    server_faults: ClassVar[dict[str, str]] = {
        test: reason for test, reason in faults.EMULATOR.items() if test not in EXCLUSIONS
    }
    exclusions: ClassVar[dict[str, str]] = EXCLUSIONS | server_faults
    excluded_keys: ClassVar[dict[str, str]] = faults.EMULATOR_KEYS

    @pytest.fixture
    def server(self, emulator: Any, strict: FaultProxy) -> Any:
        """Return the server as it is seen through the proxy."""
        return attrs.evolve(emulator, endpoint_url=strict.url)


def verdicts(kind: type[BackendContract]) -> dict[str, str]:
    """Return what became of each guarantee where its tests above passed: an excluded one has to fail, any other to hold."""
    return {item.test: "excluded" if item.test in kind.exclusions else "passed" for item in guarantees()}


def test_every_verdict_agrees() -> None:
    """A guarantee holds on the folder exactly if it holds on R2's plugin, but for named faults of the server."""
    local, online = verdicts(TestProfile), verdicts(TestPersonality)
    assert set(TestPersonality.server_faults) == {test for test in local if local[test] != online[test]}
    assert not {name for kind in (TestProfile, TestPersonality) for name in vars(kind) if name.startswith("test_")}


def test_the_profile_supports_exactly_what_r2_supports() -> None:
    """An option that is refused online is refused offline before anything is written; only offline a server is needed."""
    local = LocalBackend(root=Path("nowhere"), profile="r2").supports
    # The core gives ``known`` where it saves a request, and no user does. What these hooks do, the store does without them.
    faster = ("application.", "download.", "upload_many.")
    online, offline = ({name for name in found if not name.startswith(faster)} for found in (R2Backend.supports, local))
    # A bucket keeps no records apart from its assets.
    assert online - {"copy.known"} == offline - {"collect.repair"}


TEXTS = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=40)
NAMES = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=20).filter(
    lambda name: not name.startswith("assetstore-")
)


@given(st.dictionaries(NAMES, TEXTS, max_size=5))
@example({"by": "gm"})
@example({"empty": "", "blank": " 日本", "word": "=?utf-8?q?x?="})
@example({"latin": "é" * 20, "wide": "x" * 20 + "日", "emoji": "🎲"})
def test_metadata_are_counted_as_r2_counts_what_the_plugin_sends(metadata: dict[str, str]) -> None:
    """The plugin's own marks, and what it has to encode, are counted offline as they are online."""
    sent = upload_params(UploadOptions(metadata=metadata), {WRITE: "0" * 32, SHA256: "0" * 64})["Metadata"]
    headers = {f"x-amz-meta-{name}": value for name, value in sent.items()}
    call = Call(operation="PutObject", bucket="b", key="k", headers=headers, query={}, body=b"")
    assert refusals.metadata_size(call) == r2_metadata_size(metadata)


def test_refusals_have_the_words_of_r2(tmp_path: Path) -> None:
    """What a developer reads offline is what R2 answers, in the class that its plugin raises."""
    store = AssetStore(LocalBackend(root=tmp_path, profile="r2"))
    headers = {"x-amz-meta-a": "x" * 9000}
    call = Call(operation="PutObject", bucket="b", key="k", headers=headers, query={}, body=b"")
    with pytest.raises(refusals.RefusedError) as online:
        refusals.check(call, streaming=True)
    with pytest.raises(BY_CODE[online.value.code][0]) as offline:
        store.upload(b"", "a", metadata={"a": "x" * 8100})
    assert offline.value.message.startswith(online.value.message)
    personality = R2Personality(clock=lambda: 0.0)
    request = Request(method="PUT", target="/b/k", fields=(("content-length", "0"),))
    answers = [personality.before(request) for _ in range(2)]
    with pytest.raises(BY_CODE["TooManyRequests"][0]) as offline:
        r2_rules.R2Rules().require_pause(0, 1)
    assert answers[0] is None
    assert answers[1] is not None
    assert offline.value.message in answers[1].body.decode()
