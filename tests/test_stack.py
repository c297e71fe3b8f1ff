"""The layers below a store: the calls that they allow and the results that they accept."""

from __future__ import annotations

from pathlib import Path

import pytest

from assetstore import AssetStore, NotFoundError, PluginError, StoreNotFoundError, UnsupportedError
from assetstore.hooks import REQUIRED
from assetstore.plugin import CollectReport, StatOptions, every, hookimpl
from assetstore.testing import FaultyBackend, MemoryBackend, Raise, Return
from signing_memory import PNG, SHA256, Naming, SigningMemory, make_store

CALLS = {
    "upload": lambda store, path: store.upload(b"", "a"),
    "read": lambda store, path: store.read("a"),
    "stat": lambda store, path: store.stat("a"),
    "list": lambda store, path: list(store.list()),
    "delete": lambda store, path: store.delete("a"),
    "download": lambda store, path: store.download("a", path),
    "copy": lambda store, path: store.copy("a", "b"),
    "path": lambda store, path: store.path("a"),
    "check": lambda store, path: store.check(),
    "collect": lambda store, path: store.collect(),
}


class Collecting(MemoryBackend):
    """Has a hook for leftovers, which finds none."""

    supports = MemoryBackend.supports | every("collect")

    @hookimpl
    def assetstore_collect(self, options):
        """Find nothing."""
        return CollectReport()

    @hookimpl
    def assetstore_path(self, key, options):
        """Name a file that is never looked at."""
        return Path("nowhere")


class MuteBackend(MemoryBackend):
    """Has the hooks for URLs, which return ``None``."""

    @hookimpl
    def assetstore_presign(self, key, options):
        """Say nothing."""

    @hookimpl
    def assetstore_url(self, key, options):
        """Say nothing."""


@pytest.mark.parametrize("op", CALLS)
@pytest.mark.parametrize("value", ["a text", {}, 0])
def test_a_result_of_a_wrong_type_names_the_plugin(op, value, tmp_path: Path):
    """Whatever else a backend returns is a PluginError with the backend's name and the hook's."""
    backend = Collecting()
    AssetStore(backend).upload(b"", "a")
    store = AssetStore(("broken", FaultyBackend(backend, Return(op=op, value=value))))
    with pytest.raises(PluginError, match=f"'broken' returned {type(value).__name__} from assetstore_{op}"):
        CALLS[op](store, tmp_path / "file")
    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize("op", REQUIRED)
def test_a_required_hook_must_not_answer_none(op, tmp_path: Path):
    """``None`` from a required operation breaks the contract."""
    backend = MemoryBackend()
    AssetStore(backend).upload(b"", "a")
    store = AssetStore(FaultyBackend(backend, Return(op=op, value=None)))
    with pytest.raises(PluginError, match="NoneType"):
        CALLS[op](store, tmp_path / "file")


def test_none_from_an_optional_hook_means_another_way(tmp_path: Path):
    """A download or copy that the backend declines for this asset is done by reading and uploading."""
    backend = FaultyBackend(MemoryBackend(), *(Return(op=op, value=None) for op in ("download", "copy")))
    store = AssetStore(backend)
    store.upload(b"abc", "a")
    store.download("a", tmp_path / "file")
    store.copy("a", "b")
    assert [b"abc", b"abc"] == [(tmp_path / "file").read_bytes(), store.read("b")]
    assert ["upload", "download", "read", "copy", "read", "upload", "read"] == [op for op, _ in backend.calls]


@pytest.mark.parametrize("op", ["presign", "url"])
def test_none_from_presign_and_url_means_unable(op):
    """A hook that returns ``None`` where it is needed is UnsupportedError with the backend's name."""
    store = AssetStore(("mute", MuteBackend()))
    # Signing may make a key, so only the URL, which changes nothing, is asked for.
    assert (op == "presign") == store.can(op)
    with pytest.raises(UnsupportedError, match="'mute' cannot"):
        getattr(store, op)("a")
    with pytest.raises(UnsupportedError, match="does not support"):
        getattr(AssetStore(MemoryBackend()), op)("a")


def test_a_store_without_a_check_reports_no_steps():
    """An absent check, and one that has nothing to say, are empty reports."""
    without = FaultyBackend(MemoryBackend(), without=["check"])
    silent = FaultyBackend(MemoryBackend(), Return(op="check", value=None))
    assert [(), ()] == [AssetStore(backend).check().steps for backend in (without, silent)]


def test_a_store_without_leftovers_reports_none():
    """An absent hook, and one that has nothing to say, are empty reports."""
    silent = FaultyBackend(Collecting(), Return(op="collect", value=None))
    assert [(), ()] == [AssetStore(backend).collect().items for backend in (MemoryBackend(), silent)]


def test_a_download_with_progress_is_done_here_where_the_backend_has_none(tmp_path: Path):
    """Progress is never dropped: a native download that does not honour it is not used."""
    backend = FaultyBackend(MemoryBackend())
    backend.supports = backend.supports - {"download.progress"}
    store = AssetStore(backend)
    store.upload(b"abc", "a")
    seen: list[int] = []
    store.download("a", tmp_path / "file", progress=seen.append)
    assert ([3], ["upload", "read"]) == (seen, [op for op, _ in backend.calls])


@pytest.mark.parametrize("on_clash", ["reuse", "remake"])
def test_a_missing_store_is_no_free_key(on_clash):
    """Looking for a free key lets StoreNotFoundError pass, so nothing is signed or made."""
    backend = SigningMemory()
    upload = make_store(FaultyBackend(backend), backend).begin_upload(key="b.png", size=len(PNG), sha256=SHA256)
    gone = StoreNotFoundError("the bucket is gone")
    spy = FaultyBackend(backend, *(Raise(op=op, error=gone, nth=None) for op in ("stat", "read")))
    store = make_store(spy, backend, Naming(on_clash=on_clash))
    asks = {
        "exists": lambda: store.exists("a.png"),
        "begin_upload": lambda: store.begin_upload(key="a.png", size=1),
        "finish_upload": lambda: store.finish_upload(upload.token),
    }
    if on_clash == "reuse":
        asks["upload"] = lambda: store.upload(PNG, filename="a.png")
    for op, ask in asks.items():
        with pytest.raises(StoreNotFoundError) as caught:
            ask()
        assert op == caught.value.op
    assert not {"presign", "begin_parts", "upload", "copy"} & {op for op, _ in spy.calls}
    assert {} == backend._assets


def test_a_hook_is_called_as_pluggy_calls_it():
    """An implementation may take fewer arguments, in another order, by position alone, or have a wrapper of pluggy's."""
    counted = []

    class Fewer(MemoryBackend):
        @hookimpl
        def assetstore_stat(self, key):
            return super().assetstore_stat(key, StatOptions())

    class Turned(MemoryBackend):
        @hookimpl
        def assetstore_stat(self, options, key):
            return super().assetstore_stat(key, options)

    class Nameless(MemoryBackend):
        @hookimpl
        def assetstore_stat(self, key, options, /):
            return super().assetstore_stat(key, options)

    class Around(MemoryBackend):
        @hookimpl(specname="assetstore_stat", wrapper=True)
        def counting(self, key):
            counted.append(key)
            return (yield)

    for backend in (Fewer(), Turned(), Nameless(), Around()):
        store = AssetStore(backend)
        store.upload(b"abc", "a")
        assert 3 == store.stat("a").size
        with pytest.raises(NotFoundError):
            store.stat("b")
    assert ["a", "b"] == counted
