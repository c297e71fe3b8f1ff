"""A backend that has any number of assets without storing them, for tests of what is large."""

from __future__ import annotations

import hashlib
import itertools
import random
import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import ClassVar
from urllib.parse import SplitResult

import attrs

from assetstore.errors import ConfigError
from assetstore.hooks import hookimpl
from assetstore.limits import MIB
from assetstore.options import CheckOptions, DeleteOptions, ListOptions
from assetstore.results import AssetInfo, CheckReport, CheckStep, DeleteReport, ListPage, Prefix
from assetstore.testing.memory import MemoryBackend

CONTENTS = 256
"""How many different contents there are. The assets share them, so that no listing has to compute each asset's digest."""
MAX_COUNT = 10**10
"""More assets would need longer keys."""
MAX_SIZE = 16 * MIB
"""Contents are made whole in memory."""

_FOLDER = 10_000
_KEY = re.compile(r"([0-9]{6})/([0-9]{4})\.bin", re.ASCII)
_TYPE = "application/octet-stream"
_WRITTEN = datetime(2026, 1, 1, tzinfo=UTC)


def _between(least: int, most: int) -> Callable[[object, attrs.Attribute[int], int], None]:
    def check(_: object, attribute: attrs.Attribute[int], value: int) -> None:
        if not least <= value <= most:
            raise ConfigError(f"{attribute.name} must be between {least:,} and {most:,}, got {value:,}")

    return check


