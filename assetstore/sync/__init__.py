"""Between stores: copies, syncs and checks assets of one store or folder against another.

Read in this order: ``address`` (what a text names), ``sides`` (a store or a folder of files, as both are walked), ``merge``,
``compare`` (whether two are equal), ``transfer`` (one asset from here to there), ``comparison`` (``check``),
``verification`` (``verify``), ``options`` and ``syncing`` (``sync``), ``planning``, ``decisions`` (about a key that both
have), ``running``, ``deletions``.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from assetstore.sync.comparison import CompareReport, Finding, check
    from assetstore.sync.options import Action, Counts, Failure, Refusal, SyncOptions, SyncPlan, SyncRefusedError, SyncReport
    from assetstore.sync.syncing import sync
    from assetstore.sync.transfer import copy_between, move_between
    from assetstore.sync.verification import VerifyCost, VerifyReport, verify, verify_cost
    from assetstore.sync.verify_file import Verified

_HOMES = {
    "comparison": ("CompareReport", "Finding", "check"),
    "options": ("Action", "Counts", "Failure", "Refusal", "SyncOptions", "SyncPlan", "SyncRefusedError", "SyncReport"),
    "syncing": ("sync",),
    "transfer": ("copy_between", "move_between"),
    "verification": ("VerifyCost", "VerifyReport", "verify", "verify_cost"),
    "verify_file": ("Verified",),
}
"""The module of each name."""

__all__ = [
    "Action",
    "CompareReport",
    "Counts",
    "Failure",
    "Finding",
    "Refusal",
    "SyncOptions",
    "SyncPlan",
    "SyncRefusedError",
    "SyncReport",
    "Verified",
    "VerifyCost",
    "VerifyReport",
    "check",
    "copy_between",
    "move_between",
    "sync",
    "verify",
    "verify_cost",
]


def __getattr__(name: str) -> Any:
    """Load a name when it is first asked for: a sync needs neither ``check`` nor ``verify``."""
    for home, names in _HOMES.items():
        if name in names:
            globals()[name] = getattr(import_module(f"{__name__}.{home}"), name)
            return globals()[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
