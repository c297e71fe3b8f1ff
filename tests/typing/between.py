"""Never run, only checked by mypy: the types that users of syncs, copies and migrations see."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import assert_type

from assetstore import AssetInfo, AssetStore, DeleteReport, open_store
from assetstore.migrate import (
    Difference,
    FailedAsset,
    Plan,
    Rates,
    RunReport,
    Status,
    Verification,
    failed_assets,
    links,
    plan,
    run,
    status,
)
from assetstore.migrate import verify as verify_migration
from assetstore.sync import (
    Action,
    CompareReport,
    Finding,
    SyncPlan,
    SyncReport,
    Verified,
    VerifyReport,
    check,
    copy_between,
    move_between,
    sync,
    verify,
)
from assetstore_wrappers.trash import Deleted, deleted, empty, restore

old, new = open_store("file:old"), open_store("file:new")
assert_type(copy_between(old, "a", new, "b", times=True, resume=True), AssetInfo)
assert_type(move_between(old, "a", new), AssetInfo)


def planned(found: SyncPlan) -> None:
    """See the totals first."""
    assert_type(found.actions, int)


def done(action: Action, error: Exception | None) -> None:
    """See each action."""
    assert_type(action.key, str)


report = sync(Path("art"), "prod:art/", delete=True, max_delete="5%", planned=planned, done=done)
assert_type(report, SyncReport)
assert_type([failure.error for failure in report.errors], list[Exception])
sync(old, new, deletes=True)  # type: ignore[call-arg]  # it is called delete
sync(old, 7)  # type: ignore[arg-type]  # a number is no side

findings: list[Finding] = []
assert_type(check(old, new, headers=True, found=findings.append), CompareReport)
damaged: list[Verified] = []
assert_type(verify("prod:", report="all.csv", found=damaged.append), VerifyReport)

assert_type(plan(old, "new:maps/", "work:", rates=Rates(objects=100)), Plan)
assert_type(run("work:", engine="threads", source=old), RunReport)
assert_type(status("work:"), Status)
assert_type(failed_assets("work:"), Iterator[FailedAsset])
assert_type(links("work:"), Iterator[tuple[str, str]])
differences: list[Difference] = []
assert_type(verify_migration("work:", found=differences.append), Verification)

assert_type(deleted(new), Iterator[Deleted])
assert_type(restore(new, "a"), AssetInfo)
assert_type(empty(new, older_than="30d"), DeleteReport)
assert_type(new, AssetStore)
