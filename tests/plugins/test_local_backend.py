"""The settings of a folder, and what it reports about itself."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import pytest

from assetstore import AssetStore, ConfigError, NotFoundError, StoreNotFoundError, UnsupportedError
from assetstore.plugin import CheckOptions
from assetstore_local import LocalBackend


@pytest.mark.parametrize(
    ("url", "root"),
    [
        ("file:assets", "assets"),
        ("file:./x", "./x"),
        ("file:///srv/my%20assets", "/srv/my assets"),
        ("file://localhost/srv/100%2525", "/srv/100%25"),
        ("file:caf%C3%A9", "café"),
    ],
)
def test_a_url_names_a_folder(url: str, root: str) -> None:
    """The path is decoded exactly once."""
    assert {"root": root} == LocalBackend.from_url(urlsplit(url))


@pytest.mark.parametrize("url", ["file://assets", "file://host/srv", "file:", "file:a%00b", "file:%ff"])
def test_a_url_that_names_no_folder_of_this_machine_is_refused(url: str) -> None:
    """A mistyped URL never opens another folder."""
    with pytest.raises(ConfigError):
        LocalBackend.from_url(urlsplit(url))


def test_a_missing_folder_is_an_empty_store_and_is_made_by_the_first_write(tmp_path: Path) -> None:
    """Reading a store does not make its folder."""
    root = tmp_path / "new" / "assets"
    store = AssetStore(LocalBackend(root=root))
    with pytest.raises(NotFoundError, match="no asset"):
        store.read("a")
    assert ([], False) == (list(store.list()), store.exists("a"))
    store.delete("a")
    assert store.check().steps[0].ok
    assert not root.parent.exists()
    store.upload(b"a", "a")
    assert b"a" == (root / "a").read_bytes()


def test_a_missing_folder_that_must_exist_is_reported_by_every_operation(tmp_path: Path) -> None:
    """With ``create=False`` a mistyped path is an error and never an empty store."""
    store = AssetStore(LocalBackend(root=tmp_path / "missing", create=False))
    for operation in (
        lambda: store.upload(b"", "a"),
        lambda: store.read("a"),
        lambda: store.stat("a"),
        lambda: store.exists("a"),
        lambda: list(store.list()),
        lambda: store.delete("a"),
        lambda: store.copy("a", "b"),
    ):
        with pytest.raises(StoreNotFoundError):
            operation()
    assert not store.check().steps[0].ok
    assert [] == list(tmp_path.iterdir())


def test_a_root_that_is_a_file_is_no_store(tmp_path: Path) -> None:
    """The message says so early, instead of a later error."""
    (tmp_path / "file").write_bytes(b"")
    store = AssetStore(LocalBackend(root=tmp_path / "file"))
    for operation in (lambda: store.upload(b"", "a"), lambda: store.read("a"), lambda: list(store.list())):
        with pytest.raises(StoreNotFoundError, match="not a folder"):
            operation()
    assert not store.check().steps[0].ok


def test_a_relative_root_stays_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A later change of the working directory moves nothing."""
    monkeypatch.chdir(tmp_path)
    backend = LocalBackend(root=Path("assets"))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    AssetStore(backend).upload(b"a", "a")
    assert (tmp_path / "assets" / "a").exists()
    assert "folder assets, local" == backend.location


def test_a_root_may_be_a_symlink_itself(tmp_path: Path) -> None:
    """The user named it; only links inside it are not followed."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    AssetStore(LocalBackend(root=tmp_path / "link")).upload(b"a", "a")
    assert b"a" == (tmp_path / "real" / "a").read_bytes()


def test_a_public_url_is_the_quoted_key_behind_the_base(tmp_path: Path) -> None:
    """Without a base there is no URL."""
    store = AssetStore(LocalBackend(root=tmp_path, public_url="https://cdn.example/assets/"))
    assert "https://cdn.example/assets/a%20b/%C3%A9%3F%23%25" == store.url("a b/é?#%")
    without = AssetStore(LocalBackend(root=tmp_path))
    with pytest.raises(UnsupportedError):
        without.url("a")
    assert [True, True, False] == [store.can("url"), store.scoped("maps/").can("url"), without.can("url")]


def test_a_check_of_a_good_folder_finds_nothing(tmp_path: Path) -> None:
    """Every step is ok, and nothing was changed."""
    report = LocalBackend(root=tmp_path).assetstore_check(options=CheckOptions())
    assert report is not None
    names = ("folder", "rights", "names", "records", "signing key")
    assert [(name, True) for name in names] == [(step.name, step.ok) for step in report.steps]
    assert [] == list(tmp_path.iterdir())


def test_headers_are_kept_replaced_and_cleared_by_copies(tmp_path: Path) -> None:
    """``None`` keeps, an empty value clears; each change is a new version, the bytes and their digest stay."""
    store = AssetStore(LocalBackend(root=tmp_path))
    first = store.upload(b"one", "a", content_type="text/plain", cache_control="no-store", metadata={"by": "gm"})
    second = store.update("a", cache_control="", content_language="de")
    assert ("text/plain", None, "de", {"by": "gm"}) == (
        second.content_type,
        second.cache_control,
        second.content_language,
        second.metadata,
    )
    assert first.etag != second.etag
    assert (first.digest, first.size) == (second.digest, second.size)
    assert second == store.stat("a")
    third = store.update("a", metadata={})
    assert ({}, third.etag) == (store.copy("a", "b").metadata, store.stat("a").etag)
