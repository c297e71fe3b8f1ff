"""Layers between store and backend."""

from __future__ import annotations

import pytest

from assetstore import AccessDeniedError, AssetStore, PluginError, UnsupportedError
from assetstore.plugin import Wrapper, hookimpl
from assetstore.testing import FaultyBackend, MemoryBackend


class Transparent(Wrapper):
    """Changes nothing."""

    passes = frozenset({"download", "copy", "check"})


class Shouting(Wrapper):
    """Stores keys in capitals; honours all options of an upload but metadata."""

    supports = frozenset({"upload.content_type", "upload.overwrite"})

    @hookimpl
    def assetstore_upload(self, key, source, options):
        """Change the key on its way down."""
        return self.inner.assetstore_upload(key=key.upper(), source=source, options=options)


class ReadOnly(Wrapper):
    """Answers without asking."""

    @hookimpl
    def assetstore_upload(self, key, source, options):
        """Refuse."""
        raise AccessDeniedError("this store is read-only")


def test_a_transparent_wrapper_changes_nothing(tmp_path):
    """Each operation reaches the backend once, native download, copy and check included."""
    backend = FaultyBackend(MemoryBackend())
    store = AssetStore(backend, wrappers=[Transparent, Transparent])
    store.upload(b"abc", "a", metadata={"by": "gm"})
    store.read("a", offset=1)
    store.stat("a")
    list(store.list())
    store.download("a", tmp_path / "a")
    store.copy("a", "b")
    store.check()
    store.delete("a")
    assert ["upload", "read", "stat", "list", "download", "copy", "check", "delete"] == [op for op, _ in backend.calls]
    assert store.can("copy.overwrite")


def test_a_wrapper_can_change_arguments_and_answer_itself():
    """The layer below gets what the wrapper passes on, or is not called at all."""
    backend = FaultyBackend(MemoryBackend())
    assert "A" == AssetStore(backend, wrappers=[Shouting]).upload(b"", "a").key
    with pytest.raises(AccessDeniedError, match="read-only"):
        AssetStore(backend, wrappers=[ReadOnly, Shouting]).upload(b"", "b")
    assert ["A"] == [item.key for item in AssetStore(backend).list()]


def test_the_first_wrapper_named_is_the_outermost():
    """Wrappers are given from outside to inside."""
    refused = AssetStore(MemoryBackend(), wrappers=[Shouting, ReadOnly])
    with pytest.raises(AccessDeniedError):
        refused.upload(b"", "a")
    assert "<AssetStore MemoryBackend (memory, gone with the process)>" == repr(refused)


def test_an_optional_hook_does_not_slip_past_a_wrapper(tmp_path):
    """A native copy and download that a wrapper does not pass on are done by reading and uploading through it."""
    backend = FaultyBackend(MemoryBackend())
    store = AssetStore(backend, wrappers=[Shouting])
    store.upload(b"abc", "A")
    store.copy("A", "b")
    store.download("A", tmp_path / "a")
    assert ["upload", "read", "upload", "read"] == [op for op, _ in backend.calls]
    assert ["A", "B"] == [item.key for item in store.list()]


def test_options_that_a_wrapper_does_not_honour_are_refused():
    """Fields that an overridden hook does not declare are unsupported; other hooks keep the fields below."""
    store = AssetStore(MemoryBackend(), wrappers=[Shouting])
    assert store.can("upload.overwrite")
    assert store.can("read.offset")
    assert not store.can("upload.metadata")
    with pytest.raises(UnsupportedError, match="'Shouting' behind 'MemoryBackend'"):
        store.upload(b"", "a", metadata={"by": "gm"})


def test_a_wrapper_that_declares_no_content_type_is_given_none():
    """The store does not fill in a content type that would then be refused."""
    store = AssetStore(MemoryBackend(), wrappers=[ReadOnly])
    with pytest.raises(AccessDeniedError):
        store.upload(b"", "a.png")


def test_what_is_no_wrapper_is_refused():
    """A factory that makes anything else is a PluginError."""
    with pytest.raises(PluginError, match="is not a wrapper"):
        AssetStore(MemoryBackend(), wrappers=[("odd", lambda inner: MemoryBackend())])


def test_a_wrapper_built_by_a_function_has_its_settings():
    """Any callable that takes ``inner`` may build a wrapper."""
    store = AssetStore(MemoryBackend(), wrappers=[("shout", lambda inner: Shouting(inner=inner))])
    assert "A" == store.upload(b"", "a").key
