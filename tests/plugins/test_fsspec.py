"""The file system of fsspec: what it lists, reads, writes and removes is what the store has."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assetstore import AssetStore, ConfigError, open_store
from assetstore_fsspec import AssetStoreFileSystem


@pytest.fixture
def store() -> Iterator[AssetStore]:
    """Give an empty store in memory."""
    with open_store("memory:") as store:
        yield store


@pytest.fixture
def fs(store: AssetStore) -> AssetStoreFileSystem:
    """Return the file system of the store."""
    return AssetStoreFileSystem(store)


@pytest.fixture
def configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the working directory, in which two stores are configured."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "assetstore.toml").write_text('[stores.dev]\nurl = "file:dev"\n[stores.other]\nurl = "file:other"\n')
    return tmp_path


# URLs


@pytest.mark.usefixtures("configured")
def test_a_url_names_the_store_and_the_key() -> None:
    """What is written by ``assetstore://NAME/key`` is the asset of this key in the store of this name."""
    with fsspec.open("assetstore://dev/a/b.txt", "wb") as file:
        file.write(b"abc")
    assert b"abc" == open_store("dev").read("a/b.txt")
    fs, path = fsspec.url_to_fs("assetstore://dev/a/b.txt")
    assert ("a/b.txt", "assetstore://dev/a/b.txt") == (path, fs.unstrip_protocol(path))


@pytest.mark.usefixtures("configured")
def test_a_name_that_is_not_configured_is_answered_by_those_that_are() -> None:
    """The error lists the names that exist."""
    with pytest.raises(ConfigError, match="it has: dev, other"):
        fsspec.url_to_fs("assetstore://prod/a")


@pytest.mark.usefixtures("configured")
def test_the_url_of_another_store_is_refused() -> None:
    """A path never means the same key of another store."""
    fs = AssetStoreFileSystem("dev")
    with pytest.raises(ValueError, match="of the store 'other'"):
        fs.cat_file("assetstore://other/a")


def test_a_name_means_what_the_working_directory_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a change of the directory, its own configuration counts."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "assetstore.toml").write_text('[stores.dev]\nurl = "file:data"\n')
        monkeypatch.chdir(tmp_path / name)
        fsspec.filesystem("assetstore", store="dev").pipe_file(name, b"")
    assert ["two"] == fsspec.filesystem("assetstore", store="dev").find("")


# Going to other processes


@pytest.mark.usefixtures("configured")
def test_a_file_system_is_pickled_as_its_store_is() -> None:
    """One of a configured store comes back equal, by pickle and by fsspec's JSON, and reads the same."""
    fs = AssetStoreFileSystem("dev")
    fs.pipe_file("a", b"abc")
    for copy in (pickle.loads(pickle.dumps(fs)), fsspec.AbstractFileSystem.from_json(fs.to_json())):
        assert (fs, hash(fs), fs.fsid, b"abc") == (copy, hash(copy), copy.fsid, copy.cat_file("a"))


def test_a_file_system_of_live_objects_is_not_pickled(fs: AssetStoreFileSystem) -> None:
    """It says what to do, as the store does."""
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(fs)
    assert fs != AssetStoreFileSystem(open_store("memory:"))


# Listing

NAMES = st.text("ab/", min_size=1, max_size=6).filter(lambda key: not key.startswith("/"))
KEYS = st.sets(NAMES, max_size=8)


def filled(keys: set[str]) -> AssetStoreFileSystem:
    """Return the file system of a store that has these keys, each with its own name as its bytes."""
    store = open_store("memory:")
    for key in keys:
        store.upload(key.encode(), key=key)
    return AssetStoreFileSystem(store)


def depth(relative: str) -> int:
    """Return how many levels below a folder a file is; one in a folder without a name counts as in the one above."""
    head, empty, _ = relative.partition("//") if not relative.startswith("/") else ("", "/", "")
    return head.count("/") + 1 + bool(empty and head)


@given(KEYS, st.sampled_from(["", "a", "a/a", "b", "a/b"]), st.sampled_from([None, 1, 2, 3]))
def test_find_returns_the_keys_below_a_folder(keys: set[str], path: str, maxdepth: int | None) -> None:
    """They are those that begin with the folder and a slash, down to the depth, or the file of this name."""
    prefix = f"{path}/" if path else ""
    below = {key for key in keys if key.startswith(prefix)}
    wanted = sorted(key for key in below if maxdepth is None or depth(key[len(prefix) :]) <= maxdepth)
    assert (wanted if below else [path] if path in keys else []) == filled(keys).find(path, maxdepth=maxdepth)


@given(KEYS)
def test_every_key_is_in_one_folder_of_a_walk(keys: set[str]) -> None:
    """A walk meets each key once, at the folder and name that make its key."""
    met = [f"{path}/{name}" if path else name for path, _, names in filled(keys).walk("") for name in names]
    assert sorted(keys) == sorted(met)
