"""Finds keys that come twice among any number of items, and remembers a bounded number of them."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

REMEMBERED = 1 << 15


class _Names:
    """Remembers at least the last 32,768 names, in two halves of which the older is forgotten when the newer is full."""

    __slots__ = ("_new", "_old")

    def __init__(self) -> None:
        self._new: set[str] = set()
        self._old: set[str] = set()

    def __contains__(self, name: str) -> bool:
        return name in self._new or name in self._old

    def add(self, name: str) -> None:
        if len(self._new) >= REMEMBERED:
            self._old, self._new = self._new, set()
        self._new.add(name)


@attrs.frozen
class Repeats:
    """The names that the items of one call have touched so far: they run at once, so none may depend on another."""

    _written: _Names = attrs.field(init=False, factory=_Names)
    _read: _Names = attrs.field(init=False, factory=_Names)

    def claim(self, written: Sequence[str], read: Sequence[str] = ()) -> bool:
        """Return whether an earlier item touches one of these, and one of the two writes it; otherwise remember them."""
        if any(name in self._written or name in self._read for name in written):
            return True
        if any(name in self._written for name in read):
            return True
        for name in written:
            self._written.add(name)
        for name in read:
            self._read.add(name)
        return False
