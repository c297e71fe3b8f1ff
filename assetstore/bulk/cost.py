"""What the requests and bytes that the statistics count cost, by the prices of the store."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from assetstore.errors import ConfigError

_CLASS = "requests_"
_MILLION, _GB = 1_000_000, 1_000_000_000
_OUT = "out"
_READS = ("reads", "downloads")
"""The operations whose bytes the service sends; what it receives is free everywhere."""


@attrs.frozen
class Cost:
    """What one operation cost, or all.

    Attributes:
        requests: how many were sent, by class.
        out: bytes that the service sent.
        cost: in the currency of the prices.
    """

    requests: Mapping[str, int]
    out: int
    cost: float

    def as_record(self) -> dict[str, object]:
        """Return it for JSON."""
        return {"requests": dict(self.requests), "bytes_out": self.out, "cost": round(self.cost, 9)}


def cost_of(name: str, sums: Mapping[str, float], prices: Mapping[str, float]) -> Cost:
    """Return what an operation of the statistics cost.

    Raises:
        ConfigError: there were requests of a class that has no price.
    """
    requests = {kind.removeprefix(_CLASS): int(count) for kind, count in sums.items() if kind.startswith(_CLASS)}
    for kind in requests:
        if kind not in prices:
            hint = "set it in the store's table, for example prices = { A = 5.0, B = 0.4 } for a million requests"
            raise ConfigError(f"the price of requests of class {kind} is not known", hint=hint)
    out = int(sums.get("bytes", 0)) if name in _READS and requests else 0
    cost = sum(count * prices[kind] for kind, count in requests.items()) / _MILLION + out * prices.get(_OUT, 0) / _GB
    return Cost(requests, out, cost)


def total_cost(costs: Mapping[str, Cost]) -> Cost:
    """Return the sum."""
    kinds = sorted({kind for cost in costs.values() for kind in cost.requests})
    requests = {kind: sum(cost.requests.get(kind, 0) for cost in costs.values()) for kind in kinds}
    return Cost(requests, sum(cost.out for cost in costs.values()), sum(cost.cost for cost in costs.values()))
