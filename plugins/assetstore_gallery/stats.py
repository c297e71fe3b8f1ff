"""The page that tells how much a store holds, by kind, folder and month, and what it was used for."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import attrs
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from assetstore import AssetInfo, AssetStore, AssetStoreError, ConfigError, UnsupportedError
from assetstore.plugin import cost_of, total_cost
from assetstore_gallery.answers import described
from assetstore_gallery.gallery import Gallery
from assetstore_gallery.kinds import kind_of, type_of

MOST = 1_000_000
"""Assets that are counted at most."""
FRESH, FRESH_FAILURE = 600, 10
"""Seconds for which a count is shown before the next look at the page begins another one."""
MOST_FOLDERS, SHOWN = 10_000, 24
"""Folders that are told apart at most, and lines of a table; one more line sums up the rest."""
_AT_ONCE = 1000
_log = logging.getLogger(__name__)

Sums = dict[str | None, list[int]]


@attrs.define(eq=False)
class Count:
    """What was counted so far. Only who holds ``lock`` may look.

    Attributes:
        most: how many assets are counted at most.
        kinds: assets and their bytes by kind.
        folders: by the first folder of the key; ``""`` for those in none, ``None`` for the rest.
        months: by the month in which they were written, as ``"2026-11"``; ``None`` where it is unknown.
        at: when it was begun.
        is_whole: whether nothing was left out.
        problem: why it failed.
        ended: set when it is over.
    """

    most: int = MOST
    kinds: Sums = attrs.field(factory=dict, init=False)
    folders: Sums = attrs.field(factory=dict, init=False)
    months: Sums = attrs.field(factory=dict, init=False)
    at: datetime = attrs.field(factory=lambda: datetime.now(UTC), init=False)
    is_whole: bool = attrs.field(default=False, init=False)
    problem: str | None = attrs.field(default=None, init=False)
    lock: threading.Lock = attrs.field(factory=threading.Lock, init=False)
    ended: threading.Event = attrs.field(factory=threading.Event, init=False)
    _until: float = attrs.field(default=0.0, init=False)

    def run(self, store: AssetStore) -> None:
        """Count what is in a store."""
        try:
            self.is_whole = self._add(store.list())
        except AssetStoreError as error:
            self.problem = described(error)["message"]
        except Exception as error:
            _log.error("the gallery cannot count", exc_info=error)
            self.problem = "the gallery failed; its log says why"
        self._until = time.monotonic() + (FRESH_FAILURE if self.problem else FRESH)
        self.ended.set()

    @property
    def is_old(self) -> bool:
        """Whether another one should begin."""
        return self.ended.is_set() and time.monotonic() > self._until

    def _add(self, infos: Iterator[AssetInfo]) -> bool:
        """Count assets, and return whether there were no more."""
        count = 0
        while some := list(islice(infos, min(_AT_ONCE, self.most - count))):
            with self.lock:
                for info in some:
                    self._add_one(info)
            count += len(some)
        return next(infos, None) is None

    def _add_one(self, info: AssetInfo) -> None:
        first, slash, _ = info.key.partition("/")
        folder = f"{first}/" if slash else ""
        is_known = folder in self.folders or len(self.folders) < MOST_FOLDERS
        month = None if info.last_modified is None else f"{info.last_modified:%Y-%m}"
        pairs = ((self.kinds, kind_of(type_of(info))), (self.folders, folder if is_known else None), (self.months, month))
        for sums, name in pairs:
            of_name = sums.setdefault(name, [0, 0])
            of_name[0] += 1
            of_name[1] += info.size

    def facts(self) -> dict[str, Any]:
        """Return what is known."""
        with self.lock:
            count, size = (sum(each[number] for each in self.kinds.values()) for number in (0, 1))
            largest = sorted(self.folders, key=lambda name: (name is None, -self.folders[name][1], name or ""))
            newest = sorted(self.months, key=lambda name: name or "", reverse=True)
            return {
                "most": self.most,
                "as_of": self.at.isoformat(timespec="seconds"),
                "counting": not self.ended.is_set(),
                "whole": self.is_whole,
                "problem": self.problem,
                "count": count,
                "bytes": size,
                "kinds": _lines(self.kinds, sorted(self.kinds, key=lambda name: -self.kinds[name][1])),
                "folders": _lines(self.folders, largest),
                "months": _lines(self.months, newest),
            }


def _lines(sums: Sums, names: list[str | None]) -> list[dict[str, Any]]:
    """Return the lines of a table: the first names, and what the rest is together under no name."""
    shown = [name for name in names if name is not None][:SHOWN]
    rest = [sums[name] for name in names if name not in shown]
    lines: list[tuple[str | None, list[int]]] = [(name, sums[name]) for name in shown]
    if rest:
        lines.append((None, [sum(each[0] for each in rest), sum(each[1] for each in rest)]))
    return [{"name": name, "count": count, "bytes": size} for name, (count, size) in lines]


@attrs.define(eq=False)
class Counter:
    """Counts what is in a store behind the pages, once at a time.

    Attributes:
        store: what is counted.
        patience: seconds that a page waits for a count.
    """

    store: AssetStore
    patience: float
    _newest: Count | None = attrs.field(default=None, init=False)
    _before: Count | None = attrs.field(default=None, init=False)
    _lock: threading.Lock = attrs.field(factory=threading.Lock, init=False)

    def latest(self) -> Count:
        """Return the newest count that has ended, or what the first one knows so far; begin one if the newest is old."""
        with self._lock:
            if self._newest is None or self._newest.is_old:
                self._before, self._newest = self._newest, self._begun()
            newest, before = self._newest, self._before
        return newest if newest.ended.wait(self.patience) or before is None else before

    def _begun(self) -> Count:
        count = Count()
        # A daemon: the end of the process does not wait for it.
        threading.Thread(target=count.run, args=(self.store,), name="assetstore-gallery-stats", daemon=True).start()
        return count


def routes(gallery: Gallery) -> list[BaseRoute]:
    """Return the routes of the page of statistics."""
    counter = Counter(gallery.store, gallery.options.patience)

    def stats(request: Request) -> Response:
        facts = {**counter.latest().facts(), "use": used(gallery.store)}
        return gallery.page(request, "stats.html", facts)

    return [Route("/stats", stats), Route("/stats.json", stats)]


def used(store: AssetStore) -> dict[str, Any] | None:
    """Return what a store was used for and what that cost, ``None`` where it has no statistics."""
    try:
        stats = {name: sums for name, sums in store.stats().items() if any(sums.values())}
    except UnsupportedError:
        return None
    names = ("count", "bytes", "errors")
    operations: list[dict[str, Any]] = [
        {"name": name, **{each: int(sums.get(each, 0)) for each in names}} for name, sums in stats.items()
    ]
    try:
        costs = {name: cost_of(name, sums, store.prices) for name, sums in stats.items()}
    except ConfigError as error:
        return {"operations": operations, "total": None, "problem": described(error)["message"]}
    for line in operations:
        line |= costs[line["name"]].as_record()
    return {"operations": operations, "total": total_cost(costs).as_record(), "problem": None}
