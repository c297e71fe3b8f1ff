"""The keys of random walks, and the clients that see them through a scope."""

from __future__ import annotations

import attrs
from hypothesis import strategies as st

from assetstore.errors import InvalidKeyError
from assetstore.keys import normalize_key, normalize_prefix
from assetstore.testing.contract.odd_keys import ODD_KEYS

CLASHING = (
    *("a", "a/b", "a//b", "a/", "A", "a/b/c", "a-b", "a.b", "b", "b/a", "b c", "b%2Fc"),
    *("\u00e9", "e\u0301", "e", "e\u0301/x", "\\x", "a\\b", "con", "😀/x"),
)
KEYS: tuple[str, ...] = tuple(dict.fromkeys((*CLASHING, *ODD_KEYS)))
"""Valid keys, some in two spellings. The first 20 are chosen to clash with one another."""

KEY = st.runner().flatmap(lambda walker: st.sampled_from(walker.pool))
THERE = st.runner().flatmap(lambda walker: st.sampled_from(walker.stock() * 3 + [*walker.pool]))
"""KEY is a key of this walk, THERE one that is probably taken."""
WHO = st.sampled_from(["store", "store", "other", "scoped"])


@attrs.frozen
class Client:
    """A client of the store.

    Attributes:
        name: the Python expression for its store.
        prefix: the prefix of its scope.
    """

    name: str
    prefix: str = ""

    def inner(self, key: str) -> str:
        """Return a key, or its beginning, in this client's spelling."""
        return key[len(self.prefix) :]

    def seen(self, key: str) -> str:
        """Return a key as this client sees it."""
        return normalize_key(key)[len(self.prefix) :]


def scope_of(*keys: str) -> str | None:
    """Return the first segment of the first key, with its slash, if all keys lie under it."""
    first, slash, _ = keys[0].partition("/")
    prefix = first + slash
    inside = slash and prefix == normalize_prefix(prefix) and all(key.startswith(prefix) for key in keys)
    try:
        return prefix if inside and all(normalize_key(key[len(prefix) :]) for key in keys) else None
    except InvalidKeyError:
        return None


def is_prefix(text: str) -> bool:
    """Return whether a valid key can begin with this text."""
    try:
        normalize_prefix(text)
    except InvalidKeyError:
        return False
    return True


def fold(key: str, prefix: str) -> str:
    """Return what a listing that is not recursive shows for a key under a prefix."""
    head, slash, _ = key[len(prefix) :].partition("/")
    return prefix + head + slash
