"""How R2 charges for each kind of request (R2, "Pricing"): by class A or B, or not at all. Amazon S3 divides them alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

_B = frozenset(
    {
        *("GetObject", "HeadObject", "HeadBucket"),
        *("GetBucketCors", "GetBucketEncryption", "GetBucketLifecycleConfiguration", "GetBucketLocation"),
    }
)
# That DeleteObjects, which is not named there, is free like DeleteObject is presumed.
_FREE = frozenset({"AbortMultipartUpload", "DeleteBucket", "DeleteObject", "DeleteObjects"})

_MOST = 1_000_000_000
"""The highest price that is taken for one: what overflows a float would fail when the costs are shown."""

PRICES: Mapping[str, float] = MappingProxyType({"A": 4.50, "B": 0.36, "free": 0.0, "out": 0.0})
"""Dollars for a million requests of each class, and for a GB that is read, in R2's Standard storage class on 2026-11-22
(https://developers.cloudflare.com/r2/pricing/). What is stored costs too, by the month, and the first million of A and the
first ten of B each month nothing."""


def price_problems(prices: Mapping[str, object]) -> Iterator[str]:
    """Yield what is wrong with prices from the configuration."""
    for name, price in prices.items():
        if name not in PRICES:
            yield f"prices: {name} is unknown; the names are {', '.join(PRICES)}"
        elif not isinstance(price, int | float) or isinstance(price, bool) or not 0 <= price <= _MOST:
            yield f"prices: {name} must be a number between 0 and {_MOST:,}"


def class_of(operation: str) -> str:
    """Return ``"A"``, ``"B"`` or ``"free"`` for an operation of S3; what writes or lists, and what is not known, is of A."""
    return "B" if operation in _B else "free" if operation in _FREE else "A"
