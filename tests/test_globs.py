"""Globs: what they match, and which paths they cover."""

from __future__ import annotations

import fnmatch
import itertools
import re
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from assetstore import InvalidOptionError
from assetstore.keys import MAX_ALTERNATIVES, MAX_GLOB, expand_braces, glob_covers, glob_regex


@pytest.fixture(autouse=True)
def _forget() -> None:
    """Let each test begin without the globs that others have read."""
    glob_regex.cache_clear()


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
        ("a[!bx]c", "a!c", True),
        ("a[bx]c", "aXc", False),
        ("a[^b]c", "a^c", True),
        ("a[^b]c", "axc", False),
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
    with pytest.raises(InvalidOptionError) as caught:
        glob_regex("{a,b}" * 200)
    assert "the braces of a glob must stand for at most 1,000 globs, got more in '{a,b}{a" in str(caught.value)
    assert "use fewer braces" == caught.value.hint
    assert 1000 == len(expand_braces("{a,b,c,d,e,f,g,h,i,j}" * 3))


def test_a_glob_that_is_too_long_is_refused() -> None:
    """The longest one is read; one character more is refused with both numbers."""
    assert ["a" * MAX_GLOB] == expand_braces("a" * MAX_GLOB)
    with pytest.raises(InvalidOptionError) as caught:
        expand_braces("a" * (MAX_GLOB + 1))
    assert f"a glob must have at most {MAX_GLOB:,} characters, got {MAX_GLOB + 1:,}" == caught.value.message


def test_a_range_that_goes_backwards_is_refused() -> None:
    """The error names the glob and says what is right."""
    with pytest.raises(InvalidOptionError) as caught:
        glob_regex("maps/[z-a]*")
    assert "the glob 'maps/[z-a]*' is not valid: bad character range z-a; write a range like [a-z]" == str(caught.value)


@pytest.mark.parametrize(("ignore_case", "expected"), [(False, False), (True, True)])
def test_a_glob_minds_case_unless_it_is_told_not_to(ignore_case: bool, expected: bool) -> None:
    """Without being told, a glob finds its own case alone, in sets too, and lines end nothing."""
    assert expected == bool(glob_regex("A[b-d]*", ignore_case=ignore_case).fullmatch("aC\nx"))
    assert glob_regex("A[b-d]*", ignore_case=ignore_case).fullmatch("Ac\nx")
    assert not glob_regex("A*").fullmatch("ab")
    assert expected == glob_covers("A/B", "a/b/c", ignore_case=ignore_case)
    assert not glob_covers("A/B", "a/b/c")


@pytest.mark.parametrize(
    ("glob", "path", "expected"),
    [
        ("keep.webp", "maps/keep.webp", True),
        ("maps", "maps/keep.webp", True),
        ("maps", "art/maps/keep.webp", True),
        ("maps", "maps2/keep.webp", False),
        ("*.webp", "maps/deep/keep.webp", True),
        ("m*s", "art/maps/keep", True),
        ("maps/deep", "maps/deep/keep.webp", True),
        ("maps/deep", "art/maps/deep/keep.webp", False),
        ("/maps", "maps/keep.webp", True),
        ("/maps", "art/maps/keep.webp", False),
        ("maps/", "maps/keep.webp", True),
        ("maps/", "maps", False),
        ("maps/", "art/maps", False),
        ("maps/", "art/maps/", True),
        ("/maps/", "art/maps/keep", False),
        ("maps/keep", "maps/keep/", True),
        ("**/deep/", "maps/deep/x", True),
        ("caf\u0065\u0301", "café/menu", True),
        ("café", "caf\u0065\u0301/menu", True),
        ("b", "a/c", False),
        ("Xa", "Xa", True),
        ("a/X", "a/X", True),
        ("mapsX", "mapsX", True),
        ("a ", "a ", True),
    ],
)
def test_a_glob_covers_what_lies_below_what_it_names(glob: str, path: str, expected: bool) -> None:
    """A name covers folders and files at any depth, a path from the beginning; a slash at the end means folders alone."""
    assert expected == glob_covers(glob, path)
