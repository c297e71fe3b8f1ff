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
    """The result of one guarantee.

    Attributes:
        guarantee: the guarantee.
        outcome: whether it holds; ``not claimed`` when the store lacks the capabilities that it is about.
        reason: for a failure, the reason in one line.
        without: the capabilities that the store lacks.
        seconds: how long it took.
    """

    guarantee: Guarantee
    outcome: Outcome
    reason: str | None
    without: tuple[str, ...]
    seconds: float


@attrs.frozen(kw_only=True)
class Verification:
    """The result of a whole run.

    Attributes:
        store: the store's name.
        location: where it is, in a few words.
        prefix: the beginning of all keys of the run.
        started: when it began.
        seconds: how long it took.
        verdicts: one for each guarantee.
        claims: whether each claimed capability works; ``refused`` where the store does not claim it and refuses it.
        observations: behaviour of the service beyond the guarantees, in sentences.
        leftovers: the assets that were left behind.
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
        """Whether no guarantee fails and nothing is left behind."""
        return self.leftovers.reason is None and not any(verdict.outcome == "FAILS" for verdict in self.verdicts)
