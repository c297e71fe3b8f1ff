"""Guarantees about direct uploads: begun here, sent by somebody else, finished here."""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import attrs
import pytest

from assetstore.direct.send import Sender
from assetstore.errors import AlreadyExistsError, ConfigError, NotFoundError, UnavailableError, UnsupportedError
from assetstore.options import UploadPolicy
from assetstore.results import AssetInfo, DirectUpload, ProposedKey
from assetstore.store import AssetStore
from assetstore.testing.contract import summary
from assetstore.testing.contract.fixtures import Able, ScriptedNaming, brief
from assetstore.testing.contract.signing import Signing, SigningFixtures
from assetstore.testing.faults import Fault, Raise
from assetstore.testing.faulty import FaultyBackend
from assetstore.testing.observer import RecordingObserver

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
IMAGES = UploadPolicy(types=("image/png", "image/webp"), max_size=len(PNG))
TAIL = b"tail"
SECONDS_UNTIL_OLD = 30
THREADS = 8
PART = 5 << 20


class DirectFixtures(SigningFixtures):
    """What takes direct uploads."""

    @pytest.fixture
    def direct(self, signing: Signing, able: Able, record_property: Callable[[str, object], None]) -> Signing:
        """Return the store, or ``None`` where it has no direct uploads."""
        bonds = ("method", "expires", "content_type", "content_length", "metadata")
        if signing is None or not all(able(f"presign.{name}") for name in bonds):
            return None
        try:
            signing.begin_upload(key="a", size=1)
        except (UnsupportedError, ConfigError):
            record_property(summary.LEFT_OUT, f"{type(self).__name__}: direct uploads")
            return None
        return signing


