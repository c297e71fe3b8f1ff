"""A mirror: what the first store did the second follows or the caller learns of it; reads survive the loss of the first."""

from __future__ import annotations

import io
import logging
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assetstore import (
    AlreadyExistsError,
    AssetStore,
    ConfigError,
    NotFoundError,
    PreconditionError,
    UnavailableError,
    UnknownOutcomeError,
    UnsupportedError,
)
from assetstore.content.checkpoint import opened
from assetstore.plugin import DownloadOptions, Hooks
from assetstore.testing import FaultyBackend, MemoryBackend, Raise
from assetstore_local import LocalBackend
from assetstore_wrappers.mirror import Mirror

HEADERS = {"content_type": "image/webp", "cache_control": "no-store", "metadata": {"by": "gm"}}
DOWN = UnavailableError("no answer")
DATA = b"".join(b"%015d\n" % number for number in range(1_000))


class Pair:
    """A store with a mirror, the two backends, which note what they are asked, and each as a store of its own."""

    def __init__(self, **settings: Any) -> None:
        self.backends = FaultyBackend(MemoryBackend()), FaultyBackend(MemoryBackend())
        self.first, self.second = (AssetStore(each, name=f"number {at}") for at, each in enumerate(self.backends))
        self.store = AssetStore(
            self.backends[0], wrappers=[lambda inner: Mirror(inner, store=self.second, **settings)], name="test"
        )

    def contents(self) -> list[dict[str, tuple[bytes, dict[str, Any]]]]:
        """Return what each store holds."""
        return [
            {info.key: (store.read(info.key), store.stat(info.key).given()) for info in store.list()}
            for store in (self.first, self.second)
        ]


@pytest.mark.parametrize("source", [DATA, io.BytesIO(DATA), iter([DATA])], ids=["bytes", "file", "iterator"])
def test_both_stores_have_what_was_written(source: Any) -> None:
    """Bytes, headers and metadata of any source arrive in both, those of a one-shot stream too."""
    pair = Pair()
    pair.store.upload(source, "a", **HEADERS)
    pair.store.copy("a", "b")
    pair.store.update("b", metadata={"by": "me"})
    pair.store.move("a", "c")
    pair.store.upload(b"", "d")
    pair.store.delete_many(["d", "missing"])
    first, second = pair.contents()
    assert first == second
    assert {"b": {"by": "me"}, "c": {"by": "gm"}} == {key: one[1]["metadata"] for key, one in second.items()}
    assert [DATA, DATA] == [one[0] for one in second.values()]


@given(
    st.lists(
        st.tuples(st.sampled_from(["put", "delete", "copy", "move", "update"]), *[st.sampled_from("abc")] * 2),
        max_size=20,
    )
)
def test_after_any_steps_both_are_equal(steps: list[tuple[str, str, str]]) -> None:
    """Whatever one writer does, the stores hold the same assets."""
    pair = Pair()
    for number, (step, key, other) in enumerate(steps):
        try:
            if step == "put":
                pair.store.upload(b"%d" % number, key, metadata={"n": str(number)})
            elif step == "update":
                pair.store.update(key, metadata={"n": str(number)}, cache_control="no-store")
            elif step == "delete":
                pair.store.delete(key)
            else:
                getattr(pair.store, step)(key, other)
        except NotFoundError:
            pass
    first, second = pair.contents()
    assert first == second


def test_what_the_first_refuses_never_reaches_the_second() -> None:
    """A condition that fails, and a first store that fails, leave the second as it was and unasked."""
    pair = Pair()
    pair.store.upload(b"abc", "a")
    pair.backends[1].calls.clear()
    with pytest.raises(AlreadyExistsError):
        pair.store.upload(b"x", "a", overwrite=False)
    with pytest.raises(PreconditionError):
        pair.store.upload(b"x", "a", if_match="another")
    with pair.backends[0].failing(*(Raise(op=op, error=DOWN) for op in ("upload", "delete", "copy"))):
        for attempt in (
            lambda: pair.store.upload(b"x", "a"),
            lambda: pair.store.delete("a"),
            lambda: pair.store.copy("a", "b"),
        ):
            with pytest.raises(UnavailableError):
                attempt()
    assert [] == pair.backends[1].calls


def test_a_second_store_that_cannot_follow_is_an_error() -> None:
    """The first has changed, the error says so for each key, and a repetition brings both together."""
    pair = Pair()
    with pair.backends[1].failing(*(Raise(op=op, error=DOWN) for op in ("upload", "delete"))):
        with pytest.raises(UnknownOutcomeError, match="'number 1' could not follow: no answer") as caught:
            pair.store.upload(b"abc", "a")
        assert ("a", "test") == (caught.value.key, caught.value.store)
        assert (b"abc", False) == (pair.first.read("a"), pair.second.exists("a"))
    pair.store.upload(b"abc", "a")
    with pair.backends[1].failing(Raise(op="delete", error=DOWN)):
        report = pair.store.delete_many(["a"])
    assert [("a", UnknownOutcomeError)] == [(failure.key, type(failure.error)) for failure in report.failed]
    assert (False, True) == (pair.first.exists("a"), pair.second.exists("a"))
    pair.store.delete("a")
    assert [{}, {}] == pair.contents()


