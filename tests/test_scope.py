"""Keys under a prefix."""

from __future__ import annotations

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assetstore import AssetInfo, AssetStore, BackendError, InvalidKeyError, Prefix, UnavailableError
from assetstore.keys import Scope
from assetstore.plugin import is_valid_key
from assetstore.testing import FaultyBackend, MemoryBackend, Raise

keys = st.text(min_size=1, max_size=30).filter(is_valid_key)


@given(prefix=st.sampled_from(["", "t/", "tenant-7/", "a//", "x", "é"]), key=keys)
def test_what_goes_in_comes_out(prefix, key):
    """A key that a scope takes comes back as it was, and lies under the prefix."""
    scope = Scope(prefix)
    try:
        full = scope.inward(key)
    except InvalidKeyError:
        return
    assert full.startswith(scope.prefix)
    assert is_valid_key(full)
    assert key == scope.outward(AssetInfo(key=full, size=0)).key


@pytest.mark.parametrize("key", ["../a", "/a", "a/../../b", ".", ""])
def test_no_key_leads_out_of_a_scope(key):
    """A key that is not valid alone is not valid under a prefix."""
    with pytest.raises(InvalidKeyError):
        Scope("t/").inward(key)


@pytest.mark.parametrize("key", ["", "/a", "./a", "../a", ".", "..", "a", ".a", "..a", "a/"])
def test_what_a_prefix_leaves_of_a_key_is_valid_only_if_it_is_a_key(key):
    """A whole key may be valid where what follows the prefix is not; nothing but a deletion takes such an entry."""
    assert is_valid_key(key) is Scope("x.").outward(AssetInfo(key=f"x.{key}", size=0)).valid


def test_a_key_that_is_too_long_with_its_prefix_is_refused():
    """The 1,024 bytes are those of the whole key."""
    assert 1024 == len(Scope("t/").inward("k" * 1022))
    with pytest.raises(InvalidKeyError):
        Scope("t/").inward("k" * 1023)


def test_a_key_does_not_combine_with_the_prefix():
    """A combining character after a prefix would change the prefix itself in NFC."""
    for call in (Scope("cafe").inward, Scope("cafe").inward_prefix):
        with pytest.raises(InvalidKeyError) as caught:
            call("\u0301s")
        message = "the key's first character combines with the end of the prefix 'cafe'; end the prefix with '/'"
        assert message == str(caught.value)


def test_a_backend_that_lists_beyond_the_prefix_is_found_out():
    """An entry outside the scope is a BackendError and is not returned."""
    with pytest.raises(BackendError) as caught:
        Scope("t/").outward(Prefix(key="u/"))
    assert "the backend returned 'u/', which lies outside 't/'" == str(caught.value)


def test_an_entry_keeps_all_but_its_key():
    """The whole entry is handed on, of a subclass too; the backend's own is not changed."""

    @attrs.frozen(kw_only=True)
    class Labelled(AssetInfo):
        label: str

    values = {"size": 3, "etag": "e", "digest": "md5:0", "content_type": "a/b", "metadata": {"by": "gm"}, "valid": False}
    for entry in (AssetInfo(key="t/a", **values), Labelled(key="t/a", label="new", **values), Prefix(key="t/a")):
        assert attrs.evolve(entry, key="a") == Scope("t/").outward(entry)
        assert "t/a" == entry.key


def test_a_whole_store_hands_entries_on_as_they_are():
    """Without a prefix nothing is copied."""
    info = AssetInfo(key="a", size=0)
    assert Scope().outward(info) is info


@pytest.mark.parametrize(("prefix", "named"), [("", "t/"), ("maps/", "t/maps/")])
def test_an_error_of_a_listing_names_the_whole_prefix(prefix, named):
    """Who lists all of a part names nothing by which a message could say what failed."""
    part = AssetStore(FaultyBackend(MemoryBackend(), Raise(op="list", error=UnavailableError("down")))).scoped("t/")
    with pytest.raises(UnavailableError) as caught:
        list(part.list(prefix))
    assert named == caught.value.key
