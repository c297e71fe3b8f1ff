"""When an argument is a glob, and what it finds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assetstore import AssetStore
from assetstore.cli.selection import matches
from assetstore.keys import Filter, glob_regex
from assetstore.testing import MemoryBackend

if TYPE_CHECKING:
    from running import Run


@pytest.mark.parametrize(("pattern", "found"), [("A/*.PNG", ["a/X.png"]), ("a/x.png", ["a/X.png"]), ("É*", ["éa"])])
def test_case_can_be_ignored(pattern: str, found: list[str]) -> None:
    """A glob that ignores case finds keys whose fixed beginning has another case."""
    store = AssetStore(MemoryBackend())
    for key in ("a/X.png", "éa", "b/x.png"):
        store.upload(b"", key)
    assert found == [info.key for info in matches(store, pattern, ignore_case=True)]


@pytest.mark.parametrize(
    ("include", "exclude", "taken"),
    [
        ((), (), ["a.png", "b.txt", "d/a.png", "d/e/b.txt", "d/e/c.PNG"]),
        (("*.png",), (), ["a.png", "d/a.png"]),
        ((), ("*.png",), ["b.txt", "d/e/b.txt", "d/e/c.PNG"]),
        (("*.png",), ("d",), ["a.png"]),
        ((), ("d/",), ["a.png", "b.txt"]),
        ((), ("e",), ["a.png", "b.txt", "d/a.png"]),
        ((), ("d/e",), ["a.png", "b.txt", "d/a.png"]),
        ((), ("a.png/",), ["a.png", "b.txt", "d/a.png", "d/e/b.txt", "d/e/c.PNG"]),
        ((), ("/a.png",), ["b.txt", "d/a.png", "d/e/b.txt", "d/e/c.PNG"]),
        (("d/*.png",), (), ["d/a.png"]),
        (("d/**.{png,PNG}",), (), ["d/a.png", "d/e/c.PNG"]),
        (("*.png",), ("*",), ["a.png", "d/a.png"]),
        (("*.png", "*.txt"), ("**",), ["a.png", "b.txt", "d/a.png", "d/e/b.txt"]),
        ((), ("*",), []),
    ],
)
def test_filters_take_what_rsync_and_aws_take(include: tuple[str, ...], exclude: tuple[str, ...], taken: list[str]) -> None:
    """Names match at any depth, paths from the top, folders with all in them; an exclude wins, but for that of all else."""
    paths = ["a.png", "b.txt", "d/a.png", "d/e/b.txt", "d/e/c.PNG"]
    assert taken == [path for path in paths if Filter(include=include, exclude=exclude).takes(path)]
    if include == ("*.png",) and not exclude:
        assert [*taken, "d/e/c.PNG"] == [path for path in paths if Filter(include=include, ignore_case=True).takes(path)]


@pytest.mark.parametrize("command", ["download", "copy", "move", "delete"])
def test_filters_hold_for_every_command(run: Run, store: AssetStore, folder: Path, command: str) -> None:
    """Each command that takes several assets takes those that its filters leave."""
    more = {"download": ("-o", "new"), "copy": ("new/",), "move": ("new/",), "delete": ("-y",)}[command]
    done = run("-s", "file:assets", command, "-r", "maps", *more, "--include", "*.WEBP", "--exclude", "deep", "-i", "--json")
    assert ["maps/keep.webp"] == [record.get("source", record["key"]) for record in done.records]
    done = run("-s", "file:assets", command, "-r", "maps", *more, "--include", "*.gif")
    assert (3, True) == (done.code, "--include and --exclude leave nothing" in done.err)


def test_filters_hold_for_uploads(run: Run, folder: Path) -> None:
    """Excluded folders are not even looked into, and links in them are not spoken of."""
    (folder / "site/.git").mkdir(parents=True)
    for name in ("site/a.html", "site/a.map", "site/.git/head"):
        (folder / name).write_bytes(b"x")
    (folder / "site/.git/link").symlink_to(folder)
    done = run("-s", "file:assets", "upload", "-r", "site", "--exclude", ".git", "--exclude", "*.map")
    assert (0, ["a.html"], False) == (done.code, done.lines, "skipped" in done.err)
    assert 3 == run("-s", "file:assets", "upload", "-r", "site", "--include", "*.png").code


def test_a_key_with_braces_can_be_reached(run: Run, store: AssetStore) -> None:
    """A key that has braces is taken literally when it is there, as one with a star is."""
    store.upload(b"braces", "maps/{keep,tower}.webp")
    assert ["maps/{keep,tower}.webp"] == run("-s", "file:assets", "list", "maps/{keep,tower}.webp").lines
    assert 0 == run("-s", "file:assets", "delete", "maps/{keep,tower}.webp").code
    assert ["maps/keep.webp"] == run("-s", "file:assets", "list", "maps/{keep,tower}.webp").lines
    assert 0 == run("-s", "file:assets", "delete", "{7d1c}.png").code


def test_one_key_can_be_found_whatever_its_case(run: Run, store: AssetStore, folder: Path) -> None:
    """``-i`` makes a glob of every argument that is no key."""
    assert 0 == run("-s", "file:assets", "download", "-i", "MAPS/KEEP.WEBP").code
    assert (folder / "keep.webp").exists()
    assert ["maps/keep.webp"] == run("-s", "file:assets", "list", "-i", "MAPS/K").lines


@given(
    st.sets(st.text(alphabet="ab/", min_size=1, max_size=5).filter(lambda key: not key.startswith("/")), max_size=8),
    st.text(alphabet="ab/*?{,}", min_size=1, max_size=7),
)
def test_listing_less_finds_as_much(keys: set[str], pattern: str) -> None:
    """A glob that lists a part of the store finds what matching every key would."""
    store = AssetStore(MemoryBackend())
    for key in keys:
        store.upload(b"", key)
    expected = [key for key in sorted(keys) if glob_regex(pattern).fullmatch(key)]
    assert expected == [info.key for info in matches(store, pattern)]


def test_an_asset_with_exactly_that_key_is_no_glob(run: Run, store: AssetStore) -> None:
    """A pattern is one only if no asset has it as its key, and never with ``--literal``."""
    store.upload(b"star", "maps/*.webp")
    assert ["maps/*.webp"] == run("-s", "file:assets", "list", "maps/*.webp").lines
    store.delete("maps/*.webp")
    assert ["maps/keep.webp"] == run("-s", "file:assets", "list", "maps/*.webp").lines
    assert [] == run("-s", "file:assets", "list", "maps/*.webp", "--literal").lines
    assert 3 == run("-s", "file:assets", "download", "maps/*.webp", "--literal").code


def test_a_glob_that_cannot_be_read_is_refused(run: Run, store: AssetStore) -> None:
    """A range that goes backwards is a mistake of usage."""
    done = run("-s", "file:assets", "list", "maps/[z-a]*")
    assert 2 == done.code
    assert "bad character range" in done.err
