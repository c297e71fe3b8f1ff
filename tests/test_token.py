"""Tokens of direct uploads: valid only as they were signed."""

from __future__ import annotations

import base64
import random
import string
import time

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assetstore import InvalidOptionError, TokenError
from assetstore.direct.token import Claims, fingerprint, seal, unseal
from assetstore.limits import MAX_TOKEN
from assetstore.options import Headers
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
    expected = "the token is not from this store, or was changed; begin the upload again"
    assert {expected} == {_refusal(variant) for variant in variants - {token}}


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


def test_a_token_expires(monkeypatch):
    """From its last second on it is refused with the reason."""
    token = seal(KEYS, "", attrs.evolve(CLAIMS, ends=1000))
    monkeypatch.setattr(time, "time", lambda: 999.9)
    assert 1000 == unseal(KEYS, "", token).ends
    monkeypatch.setattr(time, "time", lambda: 1000)
    assert "the token has expired; begin the upload again" == _refusal(token)


def test_a_token_of_another_version_is_refused():
    """A signed token with other fields is from another version."""

    @attrs.frozen
    class Other:
        key: str = "a"

    expected = "the token is from another version of assetstore; begin the upload again"
    assert expected == _refusal(seal(KEYS, "", Other()))


def test_a_token_has_less_than_two_kibibytes():
    """The longest key leaves room for the rest; what would be longer is refused."""
    assert len(seal(KEYS, "", LONGEST)) < MAX_TOKEN == 2048
    with pytest.raises(InvalidOptionError) as caught:
        seal(KEYS, "", attrs.evolve(LONGEST, parts_id="u" * 1000))
    assert "the token must have at most 2048 characters; choose a shorter key" == str(caught.value)


def test_a_token_of_2048_characters_is_the_longest():
    """As many are sealed and read again; one character more of the key is too many."""
    lengths = {length: attrs.evolve(CLAIMS, key="k" * length) for length in range(1200, 1600)}
    sealed = {length: _length(made) for length, made in lengths.items()}
    longest = max(length for length in lengths if sealed[length])
    assert (2048, True) == (sealed[longest], all(sealed[length] for length in range(1200, longest)))
    assert lengths[longest] == unseal(KEYS, "", seal(KEYS, "", lengths[longest]))


def test_a_token_is_short():
    """Its claims are JSON without blanks, their text as it is, in base64 without padding."""
    body = seal(KEYS, "", attrs.evolve(CLAIMS, key="ü"))
    zeros = "0" * 32
    text = f'["ü","{zeros}",3,"image/webp","{zeros}",{CLAIMS.ends},null,false,null,null,null]'
    assert base64.urlsafe_b64encode(text.encode()).decode().rstrip("=") == body.partition(".")[0]
    assert "=" not in body


def test_the_fingerprint_counts_each_header_that_the_claims_leave_out():
    """It is that of older versions; each header and each name of the metadata changes it, their order does not."""
    one = Headers(content_disposition="inline", content_language="de", metadata={"b": "2", "a": "1"})
    assert "b76b0fd8a786079f78e28dc4e5dad340" == fingerprint(one)
    assert fingerprint(one) == fingerprint(attrs.evolve(one, metadata={"a": "1", "b": "2"}))
    assert fingerprint(Headers()) == fingerprint(Headers(metadata={}, content_type="a/b", cache_control="no-store"))
    others = [
        attrs.evolve(one, content_disposition="attachment"),
        attrs.evolve(one, content_language="en"),
        attrs.evolve(one, content_encoding="gzip"),
        attrs.evolve(one, metadata={"a": "1"}),
        attrs.evolve(one, metadata=None),
    ]
    assert 6 == len({fingerprint(headers) for headers in (one, *others)})


def test_an_upload_in_parts_is_no_secret_of_a_repr():
    """The claims hide the upload's id."""
    assert "secret" not in repr(attrs.evolve(CLAIMS, parts_id="secret"))


def _refusal(token):
    with pytest.raises(TokenError) as caught:
        unseal(KEYS, "", token)
    return str(caught.value)


def _length(made):
    try:
        return len(seal(KEYS, "", made))
    except InvalidOptionError:
        return 0
