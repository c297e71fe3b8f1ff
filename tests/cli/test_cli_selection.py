"""Globs: what they mean, and when an argument is one."""

from __future__ import annotations

import fnmatch
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assetstore import AssetStore
from assetstore.cli.selection import glob_regex, matches
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
        ("a[b", "a[b", True),
        ("a+(b)", "a+(b)", True),
        ("*", "line\nfeed", True),
        ("A*", "abc", False),
        ("caf\u0065\u0301*", "café.txt", True),
    ],
)
def test_a_glob_matches_what_it_says(pattern: str, key: str, expected: bool) -> None:
    """``*`` and ``?`` stay between slashes, ``**`` crosses them, sets are sets, all else is itself, in NFC."""
    assert expected == bool(glob_regex(pattern).fullmatch(key))


@given(st.text(alphabet="ab*?", max_size=6), st.text(alphabet="ab", max_size=6))
def test_without_slashes_a_glob_is_that_of_a_shell(pattern: str, key: str) -> None:
    """Where there is no slash, the standard library agrees."""
    assert fnmatch.fnmatchcase(key, pattern) == bool(glob_regex(pattern).fullmatch(key))


@given(
    st.sets(st.text(alphabet="ab/", min_size=1, max_size=5).filter(lambda key: not key.startswith("/")), max_size=8),
    st.text(alphabet="ab/*?", min_size=1, max_size=5),
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
