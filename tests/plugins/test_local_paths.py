"""Keys and names of files, as pure functions."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from assetstore import InvalidKeyError
from assetstore.plugin import normalize_key
from assetstore_local.disk.paths import candidates, key_of

_PIECES = st.sampled_from(["a", "b", "/", "//", "é", "😀", ".assetstore", " ", ".", "x" * 200, "ü" * 120, "%2F", "\\", ":"])
_TEXTS = st.one_of(st.text(min_size=1, max_size=1024), st.lists(_PIECES, min_size=1, max_size=9).map("".join))


def _valid(text: str) -> str | None:
    try:
        return normalize_key(text)
    except InvalidKeyError:
        return None


KEYS = _TEXTS.map(_valid).filter(lambda key: key is not None)


@given(KEYS)
@example("a//b")
@example("a/")
@example(".assetstore")
@example(".assetstore/x/.assetstore")
@example("x" * 1024)
@example("x" * 253 + "/" + "y" * 256)
@example("😀" * 256)
@example("/".join("a" * 512) + "/")
def test_every_key_has_names_that_lead_back_to_it(key: str) -> None:
    """Each candidate of a key is a relative path inside the root, fits a file system, and belongs to that key alone."""
    for names in candidates(key):
        assert key == key_of(names)
        assert all(0 < len(name.encode()) <= 255 for name in names)
        assert not any(name in (".", "..") or "/" in name or "\0" in name for name in names)
        assert names[0] != ".assetstore"


@given(KEYS, KEYS)
def test_two_keys_share_no_place(one: str, other: str) -> None:
    """Distinct keys never share a file."""
    assert (one == other) == bool(set(candidates(one)) & set(candidates(other)))


@pytest.mark.parametrize("key", ["maps/keep.webp", "a b", "con", "back\\slash", "%2F", "f#1", "x" * 255, "dir.d/😀.png"])
def test_an_ordinary_key_is_its_own_path(key: str) -> None:
    """A person finds the asset where the key says."""
    assert tuple(key.split("/")) == candidates(key)[0]


@pytest.mark.parametrize(
    "names",
    [
        ("a\x80",),
        ("a\x80q",),
        ("\x80f",),
        ("a\x80f", "b"),
        ("abc\x80+", "d"),
        ("x\x80e",),
        ("a", ".assetstore\x80r"),
        ("new\nline",),
        ("\udcff",),
        (unicodedata.normalize("NFD", "é") + "é",),
        ("a", ".."),
    ],
)
def test_other_names_are_no_assets(names: tuple[str, ...]) -> None:
    """A name that is not the candidate of any key stands for no key."""
    assert key_of(names) is None


def test_a_decomposed_name_stands_for_its_composed_key() -> None:
    """Files of macOS, whose names are decomposed, have the key that a person would type."""
    assert key_of((unicodedata.normalize("NFD", "café.png"),)) == "café.png"