class DirectGuarantees(DirectFixtures):
    """Bytes that go straight from a browser to the store, and become an asset once they have proved what they are.

    The server keeps nothing in the meantime: all that it has to know is in the token, signed. Until an upload is finished
    nothing of it stands under its key, and what is refused is deleted.
    """

    def test_a_direct_upload_becomes_an_asset(self, direct: Signing, send: Sender, able: Able) -> None:
        """What was sent by the signed request stands under its key when it is finished, and is not seen there before."""
        if direct is None:
            return
        asked: dict[str, Any] = {"metadata": {"by": "Spielleitung 🐉"}}
        if able("presign.cache_control"):
            asked["cache_control"] = "no-cache"
        sha256 = hashlib.sha256(PNG).hexdigest()
        upload = direct.begin_upload(key="maps/ü.png", size=len(PNG), sha256=sha256, policy=IMAGES, **asked)
        with pytest.raises(NotFoundError, match="nothing was uploaded yet"):
            direct.finish_upload(upload.token)
        put(send, upload, PNG)
        assert ("maps/ü.png", False) == (upload.key, direct.exists(upload.key))
        info = direct.finish_upload(upload.token)
        assert (upload.key, len(PNG), "image/png") == (info.key, info.size, info.content_type)
        stored = direct.stat(upload.key)
        metadata = dict(stored.metadata or {})
        assert (info.etag, True) == (stored.etag, len(metadata.pop("upload-id")) >= 32)
        assert asked == {"metadata": metadata, **{name: stored.cache_control for name in asked if name != "metadata"}}
        assert PNG == direct.read(upload.key)
        assert [upload.key] == keys(direct)

    def test_finishing_again_returns_the_same_asset(self, direct: Signing, send: Sender) -> None:
        """A second call, as after a lost answer, finds the asset; one that came by another way is not taken for it."""
        if direct is None:
            return
        upload = sent(direct, send)
        first = direct.finish_upload(upload.token)
        assert (first.key, first.etag) == version(direct.finish_upload(upload.token))
        direct.upload(PNG, "a.png")
        with pytest.raises(NotFoundError):
            direct.finish_upload(upload.token)

    def test_of_many_calls_that_finish_at_once_all_return_the_asset(self, direct: Signing, send: Sender) -> None:
        """Calls that run beside one another leave one asset, and each returns it."""
        if direct is None:
            return
        upload = sent(direct, send)
        with ThreadPoolExecutor(THREADS) as pool:
            infos = [future.result() for future in [pool.submit(direct.finish_upload, upload.token) for _ in range(THREADS)]]
        assert {version(direct.stat("a.png"))} == set(map(version, infos))
        assert (PNG, ["a.png"]) == (direct.read("a.png"), keys(direct))

    def test_a_finish_that_fails_anywhere_can_be_repeated(self, direct: Signing, send: Sender, spy: FaultyBackend) -> None:
        """Whichever call to the backend fails, before or after its effect, the next finish ends in the same asset."""
        if direct is None:
            return
        for op, nth, late in _steps(direct, send, spy):
            upload = sent(direct, send, f"{op}-{nth}-{late}.png")
            lost = Raise(op=op, nth=nth, late=late, error=UnavailableError("lost"))
            # It may get over the failure, and may not mislead by another error.
            with spy.failing(lost), contextlib.suppress(UnavailableError):
                direct.finish_upload(upload.token)
            assert (upload.key, len(PNG)) == (upload.key, direct.finish_upload(upload.token).size)
            assert PNG == direct.read(upload.key)
        assert [] == keys(direct, "pending/")

    def test_a_finish_that_is_overtaken_returns_the_same_asset(
        self, direct: Signing, send: Sender, spy: FaultyBackend
    ) -> None:
        """Wherever another call comes in between and ends the upload, both return one asset."""
        if direct is None:
            return
        for op, nth, late in _steps(direct, send, spy):
            upload = sent(direct, send, f"{op}-{nth}-{late}.png")
            infos: list[AssetInfo] = []
            overtaken = Meanwhile(op=op, nth=nth, late=late, act=_finishing(direct, upload, infos))
            with spy.failing(overtaken):
                infos.append(direct.finish_upload(upload.token))
            assert [version(direct.stat(upload.key))] * 2 == [version(info) for info in infos]
        assert [] == keys(direct, "pending/")

    def test_a_direct_upload_overwrites_nothing(self, direct: Signing, send: Sender, naming: ScriptedNaming) -> None:
        """A taken key is refused, a generated one is made anew; one that is taken meanwhile keeps its asset."""
        if direct is None:
            return
        upload = sent(direct, send)
        direct.upload(b"older", "a.png")
        with pytest.raises(AlreadyExistsError):
            direct.begin_upload(key="a.png", size=1)
        with pytest.raises(AlreadyExistsError):
            direct.finish_upload(upload.token)
        assert b"older" == direct.read("a.png")
        naming.proposals = [ProposedKey(key=key, on_clash="remake") for key in ("a.png", "b.png")]
        upload = direct.begin_upload(filename="a.png", size=len(PNG))
        put(send, upload, PNG)
        assert ("b.png", "b.png") == (upload.key, direct.finish_upload(upload.token).key)

    def test_a_cancelled_direct_upload_leaves_nothing(self, direct: Signing, send: Sender) -> None:
        """Cancelling deletes what was sent, once and again, and never an asset that is finished."""
        if direct is None:
            return
        upload = sent(direct, send)
        for _ in range(2):
            direct.cancel_upload(upload.token)
        assert [] == keys(direct)
        upload = sent(direct, send)
        direct.finish_upload(upload.token)
        direct.cancel_upload(upload.token)
        assert PNG == direct.read("a.png")

    def test_a_sweep_takes_what_was_abandoned_alone(self, direct: Signing, send: Sender) -> None:
        """Sweeping deletes what was sent longer ago than is said and not finished, and no asset, wherever it stands."""
        if direct is None:
            return
        kept = ["kept.png", "pending/kept.png", "pendingkept.png"]
        for key in kept:
            direct.upload(PNG, key)
        upload = sent(direct, send)
        assert () == direct.sweep_pending(timedelta(hours=1)).deleted
        deadline, is_last = time.monotonic() + SECONDS_UNTIL_OLD, False
        # However long a sweep takes, the last one begins behind the deadline.
        while not (report := direct.sweep_pending(timedelta(0))).deleted and not is_last:
            is_last = time.monotonic() > deadline
        assert (1, ()) == (len(report.deleted), report.failed)
        assert kept == keys(direct)
        with pytest.raises(NotFoundError):
            direct.finish_upload(upload.token)

    def test_a_direct_upload_in_parts_becomes_one_asset(self, direct: Signing, send: Sender, able: Able) -> None:
        """Parts of exact size are signed in batches and sent in any order; the ETags that their sender saw join them."""
        if direct is None or not all([able("presign.part"), able("begin_parts"), able("end_parts")]):
            return
        data = PNG.ljust(PART, b"x") + TAIL
        upload = direct.begin_upload(key="a.png", size=len(data), part_size=PART, policy=UploadPolicy(types=("image/*",)))
        assert (None, PART, 2) == (upload.request, upload.part_size, upload.part_count)
        requests = direct.presign_parts(upload.token, [2, 1])
        assert 400 <= send(requests[2], TAIL[1:]).status < 500
        etags = {2: send(requests[2], TAIL).headers["etag"]}
        with pytest.raises(NotFoundError, match="not all parts"):
            direct.finish_upload(upload.token, parts=etags)
        etags[1] = send(requests[1], data[:PART]).headers["etag"]
        assert not direct.exists("a.png")
        info = direct.finish_upload(upload.token, parts=etags)
        assert version(info) == version(direct.finish_upload(upload.token, parts=etags))
        assert brief(data) == brief(direct.read("a.png"))
        assert ["a.png"] == keys(direct)

    def test_a_direct_upload_in_parts_goes_on_where_it_stopped(self, direct: Signing, send: Sender, able: Able) -> None:
        """The token alone tells which parts are there, signs those that are missing, and joins them or drops them."""
        if direct is None or not all([able("presign.part"), able("begin_parts"), able("list_parts"), able("end_parts")]):
            return
        tokens = [direct.begin_upload(key=key, size=PART + len(TAIL), part_size=PART).token for key in ("a", "b")]
        for token in tokens:
            assert 200 == send(direct.presign_parts(token, [2])[2], TAIL).status
            assert [(2, len(TAIL))] == [(part.number, part.size) for part in direct.list_parts(token)]
            with pytest.raises(NotFoundError, match="not all parts"):
                direct.finish_upload(token)
        assert 200 == send(direct.presign_parts(tokens[0], [1])[1], bytes(PART)).status
        assert ("a", PART + len(TAIL)) == ((info := direct.finish_upload(tokens[0])).key, info.size)
        for _ in range(2):
            direct.cancel_upload(tokens[1])
        with pytest.raises(NotFoundError):
            direct.list_parts(tokens[1])
        with pytest.raises(NotFoundError):
            direct.finish_upload(tokens[1])
        assert ["a"] == keys(direct)

    def test_each_step_of_a_direct_upload_is_told_once(
        self, direct: Signing, send: Sender, observer: RecordingObserver, prefix: str
    ) -> None:
        """Beginning, finishing, cancelling and sweeping end in one event each; none names a token or a signed URL."""
        if direct is None:
            return
        observer.events.clear()
        upload = sent(direct, send)
        direct.finish_upload(upload.token)
        direct.cancel_upload(upload.token)
        direct.sweep_pending()
        expected = [("begin_upload", 0), ("finish_upload", len(PNG)), ("cancel_upload", 0), ("sweep_pending", 0)]
        assert expected == [(event.op, event.bytes) for event in observer.events]
        assert [f"{prefix}a.png"] * 3 == [event.key for event in observer.events[:3]]
        assert upload.request is not None
        reported = f"{observer.events} {upload}"
        assert (False, False) == (upload.token in reported, upload.request.url in reported)


