"""The verdicts of the contract on one store."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Literal, TypeAlias

import attrs

from assetstore.testing.verify.live_store import Leftovers

if TYPE_CHECKING:
    from assetstore.testing.contract.backend import Guarantee

Outcome: TypeAlias = Literal["holds", "FAILS", "not claimed", "skipped"]
Claim: TypeAlias = Literal["works", "FAILS", "refused", "not shown"]


@attrs.frozen(kw_only=True)
class Verdict:
    """What came of one guarantee.

    Attributes:
        guarantee: which.
        outcome: whether it holds; ``not claimed`` when it is about abilities that the store does not have.
        reason: for a failure, why, in a line.
        without: the abilities that it would have needed.
        seconds: how long it took.
    """

    guarantee: Guarantee
    outcome: Outcome
    reason: str | None
    without: tuple[str, ...]
    seconds: float


@attrs.frozen(kw_only=True)
class Verification:
    """What came of all.

    Attributes:
        store: the store's name.
        location: where it is, in a few words.
        prefix: under which keys all was tried.
        started: when.
        seconds: how long it took.
        verdicts: of each guarantee.
        claims: whether each capability does what the store says of it; refused when it says that it cannot.
        observations: what the service does beyond what is guaranteed, in sentences.
        leftovers: what the guarantees had left behind.
    """

    store: str
    location: str
    prefix: str
    started: datetime
    seconds: float
    verdicts: tuple[Verdict, ...]
    claims: Mapping[str, Claim]
    observations: tuple[str, ...]
    leftovers: Leftovers

    @property
    def ok(self) -> bool:
        """Whether every guarantee holds that should, and nothing is left behind."""
        return self.leftovers.reason is None and not any(verdict.outcome == "FAILS" for verdict in self.verdicts)
