"""Globs: what they mean, and when an argument is one."""

from __future__ import annotations

import fnmatch
import itertools
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from assetstore import AssetStore, InvalidOptionError
from assetstore.cli.selection import Filter, matches
from assetstore.keys import MAX_ALTERNATIVES, expand_braces, glob_regex
from assetstore.testing import MemoryBackend

if TYPE_CHECKING:
    from running import Run


@pytest.mark.parametrize(
    ("pattern", "key", "expected"),
    [
        ("*.webp", "keep.webp", True),
        ("*.webp", "maps/keep.webp", False),
        ("**.webp", "maps/deep/keep.webp", True),
        ("**/keep.webp", "keep.webp", True),
        ("**/keep.webp", "maps/deep/keep.webp", True),
        ("**/keep.webp", "maps/outkeep.webp", False),
        ("maps/**", "maps/deep/keep.webp", True),
        ("maps/*", "maps/", True),
        ("a?c", "abc", True),
        ("a?c", "a/c", False),
        ("a[bx]c", "axc", True),
        ("a[!bx]c", "abc", False),
        ("a[!bx]c", "a/c", False),
        ("a[b-d]", "ac", True),
        ("a[]b]", "a]", True),
        ("[]", "[]", True),
        ("[!]", "[!]", True),
        ("a[b", "a[b", True),
        ("a+(b)", "a+(b)", True),
        ("*", "line\nfeed", True),
        ("A*", "abc", False),
        ("caf\u0065\u0301*", "café.txt", True),
        ("*.{png,jpg}", "a.jpg", True),
        ("*.{png,jpg}", "a.gif", False),
        ("{maps/,}*.png", "a.png", True),
        ("{maps,**}/a", "a", True),
        ("a{b,{c,d}e}f", "adef", True),
        ("{a}", "{a}", True),
        ("{a}", "a", False),
        ("{a,b", "{a,b", True),
        ("{{a,b}}", "{b}", True),
        ("[{]a,b}", "{a,b}", True),
        ("{[,],a}", ",", True),
        ("{}", "{}", True),
    ],
)
def test_a_glob_matches_what_it_says(pattern: str, key: str, expected: bool) -> None:
    """``*`` and ``?`` stay between slashes, ``**`` crosses them, sets are sets, all else is itself, in NFC."""
    assert expected == bool(glob_regex(pattern).fullmatch(key))


@given(st.text(alphabet="ab*?", max_size=6), st.text(alphabet="ab", max_size=6))
def test_without_slashes_a_glob_is_that_of_a_shell(pattern: str, key: str) -> None:
    """Where there is no slash, the standard library agrees."""
    assert fnmatch.fnmatchcase(key, pattern) == bool(glob_regex(pattern).fullmatch(key))


PIECES = st.recursive(
    st.sampled_from(["a", "b", "?", "*", "[ab]", "/"]),
    lambda inner: st.lists(st.lists(inner, max_size=2), min_size=1, max_size=3),
    max_leaves=6,
)
"""A token, or the parts of a pair of braces, each a list of pieces."""


def written(piece: str | list[Any]) -> str:
    """Return a piece as it stands in a glob."""
    return piece if isinstance(piece, str) else "{" + ",".join("".join(map(written, part)) for part in piece) + "}"


def meant(piece: str | list[Any]) -> list[str]:
    """Return the globs that a piece stands for; a lone part keeps its braces."""
    if isinstance(piece, str):
        return [piece]
    parts = [text for part in piece for text in combined(part)]
    return parts if len(piece) > 1 else [f"{{{text}}}" for text in parts]


def combined(pieces: Sequence[str | list[Any]]) -> list[str]:
    """Return all that pieces in a row stand for."""
    return ["".join(choice) for choice in itertools.product(*map(meant, pieces))]


@given(st.lists(PIECES, max_size=4))
def test_braces_stand_for_each_of_their_parts(pieces: list[str | list[Any]]) -> None:
    """A glob with braces, nested ones too, is the globs that a reader would write instead of it, in the same order."""
    expected = combined(pieces)
    assume(len(expected) <= MAX_ALTERNATIVES)
    assert expected == expand_braces("".join(map(written, pieces)))


@given(st.text(alphabet="ab{},[]!", max_size=12))
def test_whatever_is_no_set_and_no_braces_is_itself(pattern: str) -> None:
    """Brackets and braces that nothing closes, or that have nothing to choose from, stand for themselves."""
    assert glob_regex(pattern).fullmatch(pattern) or "," in pattern or re.search(r"\[.+\]", pattern)


def test_too_many_braces_are_refused() -> None:
    """A glob that stands for more than a thousand is refused, and takes no time."""
    with pytest.raises(InvalidOptionError, match="must stand for at most 1,000 globs"):
        glob_regex("{a,b}" * 200)


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