def put(send: Sender, upload: DirectUpload, data: bytes) -> None:
    """Send bytes as a browser does, by the signed request."""
    assert upload.request is not None
    assert 200 == send(upload.request, data).status


def sent(store: AssetStore, send: Sender, key: str = "a.png") -> DirectUpload:
    """Return a direct upload of a picture that was sent and not finished."""
    upload = store.begin_upload(key=key, size=len(PNG))
    put(send, upload, PNG)
    return upload


def _steps(store: AssetStore, send: Sender, spy: FaultyBackend) -> Iterator[tuple[str, int, bool]]:
    """Yield the operation and number of each call that a finish makes to the backend, for before and after its effect."""
    upload = sent(store, send, "steps.png")
    spy.calls.clear()
    store.finish_upload(upload.token)
    ops = [op for op, _ in spy.calls]
    for index, op in enumerate(ops):
        if op != "signing_keys":
            yield from ((op, ops[: index + 1].count(op), late) for late in (False, True))


def _finishing(store: AssetStore, upload: DirectUpload, infos: list[AssetInfo]) -> Callable[[], None]:
    return lambda: infos.append(store.finish_upload(upload.token))


@attrs.frozen(kw_only=True)
class Meanwhile(Fault):
    """Lets something happen before or behind a call.

    Attributes:
        act: what happens.
    """

    act: Callable[[], object]

    def strike(self, result: Any) -> Any:
        """Let it happen."""
        self.act()
        return result


def version(info: AssetInfo) -> tuple[str, str | None]:
    """Return what tells this version of this asset from all others."""
    return info.key, info.etag


def keys(store: AssetStore, prefix: str = "") -> list[str]:
    """Return the keys that a listing shows."""
    return [info.key for info in store.list(prefix)]
