"""Signatures: valid for exactly the signed fields and purpose."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from assetstore import ConfigError
from assetstore.plugin import SigningKeys

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
FIELDS = st.lists(TEXTS, max_size=4).map(tuple)
RING = SigningKeys.of(["k" * 32])
OTHER = SigningKeys.of(["o" * 32])


@given(TEXTS, FIELDS)
def test_what_was_signed_holds(purpose: str, fields: tuple[str, ...]) -> None:
    """The signature of any fields is verified, and is 52 characters that a URL takes as they are."""
    signature = RING.sign(purpose, *fields)
    assert RING.verify(signature, purpose, *fields)
    assert (52, True) == (len(signature), signature.replace(".", "").replace("-", "").replace("_", "").isalnum())


@given(FIELDS, FIELDS)
def test_other_fields_have_another_signature(fields: tuple[str, ...], others: tuple[str, ...]) -> None:
    """Two lists of fields that differ in any way never share a signature."""
    assert (fields == others) == RING.verify(RING.sign("p", *fields), "p", *others)


@given(FIELDS, st.data())
def test_fields_never_run_into_one_another(fields: tuple[str, ...], data: st.DataObject) -> None:
    """The same characters, cut into fields at other places, have another signature: each field's length is signed."""
    text = "".join(fields)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=4)))
    others = tuple(text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True))
    assume(others != fields)
    assert not RING.verify(RING.sign("p", *fields), "p", *others)


@given(TEXTS, TEXTS, FIELDS)
def test_purposes_are_kept_apart(purpose: str, other: str, fields: tuple[str, ...]) -> None:
    """A signature for one purpose is not valid for another."""
    assume(purpose != other)
    assert not RING.verify(RING.sign(purpose, *fields), other, *fields)


@given(st.integers(0, 51), st.characters(codec="ascii"))
def test_a_changed_signature_holds_no_more(place: int, character: str) -> None:
    """Any other character at any place is refused, also where base64 would not use all of its bits."""
    signature = RING.sign("p", "a")
    assume(signature[place] != character)
    assert not RING.verify(signature[:place] + character + signature[place + 1 :], "p", "a")


@given(st.text())
def test_anything_else_is_no_signature(text: str) -> None:
    """No text, however odd, is verified or raises."""
    assert not RING.verify(text, "p", "a")


@pytest.mark.parametrize("change", ["{}\n", " {}", "{}=", "{}.", ""])
def test_a_signature_has_one_spelling(change: str) -> None:
    """Blanks, line breaks and padding around it are refused."""
    assert not RING.verify(change.format(RING.sign("p")), "p")


def test_keys_are_replaced_without_breaking_what_they_signed() -> None:
    """A new key in front signs; the old one verifies until it is taken out, wherever it stands."""
    old, new = RING.sign("p", "a"), OTHER.sign("p", "a")
    both = SigningKeys((*OTHER.keys, *RING.keys))
    assert (new, True, True) == (both.sign("p", "a"), both.verify(new, "p", "a"), both.verify(old, "p", "a"))
    assert (False, True) == (OTHER.verify(old, "p", "a"), OTHER.verify(new, "p", "a"))


def test_a_signature_names_its_key_and_does_not_tell_it() -> None:
    """The first characters are the same for all signatures of a key, others for another key, and not of the key itself."""
    ids = {ring.sign(purpose).partition(".")[0] for ring in (RING, OTHER) for purpose in "pq"}
    assert 2 == len(ids)
    assert not {name for name in ids for key in (*RING.keys, *OTHER.keys) if name.encode() in (key, key.hex().encode())}


def test_each_new_ring_has_a_key_of_its_own() -> None:
    """Random keys sign differently, and have at least 32 bytes."""
    assert 20 == len({SigningKeys.new().sign("p") for _ in range(20)})
    assert [43] == [len(key) for key in SigningKeys.new().keys]


@pytest.mark.parametrize("keys", [[], [""], ["k" * 31], ["k" * 32, "short"]])
def test_short_keys_are_refused(keys: list[str]) -> None:
    """Fewer than 32 characters can be guessed; the error says how to make a key and shows none."""
    with pytest.raises(ConfigError) as caught:
        SigningKeys.of(keys)
    command = 'python -c "import secrets; print(secrets.token_urlsafe(32))"'
    assert f"each signing key must have at least 32 characters; make one with: {command}" == str(caught.value)


def test_a_key_may_be_any_text() -> None:
    """Characters beyond ASCII are counted as the bytes that they are."""
    assert SigningKeys.of(["é" * 16]).verify(SigningKeys.of(["é" * 16]).sign("p"), "p")


def test_signatures_stay_what_they_were() -> None:
    """URLs and tokens that were signed by an older version go on working."""
    assert "4a713b89.oflU7nlLimSh5huR5NHN0z9dHBF075jNT3_8ish2uuw" == RING.sign("p", "a", "ü", "")


def test_of_two_equal_keys_the_first_counts() -> None:
    """A key that stands twice in a ring signs and verifies as one."""
    twice = SigningKeys((*RING.keys, *OTHER.keys, *RING.keys))
    assert RING.sign("p") == twice.sign("p")
    assert twice.verify(OTHER.sign("p"), "p")


def test_a_ring_shows_no_key() -> None:
    """Neither the keys nor what is derived from them stand in its repr."""
    assert "SigningKeys()" == repr(RING)


def test_signing_keys_are_in_no_pickle() -> None:
    """Who sends a store's parts to another process does not send its secrets."""
    with pytest.raises(TypeError, match="secrets and cannot be pickled"):
        pickle.dumps(SigningKeys.of(["k" * 32]))
