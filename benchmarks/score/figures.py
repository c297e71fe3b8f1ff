"""The twelve figures, in their order."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from score.figure import Figure, Outcome, Run

LOCAL = ("obstore", "fsspec", "opendal", "cloudpathlib", "django")
S3 = ("boto3", "obstore", "opendal", "s3fs", "cloudpathlib")


def _by(module: str) -> Callable[[Run], Outcome]:
    """Return the ``measure`` of a module, which is loaded when it is called."""

    def measure(run: Run) -> Outcome:
        outcome: Outcome = import_module(f"score.{module}").measure(run)
        return outcome

    return measure


FIGURES = (
    Figure(
        number=1,
        name="torn, lost or half-visible assets after kill -9, and leftovers that gc leaves",
        target="0 in 200 kills, 0 leftovers",
        measure=_by("kills"),
        peers=LOCAL,
    ),
    Figure(
        number=2,
        name="failing system calls that end whole, clean and typed",
        target="all of 400 or more",
        measure=_by("system_calls"),
        peers=LOCAL,
    ),
    Figure(
        number=3,
        name="states of the disk after a power failure that break a promise",
        target="0",
        measure=_by("crash_states"),
        peers=LOCAL,
    ),
    Figure(
        number=4,
        name="faults of the network met with the right result and a truthful error",
        target="112 of 112",
        measure=_by("network"),
        peers=S3,
    ),
    Figure(
        number=5,
        name="single flipped bits that are detected",
        target="1,000 of 1,000",
        measure=_by("flipped_bits"),
        peers=S3,
    ),
    Figure(
        number=6,
        name="odd keys with one verdict and one listing on every store, and keys that merge",
        target="300 of 300, 0 merged",
        measure=_by("odd_keys"),
        peers=LOCAL,
    ),
    Figure(
        number=7,
        name="escapes from the folder by 300 paths and 20,000 swapped links",
        target="0",
        measure=_by("escapes"),
        peers=LOCAL,
    ),
    Figure(
        number=8,
        name="forged URLs accepted and genuine ones refused, of 5,000 mutations × 5 methods",
        target="0 and 0",
        measure=_by("signed_urls"),
    ),
    Figure(
        number=9,
        name="overrun of a deadline; memory for a pipe of 1 GiB both ways; time to refuse a FIFO",
        target="≤ 1 s; ≤ 64 MiB; ≤ 0.1 s",
        measure=_by("bounds"),
        peers=S3,
    ),
    Figure(
        number=10,
        name="steps of a model on three stores, with faults and rivals, that agree; interrupted moves that lose or repeat",
        target="10,000 steps; 0",
        measure=_by("model_steps"),
    ),
    Figure(
        number=11,
        name="hostile plugins × commands with the core at work; sightings of a canary secret",
        target="60 of 60; 0",
        measure=_by("hostile_plugins"),
    ),
    Figure(
        number=12,
        name="mutants of keys, signing, safe writes, retries and config that the tests kill, and branches taken there",
        target="≥ 90 %, 100 %",
        measure=_by("mutants"),
    ),
)
