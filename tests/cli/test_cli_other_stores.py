"""Keys and paths that begin like another store: refused by commands that work on one store."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from assetstore import AssetStore

if TYPE_CHECKING:
    from running import Run

CONFIG = 'default = "dev"\n[stores.dev]\nurl = "file:assets"\n[stores.weed]\nurl = "s3://bucket"\n'
ALL = ["maps/deep/cave.webp", "maps/keep.webp", "maps/tower.png", "notes.txt"]


@pytest.fixture
def two(folder: Path, store: AssetStore) -> AssetStore:
    """Give a store with assets that is configured beside another, ``weed``."""
    (folder / "assetstore.toml").write_text(CONFIG)
    (folder / "file.txt").write_bytes(b"file")
    return store


def keys(store: AssetStore) -> list[str]:
    """Return all keys."""
    return [info.key for info in store.list()]


@pytest.mark.parametrize("other", ["weed:", "dev:", "file:", "S3://bucket/", "r2://a/bucket/", "ftp://host/", "memory:"])
@pytest.mark.parametrize(
    "arguments",
    [
        ("delete", "{}notes.txt"),
        ("delete", "-y", "-r", "{}maps"),
        ("download", "{}notes.txt"),
        ("download", "{}notes.txt", "-o", "-"),
        ("download", "notes.txt", "-o", "{}y"),
        ("list", "{}maps/"),
        ("upload", "file.txt", "--key", "{}y"),
        ("upload", "file.txt", "--to", "{}y/"),
    ],
)
def test_another_store_is_refused(
    run: Run, two: AssetStore, folder: Path, arguments: tuple[str, ...], other: str
) -> None:
    """Whatever begins with the name of a store or a URL's scheme is no key, and nothing is done."""
    before = sorted(folder.rglob("*"))
    done = run(*(argument.format(other) for argument in arguments))
    assert (2, b"", ALL, before) == (done.code, done.raw, keys(two), sorted(folder.rglob("*")))
    why, then = done.err.splitlines()[1:]
    name = f"{other.partition(':')[0]}:"
    assert f"  why: a key must not begin with a store, and '{name}' is one: a command works within one store" == why
    assert "use --literal" in then


def test_a_key_that_looks_like_a_store_can_be_meant(run: Run, two: AssetStore, folder: Path) -> None:
    """``--literal`` makes such keys, and one that is there needs no option."""
    assert 0 == run("copy", "notes.txt", "weed:docs/y", "--literal").code
    assert ["weed:z"] == run("upload", "file.txt", "--key", "weed:z", "--literal").lines
    assert ["weed:up/file.txt"] == run("upload", "file.txt", "--to", "weed:up/", "--literal").lines
    assert 0 == run("move", ":weed:docs/y", "y").code
    assert 0 == run("download", "weed:z", "-o", "z").code
    assert ["weed:up/file.txt", "weed:z"] == run("list", "-r", "--literal", "weed:").lines
    assert 0 == run("delete", "-y", "-r", "weed:up", "--literal").code
    assert [*ALL, "weed:z", "y"] == keys(two)


@pytest.mark.parametrize("key", ["note:today", "a/weed:y", "12:30.png", "weeds:y"])
def test_other_colons_are_part_of_a_key(run: Run, two: AssetStore, key: str) -> None:
    """Only the beginning of a configured store, of a backend's scheme or of any ``scheme://`` is taken for one."""
    assert [key] == run("upload", "file.txt", "--key", key).lines
