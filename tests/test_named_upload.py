"""Keys that a naming plugin makes."""

from __future__ import annotations

import hashlib

import pytest

from assetstore import AlreadyExistsError, AssetStore, IntegrityError, InvalidKeyError, InvalidOptionError
from assetstore.limits import MAX_PROPOSALS
from assetstore.plugin import ProposedKey, hookimpl
from assetstore.testing import FaultyBackend, MemoryBackend, RecordingObserver


class Naming:
    """Proposes keys by a function of the file name and the options, and records the calls."""

    def __init__(self, answer):
        self.answer = answer
        self.asked = []

    @hookimpl
    def assetstore_name(self, filename, options):
        """Ask the function."""
        self.asked.append((filename, options))
        return self.answer(filename, options)


def numbered(filename, options):
    """Propose a new key for each attempt."""
    return ProposedKey(key=f"{options.category}/{options.attempt}-{filename}", on_clash="remake")


def by_content(filename, options):
    """Propose the digest of the bytes."""
    return ProposedKey(key=options.digest(), on_clash="reuse")


def open_with(answer, backend=None):
    """Return a store and its naming plugin and observer."""
    naming, observer = Naming(answer), RecordingObserver()
    return AssetStore(backend or MemoryBackend(), plugins=[naming, observer]), naming, observer


def test_a_naming_plugin_is_told_what_a_key_may_be_made_of(tmp_path):
    """It gets the last part of the name, content type, category, size and, when it asks, the digest."""
    path = tmp_path / "keep.webp"
    path.write_bytes(b"abc")
    store, naming, _ = open_with(numbered)
    assert "images/0-keep.webp" == store.upload(path).key
    assert "maps/0-x.webp" == store.upload(iter([b"abc"]), filename="C:\\maps/x.webp", category="maps").key
    (name, options), (streamed_name, streamed) = naming.asked
    assert ("keep.webp", "image/webp", "images", 3) == (name, options.content_type, options.category, options.size)
    assert ("x.webp", "image/webp", "maps", None) == (streamed_name, streamed.content_type, streamed.category, streamed.size)


def test_a_clash_is_remade_and_counted():
    """A taken key is remade; a one-shot stream survives it, and the event counts the attempts."""
    store, _, observer = open_with(numbered)
    for number in range(3):
        assert f"other/{number}-x" == store.upload(iter([b"%d" % number]), filename="x").key
    assert [1, 2, 3] == [event.attempts for event in observer.events]
    assert [b"0", b"1", b"2"] == [store.read(item.key) for item in store.list()]


def test_remaking_ends_at_some_time():
    """A plugin that only proposes taken keys ends in AlreadyExistsError."""
    store, naming, _ = open_with(lambda filename, options: ProposedKey(key="same", on_clash="remake"))
    store.upload(b"1")
    with pytest.raises(AlreadyExistsError, match="all 20 keys"):
        store.upload(b"2")
    assert 1 + MAX_PROPOSALS == len(naming.asked)


def test_the_same_bytes_are_stored_once():
    """A key by content is reused: nothing is written the second time, and the asset that is there is returned."""
    backend = FaultyBackend(MemoryBackend())
    store, _, observer = open_with(by_content, backend)
    first = store.upload(iter([b"a", b"bc"]))
    assert hashlib.sha256(b"abc").hexdigest() == first.key
    assert first == store.upload(b"abc")
    assert ["stat", "upload", "stat"] == [op for op, _ in backend.calls]
    assert [3, 0] == [event.bytes for event in observer.events]


def test_a_key_that_another_writer_takes_in_between_is_reused():
    """When another client takes the key before the write, its asset is returned."""

    class Late(MemoryBackend):
        @hookimpl
        def assetstore_upload(self, key, source, options):
            if not self._assets:
                super().assetstore_upload(key, source, options)
            return super().assetstore_upload(key, source, options)

    store, _, _ = open_with(by_content, Late())
    assert 3 == store.upload(b"abc").size
    assert 1 == len(list(store.list()))


def test_an_asset_of_another_size_is_not_reused():
    """A stored asset that cannot be the same bytes is IntegrityError, not a silent mix-up."""
    store, _, _ = open_with(lambda filename, options: ProposedKey(key="same", on_clash="reuse"))
    store.upload(b"abc")
    with pytest.raises(IntegrityError, match="must have 4 bytes, it has 3"):
        store.upload(b"abcd")


def test_a_proposed_key_is_checked():
    """An invalid proposal, an invalid category and one that leaves a scope are InvalidKeyError."""
    store, _, _ = open_with(lambda filename, options: ProposedKey(key="../x"))
    with pytest.raises(InvalidKeyError):
        store.upload(b"")
    with pytest.raises(InvalidKeyError):
        store.upload(b"", category="../x")
    with pytest.raises(InvalidKeyError):
        store.scoped("t/").upload(b"")


def test_a_generated_key_stays_in_its_scope():
    """Under a prefix the caller gets the key without it."""
    store, _, observer = open_with(numbered)
    assert "other/0-x" == store.scoped("t/").upload(b"", filename="x").key
    assert ["t/other/0-x"] == [event.key for event in observer.events]


def test_generate_key_tells_the_key_and_writes_nothing():
    """It returns the first key that an upload would try; a scheme that needs the bytes is refused."""
    backend = FaultyBackend(MemoryBackend())
    store, _, _ = open_with(numbered, backend)
    assert "images/0-a.png" == store.generate_key("a.png")
    assert "maps/0-a.png" == store.generate_key("a.png", category="maps")
    store, _, _ = open_with(by_content, backend)
    with pytest.raises(InvalidOptionError, match="needs the bytes"):
        store.generate_key("a.png")
    assert [] == backend.calls


def test_an_error_of_a_generated_key_names_the_key():
    """The error of a refused upload names the key that was tried."""
    store, _, _ = open_with(lambda filename, options: ProposedKey(key="same"))
    store.upload(b"1")
    with pytest.raises(AlreadyExistsError, match="upload 'same'"):
        store.upload(b"2")
