"""The rules for keys: which are valid, and under which spelling they are stored."""

from __future__ import annotations

import pickle
import unicodedata
from datetime import UTC, datetime

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from assetstore import InvalidKeyError
from assetstore.plugin import AssetInfo, is_valid_key, join_key, listed_asset, normalize_key, normalize_prefix

ANY_TEXT = st.text(st.characters(codec=None, categories=None)) | st.text("./a\u0301\u212b\\ ", max_size=8)


@pytest.mark.parametrize(
    "key",
    [
        "a",
        "a/b",
        "a//b",
        "a/",
        " a ",
        "a\\b",
        "%2F",
        "%2e%2e/a",
        "~",
        "...",
        ".a",
        "a.",
        "a/.b/..c",
        "CON",
        "nul.txt",
        "aux/com1",
        "C:a",
        "a?b#c*d<e>f|g\"h'",
        "🗺️/城.webp",
        "\u200b",
        "\ufeffa",
        "\u202egnp",
        "\ufffe",
        "\U0010ffff",
        "\u2028",
        "x" * 1024,
        "é" * 512,
    ],
)
def test_odd_keys_are_valid_and_kept_as_they_are(key):
    """A key that the rules allow is stored in its own spelling."""
    assert key == normalize_key(key)
    assert is_valid_key(key)


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("", "a key must have at least one character"),
        ("/", "a key must not begin with '/'; leave the leading slash out"),
        ("/a", "a key must not begin with '/'; leave the leading slash out"),
        (".", "a key must not have a segment '.' or '..'"),
        ("..", "a key must not have a segment '.' or '..'"),
        ("a/../b", "a key must not have a segment '.' or '..'"),
        ("a/.", "a key must not have a segment '.' or '..'"),
        ("./a", "a key must not have a segment '.' or '..'"),
        ("a\x00", "a key must not contain control characters, got U+0000"),
        ("a\nb", "a key must not contain control characters, got U+000A"),
        ("\x7f", "a key must not contain control characters, got U+007F"),
        ("é\x85", "a key must not contain control characters, got U+0085"),
        ("a\ud800", "a key must be valid Unicode, got a lone surrogate"),
        ("x" * 1025, "a key must have at most 1024 bytes of UTF-8, got 1025"),
        ("é" * 513, "a key must have at most 1024 bytes of UTF-8, got 1026"),
        ("\u0958" * 171, "a key must have at most 1024 bytes of UTF-8, got 1026"),
        (b"a", "a key must be a str, got bytes"),
        (None, "a key must be a str, got NoneType"),
    ],
)
def test_keys_that_break_a_rule_are_refused(key, message):
    """The error says which rule."""
    with pytest.raises(InvalidKeyError) as caught:
        normalize_key(key)
    assert message == str(caught.value)
    assert not is_valid_key(key)


@pytest.mark.parametrize(("key", "stored"), [("e\u0301", "é"), ("\u212b", "Å"), ("한".join("ab"), "a한b")])
def test_keys_are_stored_in_nfc(key, stored):
    """Composed and decomposed spellings are one key."""
    assert stored == normalize_key(key)
    assert (key == stored) == is_valid_key(key)


def test_length_is_counted_after_normalisation():
    """A spelling that is too long only before it is composed is valid."""
    assert "é" * 512 == normalize_key("e\u0301" * 512)


@given(ANY_TEXT)
def test_normalising_twice_changes_nothing_more(text):
    """A normal key is its own spelling, and has 1 to 1,024 bytes."""
    assume(_is_key(text))
    normal = normalize_key(text)
    assert normal == normalize_key(normal)
    assert is_valid_key(normal)
    assert 1 <= len(normal.encode()) <= 1024


@given(ANY_TEXT, ANY_TEXT)
def test_only_spellings_of_one_text_become_one_key(one, other):
    """Two keys merge when Unicode says that they are the same text, and never otherwise."""
    assume(_is_key(one) and _is_key(other))
    same_text = unicodedata.normalize("NFD", one) == unicodedata.normalize("NFD", other)
    assert same_text == (normalize_key(one) == normalize_key(other))


@given(ANY_TEXT, st.integers(0, 20))
def test_every_beginning_of_a_valid_key_is_a_prefix(text, length):
    """Any beginning of a valid key is a valid prefix."""
    assume(_is_key(text))
    beginning = normalize_key(text)[:length]
    assert beginning == normalize_prefix(beginning)


@pytest.mark.parametrize("prefix", ["", "a/", "a/.", "..", "a//", "é", "x" * 1024])
def test_a_prefix_may_end_anywhere(prefix):
    """A prefix need not be a key; its last segment is not yet complete."""
    assert prefix == normalize_prefix(prefix)


@pytest.mark.parametrize(
    ("prefix", "message"),
    [
        ("/", "a key must not begin with '/'; leave the leading slash out"),
        ("../", "a key must not have a segment '.' or '..'"),
        ("a\n", "a key must not contain control characters, got U+000A"),
        ("x" * 1025, "a prefix must have at most 1024 bytes of UTF-8"),
        (1, "a prefix must be a str, got int"),
    ],
)
def test_a_prefix_that_begins_no_key_is_refused(prefix, message):
    """The error says which rule."""
    with pytest.raises(InvalidKeyError) as caught:
        normalize_prefix(prefix)
    assert message == str(caught.value)


@pytest.mark.parametrize(
    ("parts", "key"),
    [
        (("maps", "", "keep.webp"), "maps/keep.webp"),
        (("/maps/", "old/keep"), "maps/old/keep"),
        (("a",), "a"),
        (("a", "/", "//", "b"), "a/b"),
        (("XX", " "), "XX/ "),
        ((), ""),
    ],
)
def test_parts_are_joined_with_single_slashes(parts, key):
    """Empty parts and slashes at the edges of parts leave no trace."""
    assert key == join_key(*parts)


def _is_key(text: str) -> bool:
    try:
        normalize_key(text)
    except InvalidKeyError:
        return False
    return True


@given(ANY_TEXT | st.integers(1020, 1030).map("k".__mul__))
def test_a_key_is_valid_if_and_only_if_it_is_stored_as_it_is(key: str) -> None:
    """The quick way for plain keys takes no key that the rules refuse or spell otherwise."""
    try:
        stored = normalize_key(key)
    except InvalidKeyError:
        stored = None
    assert (key == stored) == is_valid_key(key)


@given(ANY_TEXT, st.integers(0, 1 << 50), st.none() | st.text(max_size=3), st.none() | st.just(datetime.now(UTC)))
def test_an_entry_of_a_listing_is_an_asset_like_any_other(
    key: str, size: int, etag: str | None, written: datetime | None
) -> None:
    """It is equal to what the constructor makes, pickles and hashes as it, and cannot be changed either."""
    made = AssetInfo(key=key, size=size, etag=etag, last_modified=written, digest=etag, valid=is_valid_key(key))
    entry = listed_asset(key, size, etag, written, etag)
    assert (made, hash(made), repr(made)) == (entry, hash(entry), repr(entry))
    assert made == pickle.loads(pickle.dumps(entry))
    with pytest.raises(AttributeError):
        entry.size = 0  # type: ignore[misc]  # what must not be possible
    assert AssetInfo(key="k", size=1) == listed_asset("k", 1)
