"""The relay: what may be asked, and what may come back."""

from __future__ import annotations

from pathlib import Path

import pytest

from assetstore import AssetStore, PluginError, UnsupportedError, hookimpl
from assetstore.hookspecs import REQUIRED
from assetstore.testing import FaultyBackend, MemoryBackend, Return

CALLS = {
    "upload": lambda store, path: store.upload(b"", "a"),
    "read": lambda store, path: store.read("a"),
    "stat": lambda store, path: store.stat("a"),
    "list": lambda store, path: list(store.list()),
    "delete": lambda store, path: store.delete("a"),
    "download": lambda store, path: store.download("a", path),
    "copy": lambda store, path: store.copy("a", "b"),
    "check": lambda store, path: store.check(),
}


class MuteBackend(MemoryBackend):
    """Has the hooks for addresses, and nothing to say."""

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
    backend = MemoryBackend()
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
    """A backend that has the hook and cannot do it now is UnsupportedError with the backend's name."""
    store = AssetStore(("mute", MuteBackend()))
    assert store.can(op)
    with pytest.raises(UnsupportedError, match="'mute' cannot"):
        getattr(store, op)("a")
    with pytest.raises(UnsupportedError, match="does not support"):
        getattr(AssetStore(MemoryBackend()), op)("a")


def test_a_store_without_a_check_reports_no_steps():
    """An absent check, and one that has nothing to say, are empty reports."""
    without = FaultyBackend(MemoryBackend(), without=["check"])
    silent = FaultyBackend(MemoryBackend(), Return(op="check", value=None))
    assert [(), ()] == [AssetStore(backend).check().steps for backend in (without, silent)]


def test_a_download_with_progress_is_done_here_where_the_backend_has_none(tmp_path: Path):
    """Progress is never dropped: a native download that does not honour it is not used."""
    backend = FaultyBackend(MemoryBackend())
    backend.supports = backend.supports - {"download.progress"}
    store = AssetStore(backend)
    store.upload(b"abc", "a")
    seen: list[int] = []
    store.download("a", tmp_path / "file", progress=seen.append)
    assert ([3], ["upload", "read"]) == (seen, [op for op, _ in backend.calls])