def test_such_a_failure_can_be_logged_instead(caplog: pytest.LogCaptureFixture) -> None:
    """With on_failure = "log" the call succeeds and a warning names key and store."""
    pair = Pair(on_failure="log")
    with (
        caplog.at_level(logging.WARNING, "assetstore"),
        pair.backends[1].failing(*(Raise(op=op, error=DOWN) for op in ("upload", "delete"))),
    ):
        pair.store.upload(b"abc", "a")
        assert ("a",) == pair.store.delete_many(["a"]).deleted
    assert [True, True] == ["'a': the first store has changed, and 'number 1' could" in text for text in caplog.messages]
    with pytest.raises(ConfigError, match="on_failure must be 'raise' or 'log'"):
        Pair(on_failure="ignore")


def test_a_copy_of_what_the_second_lacks_is_sent_to_it() -> None:
    """What the second has not, or has in another size or with another digest, it gets from the first."""
    pair = Pair()
    pair.first.upload(DATA, "a", **HEADERS)
    pair.store.copy("a", "b")
    for key, stale in (("c", b"stale"), ("d", DATA[::-1])):
        pair.second.upload(stale, "a")
        pair.store.copy("a", key)
    assert [(DATA, HEADERS["metadata"])] * 3 == [(pair.second.read(key), pair.second.stat(key).metadata) for key in "bcd"]
    pair.second.upload(DATA[::-1], "a")
    pair.store.update("a", cache_control="no-cache")
    assert DATA == pair.second.read("a")


def test_reads_survive_the_loss_of_the_first(tmp_path: Path) -> None:
    """Whole reads, ranges, downloads, stats and listings come from the second, unless an ETag of the first is asked for."""
    pair = Pair()
    for key in ("a", "b/c", "b/d"):
        pair.store.upload(DATA, key)
    etag = pair.store.stat("a").etag
    down = [Raise(op=op, error=DOWN, nth=None) for op in ("read", "stat", "list", "download")]
    with pair.backends[0].failing(*down):
        assert (DATA, DATA[5:9]) == (pair.store.read("a"), pair.store.read("a", offset=5, length=4))
        assert (len(DATA), b"") == (pair.store.stat("a").size, pair.store.read("a", offset=len(DATA) + 1))
        pair.store.download("a", tmp_path / "a")
        assert DATA == (tmp_path / "a").read_bytes()
        assert ["a", "b/c", "b/d"] == [info.key for info in pair.store.list()]
        assert ["a", "b/"] == [entry.key for entry in pair.store.list(recursive=False)]
        with pytest.raises(UnavailableError):
            pair.store.read("a", if_match=etag)
        with pytest.raises(UnavailableError):
            pair.store.stat("missing")


def test_a_download_from_the_second_trusts_no_notes_of_the_first(tmp_path: Path) -> None:
    """Its bytes are reported as they come, and notes of the first store's bytes are forgotten before one is written."""
    pair = Pair()
    pair.store.upload(DATA, "a")
    (tmp_path / "a").touch()
    seen: list[tuple[int, dict[str, str]]] = []
    with opened(("a",), lambda *_: None, least=1) as checkpoint:
        assert checkpoint is not None
        checkpoint.begin(len(DATA), etag="that of the first")
        checkpoint.note(0, "a part of the first")

        def report(count: int) -> None:
            seen.append((count, checkpoint.begun))

        mirror = Mirror(cast(Hooks, pair.backends[0]), store=pair.second)
        with pair.backends[0].failing(Raise(op="download", error=DOWN, nth=None)):
            mirror.assetstore_download("a", tmp_path / "a", DownloadOptions(progress=report, checkpoint=checkpoint))
    assert (len(DATA), {}) == (sum(count for count, _ in seen), seen[0][1])
    assert DATA == (tmp_path / "a").read_bytes()


def test_an_answer_of_the_first_is_final() -> None:
    """What the first does not have is not read from the second, and no page of a listing comes from another store."""
    pair = Pair()
    pair.second.upload(b"old", "gone")
    with pytest.raises(NotFoundError):
        pair.store.read("gone")
    for key in "abc":
        pair.store.upload(b"", key)
    page = pair.store.list_page(limit=2)
    with pair.backends[0].failing(Raise(op="list", error=DOWN)), pytest.raises(UnavailableError):
        pair.store.list_page(limit=2, cursor=page.next_cursor)
    assert ["c"] == [info.key for info in pair.store.list_page(limit=2, cursor=page.next_cursor).items]


def test_only_reads_are_signed(tmp_path: Path) -> None:
    """A signed PUT would reach one store alone, so it is refused, and direct uploads with it."""
    second = AssetStore(MemoryBackend())
    store = AssetStore(LocalBackend(root=tmp_path), wrappers=[lambda inner: Mirror(inner, store=second)])
    assert "GET" == store.presign("a", expires="1h", download_as="a.txt").method
    assert [True, False, False] == [store.can(name) for name in ("presign", "presign.method", "begin_upload")]
    for method in ("PUT", "DELETE"):
        with pytest.raises(UnsupportedError):
            store.presign("a", method=method)
    assert {"memory"} < {step.name for step in store.check().steps}
