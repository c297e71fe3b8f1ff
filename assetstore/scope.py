"""The part of a store under a prefix: keys as its users spell them, and as the backend knows them."""

from __future__ import annotations

from typing import TypeVar

import attrs

from assetstore.errors import BackendError, InvalidKeyError
from assetstore.keys import normalize_key, normalize_prefix
from assetstore.models import AssetInfo, Prefix

Entry = TypeVar("Entry", AssetInfo, Prefix)


@attrs.frozen
class Scope:
    """Translates keys.

    Attributes:
        prefix: what stands before every key; empty for a whole store.
    """

    prefix: str = attrs.field(default="", converter=normalize_prefix)

    def inward(self, key: str) -> str:
        """Return the backend's key for a user's, valid and normalised.

        Raises:
            InvalidKeyError: one of the two is not valid.
        """
        normal = normalize_key(key)
        return self._within(normalize_key(self.prefix + normal)) if self.prefix else normal

    def inward_prefix(self, prefix: str) -> str:
        """Return the backend's prefix for a user's."""
        return self._within(normalize_prefix(self.prefix + normalize_prefix(prefix)))

    def outward(self, entry: Entry) -> Entry:
        """Return an entry of the backend's with the key that the user knows."""
        if not self.prefix:
            return entry
        if not entry.key.startswith(self.prefix):
            raise BackendError(f"the backend returned {entry.key!r}, which lies outside {self.prefix!r}")
        return attrs.evolve(entry, key=entry.key[len(self.prefix) :])

    def _within(self, key: str) -> str:
        # A combining character at the front of a key would melt into the last one of the prefix.
        if not key.startswith(self.prefix):
            raise InvalidKeyError(f"the key melts into the prefix {self.prefix!r} in NFC", hint="end the prefix with '/'")
        return key
