"""Says what a run will cost and how long it will take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from assetstore.errors import InvalidOptionError
from assetstore.limits import MIB
from assetstore.migrate.documents import Tally
from assetstore.store import AssetStore

PART = 8 * MIB
"""Larger assets are taken to be sent in parts of this size; each part is a request."""
_MILLION, _GB = 1_000_000, 1_000_000_000


@attrs.frozen(kw_only=True)
class Rates:
    """How fast a run is expected to be, all processes together. Measure it by a run of some shards.

    Attributes:
        objects: assets in a second, where they are small.
        bytes: bytes in a second, where they are large.
    """

    objects: float = 500.0
    bytes: float = 100_000_000.0

    def __attrs_post_init__(self) -> None:
        """Refuse what no run would end at."""
        for name in ("objects", "bytes"):
            if not getattr(self, name) > 0:
                raise InvalidOptionError(f"the rate of {name} must be above 0, got {getattr(self, name)!r}")


def priced(
    tally: Tally,
    shards: int,
    sides: tuple[AssetStore, AssetStore],
    work: AssetStore,
    rates: Rates,
    prices: Mapping[str, float] | None,
) -> dict[str, Any]:
    """Return ``requests``, ``dollars`` and ``hours`` for a plan: a read for each asset, a write for each asset or part."""
    source, destination = sides
    sent = (
        (source, {"B": tally.objects + tally.headers}),
        (destination, {"A": tally.objects - tally.large + tally.parts + 2 * tally.large, "B": tally.headers}),
        (work, {"A": 2 * shards, "B": 2 * shards}),
    )
    requests: dict[str, int] = {}
    dollars, known = 0.0, False
    for store, counts in sent:
        table = store.prices if prices is None else prices
        known = known or bool(table)
        for kind, count in counts.items() if table else ():
            requests[kind] = requests.get(kind, 0) + count
            dollars += count * table.get(kind, 0.0) / _MILLION
    out = (source.prices if prices is None else prices).get("out", 0.0)
    dollars += tally.bytes * out / _GB
    hours = max(tally.objects / rates.objects, tally.bytes / rates.bytes) / 3600
    return {"requests": requests, "dollars": round(dollars, 6) if known else None, "hours": round(hours, 4)}
