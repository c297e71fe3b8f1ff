"""Tokens of direct uploads: valid only as they were signed."""

from __future__ import annotations

import random
import string
import time

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assetstore import InvalidOptionError, TokenError
from assetstore.direct.token import Claims, seal, unseal
from assetstore.limits import MAX_TOKEN
from assetstore.plugin import SigningKeys

KEYS = SigningKeys.new()
ALPHABET = string.ascii_letters + string.digits + "-_."
CLAIMS = Claims(
    key="maps/keep.webp",
    upload_id="0" * 32,
    size=3,
    content_type="image/webp",
    headers="0" * 32,
    ends=int(time.time()) + 3600,
)
LONGEST = attrs.evolve(
    CLAIMS, key="ü" * 512, sha256="f" * 64, size=5 << 40, reuse=True, parts_id="u" * 190, part_size=1 << 30
)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


def claims():
    """Return a strategy for what tokens may say."""
    return st.builds(
        Claims,
        key=TEXTS,
        upload_id=TEXTS,
        size=st.integers(min_value=0),
        content_type=TEXTS,
        headers=TEXTS,
        ends=st.integers(min_value=CLAIMS.ends, max_value=1 << 40),
        sha256=st.none() | TEXTS,
        reuse=st.booleans(),
        parts_id=st.none() | TEXTS,
        part_size=st.none() | st.integers(min_value=1),
        cache_control=st.none() | TEXTS,
    )


def mutated(token: str, chance: random.Random) -> str:
    """Return the token cut, or with one character changed, added, moved or taken out."""
    place = chance.randrange(len(token))
    match chance.randrange(6):
        case 0:
            return token[:place]
        case 1:
            return token[place + 1 :]
        case 2:
            return token[:place] + token[place + 1 :]
        case 3:
            return token[:place] + chance.choice(ALPHABET) + token[place:]
        case 4:
            return token[:place] + token[place:][1:2] + token[place] + token[place + 2 :]
        case _:
            return token[:place] + chance.choice([*ALPHABET, "=", " ", "ü", "\n"]) + token[place + 1 :]


@given(claims(), TEXTS)
def test_a_token_says_what_was_sealed(made, prefix):
    """A token returns its claims under its own prefix and is refused under any other."""
    token = seal(KEYS, prefix, made)
    assert made == unseal(KEYS, prefix, token)
    with pytest.raises(TokenError):
        unseal(KEYS, prefix + "x", token)


@pytest.mark.parametrize("made", [CLAIMS, LONGEST], ids=["short", "longest"])
def test_a_changed_token_is_refused(made):
    """Of 5,000 mutations none is taken."""
    chance, token = random.Random(7), seal(KEYS, "", made)
    variants = {token}
    while len(variants) <= 5_000:
        variants.add(mutated(token, chance))
    for variant in variants - {token}:
        with pytest.raises(TokenError, match="was changed"):
            unseal(KEYS, "", variant)


@pytest.mark.parametrize("text", ["", ".", "a.b", None, 7, b"bytes", "ü" * 50, "a" * 10_000_000, "\udc80.\udc80"])
def test_what_is_no_token_is_refused(text):
    """Any text that is not a token is TokenError."""
    with pytest.raises(TokenError):
        unseal(KEYS, "", text)


def test_a_token_of_other_keys_is_refused_and_one_of_a_rotated_key_taken():
    """A rotated key still verifies."""
    token, new = seal(KEYS, "", CLAIMS), SigningKeys.new()
    with pytest.raises(TokenError):
        unseal(new, "", token)
    assert CLAIMS == unseal(SigningKeys((*new.keys, *KEYS.keys)), "", token)


def test_a_token_expires():
    """From its last second on it is refused with the reason."""
    with pytest.raises(TokenError, match="expired"):
        unseal(KEYS, "", seal(KEYS, "", attrs.evolve(CLAIMS, ends=int(time.time()))))


def test_a_token_of_another_version_is_refused():
    """A signed token with other fields is from another version."""

    @attrs.frozen
    class Other:
        key: str = "a"

    with pytest.raises(TokenError, match="another version"):
        unseal(KEYS, "", seal(KEYS, "", Other()))


def test_a_token_has_less_than_two_kibibytes():
    """The longest key leaves room for the rest; what would be longer is refused."""
    assert len(seal(KEYS, "", LONGEST)) < MAX_TOKEN == 2048
    with pytest.raises(InvalidOptionError):
        seal(KEYS, "", attrs.evolve(LONGEST, parts_id="u" * 1000))


def test_an_upload_in_parts_is_no_secret_of_a_repr():
    """The claims hide the upload's id."""
    assert "secret" not in repr(attrs.evolve(CLAIMS, parts_id="secret"))