@attrs.define(eq=False, kw_only=True)
class SyntheticBackend(MemoryBackend):
    """Has assets whose keys, sizes, digests and bytes are computed from their numbers and a seed.

    Asset 1,234,567 is ``000123/4567.bin``: there are ten thousand to a folder. Writing the very bytes that an asset has
    keeps only a mark of one byte, so a store that is not ``filled`` counts, lists and verifies what a migration brings.
    Whatever else is written is kept in memory.

    Attributes:
        count: how many assets there are, from 0 to 10,000,000,000.
        seed: another one gives other bytes under the same keys.
        size: the mean of the sizes in bytes, which lie between half and one and a half of it; at most 16 MiB.
        filled: whether the assets are there at the beginning; otherwise they are once they are written.
    """

    location: ClassVar[str] = "nowhere: its assets are computed"

    count: int = attrs.field(default=0, validator=_between(0, MAX_COUNT))
    seed: int = 0
    size: int = attrs.field(default=16_384, validator=_between(0, MAX_SIZE))
    filled: bool = True
    _facts: dict[int, tuple[int, str, str]] = attrs.field(init=False, factory=dict, repr=False)
    _marks: bytearray | None = attrs.field(init=False, default=None, repr=False)
    """One byte for each asset, 1 if it is there; ``None`` until the first change."""

    @classmethod
    def from_url(cls, parts: SplitResult) -> dict[str, str]:
        """Accept ``synthetic:`` and the settings, for example ``synthetic:?count=100000000&seed=7&size=20000``."""
        if parts.netloc or parts.path:
            raise ConfigError("must be 'synthetic:' and settings, for example 'synthetic:?count=1000&seed=7&size=20000'")
        return {}

    @hookimpl
    def assetstore_list(self, prefix: str, options: ListOptions) -> ListPage:
        """Find the first asset of a page by halving, so that a page takes as long wherever it begins."""
        more = attrs.evolve(options, limit=options.limit + 1)
        entries = list(itertools.islice(self._entries(prefix, options), more.limit))
        if self._assets:
            written = super().assetstore_list(prefix, more)
            by_key = {entry.key: entry for entry in (*entries, *written.items, *written.prefixes)}
            entries = sorted(by_key.values(), key=lambda entry: entry.key)
        page = entries[: options.limit]
        return ListPage(
            items=tuple(entry for entry in page if isinstance(entry, AssetInfo)),
            prefixes=tuple(entry for entry in page if isinstance(entry, Prefix)),
            next_cursor=page[-1].key if len(entries) > len(page) else None,
        )

    @hookimpl
    def assetstore_delete(self, keys: Sequence[str], options: DeleteOptions) -> DeleteReport:
        """Take away the mark of an asset, or what was written."""
        with self._lock.get():
            for key in keys:
                if self._number(key) is not None:
                    self._mark(key, there=False)
            return super().assetstore_delete(keys, options)

    @hookimpl
    def assetstore_check(self, options: CheckOptions) -> CheckReport:
        """Count the assets."""
        there = self.count * self.filled if self._marks is None else self._marks.count(1)
        return CheckReport(steps=(CheckStep(name="synthetic", ok=True, detail=f"{there + len(self._assets)} assets"),))

    def _look_up(self, key: str) -> tuple[AssetInfo, bytes] | None:
        number = self._number(key)
        if number is None or not (self.filled if self._marks is None else self._marks[number]):
            return super()._look_up(key)
        return attrs.evolve(self._info(number), content_type=_TYPE, metadata={}), self._bytes(self._content(number))

    def _keep(self, info: AssetInfo, data: bytes) -> AssetInfo:
        number = self._number(info.key)
        if number is None:
            return super()._keep(info, data)
        plain = {name: value for name, value in info.given().items() if value} in ({}, {"content_type": _TYPE})
        own = plain and data == self._bytes(self._content(number))
        self._mark(info.key, there=own)
        if not own:
            return super()._keep(info, data)
        self._assets.pop(info.key, None)
        return attrs.evolve(self._info(number), content_type=_TYPE, metadata={})

    def _entries(self, prefix: str, options: ListOptions) -> Iterator[AssetInfo | Prefix]:
        """Yield what is listed of the computed assets, from where the page begins."""
        numbers, cursor, after = range(self.count), options.cursor or "", options.start_after or ""
        if cursor and not options.recursive:
            cursor = _end_of(cursor)
        first = max(bisect_right(numbers, max(cursor, after), key=_key), bisect_left(numbers, prefix, key=_key))
        end = bisect_right(numbers, prefix, lo=first, key=lambda number: _key(number)[: len(prefix)])
        if options.recursive:
            yield from map(self._info, self._there(first, end))
            return
        while (number := next(self._there(first, end), None)) is not None:
            head, slash, _ = _key(number)[len(prefix) :].partition("/")
            name = prefix + head + slash
            yield Prefix(key=name) if slash else self._info(number)
            first = bisect_right(numbers, _end_of(name), lo=number, key=_key)

    def _there(self, first: int, end: int) -> Iterator[int]:
        """Yield the numbers of the assets that are there, of those in a range."""
        if self._marks is None:
            yield from range(first, end if self.filled else first)
            return
        while (first := self._marks.find(1, first, end)) >= 0:
            yield first
            first += 1

    def _mark(self, key: str, *, there: bool) -> None:
        number = self._number(key)
        assert number is not None
        if self._marks is None:
            self._marks = bytearray([self.filled]) * self.count
        self._marks[number] = there

    def _number(self, key: str) -> int | None:
        """Return the number of the asset of this key, or ``None`` if the key is not one of the computed ones."""
        found = _KEY.fullmatch(key)
        number = self.count if found is None else int(found[1]) * _FOLDER + int(found[2])
        return number if number < self.count else None

    def _content(self, number: int) -> int:
        # The golden ratio spreads neighbours over all contents (D. Knuth, The Art of Computer Programming, 6.4).
        return (number * 0x9E3779B97F4A7C15 >> 32) % CONTENTS

    def _info(self, number: int) -> AssetInfo:
        content = self._content(number)
        if (facts := self._facts.get(content)) is None:
            data = self._bytes(content)
            md5 = hashlib.md5(data, usedforsecurity=False).hexdigest()
            facts = self._facts[content] = len(data), md5, f"md5:{md5}"
        size, etag, digest = facts
        return AssetInfo(key=_key(number), size=size, etag=etag, digest=digest, last_modified=_WRITTEN)

    def _bytes(self, content: int) -> bytes:
        length = self.size // 2 + self.size * content // (CONTENTS - 1)
        return random.Random(f"{self.seed}/{content}").randbytes(length)  # noqa: S311 - nothing is kept secret by it


def _key(number: int) -> str:
    return f"{number // _FOLDER:06d}/{number % _FOLDER:04d}.bin"


def _end_of(name: str) -> str:
    """Return a text behind all keys that a listing folds into this name, and before all others that follow it."""
    return f"{name[:-1]}/\U0010ffff" if name.endswith("/") else name
