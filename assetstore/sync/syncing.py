"""``sync``: makes a destination hold what a source holds, and sends only what changed."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

import attrs

from assetstore.options import Progress, require_progress
from assetstore.store import AssetStore
from assetstore.sync.folder_index import FolderIndex
from assetstore.sync.merge import UnorderedError
from assetstore.sync.options import Action, Counts, SyncKeywords, SyncOptions, SyncPlan, SyncRefusedError, SyncReport
from assetstore.sync.outages import named
from assetstore.sync.pages import listed_ahead
from assetstore.sync.sides import FolderSide, Side, StoreSide, open_side, require_a_store

if TYPE_CHECKING:
    from assetstore.sync.planning import Planning
    from assetstore.sync.running import Run


def sync(
    source: str | Path | AssetStore | Side,
    destination: str | Path | AssetStore | Side,
    *,
    compared: Callable[[int], object] | None = None,
    planned: Callable[[SyncPlan], object] | None = None,
    done: Callable[[Action, Exception | None], object] | None = None,
    progress: Progress | None = None,
    **options: Unpack[SyncKeywords],
) -> SyncReport:
    """Make a destination hold what a source holds; only what changed is sent.

    Args:
        source: an address, the path of a folder, or a store.
        destination: likewise; one of the two must be a store.
        compared: called with the number of keys compared since its last call, until all is planned.
        planned: called once with the totals, before anything is changed.
        done: called with each action when it is done, and the error if it failed; in a dry run with each planned one.
        progress: called with the number of bytes sent since its last call.
        **options: the fields of ``SyncOptions``, for example ``delete=True``.

    Raises:
        SyncRefusedError: the sync would do what it must not; it lists every reason, and nothing was changed.
        NotFoundError: a side is missing.
        InvalidOptionError: an option is out of its range.
        NoSpaceError: there is no space for the temporary file of the plan.
        AssetStoreError: a listing could not be read to its end; nothing was changed.
    """
    began = time.monotonic()
    checked = SyncOptions(**options)
    require_progress(progress)
    with named("sync"), contextlib.ExitStack() as exits:
        one, other = open_side(source, exits), open_side(destination, exits)
        require_a_store(one, other, "rsync")
        _require_apart(one, other)
        try:
            planning, plan = _planned(one, other, checked, compared, exits)
        except UnorderedError:
            one, other = _sorting(one), _sorting(other)
            planning, plan = _planned(one, other, checked, compared, exits)
        from assetstore.sync.running import Run

        if planned is not None:
            planned(plan)
        run = Run(
            source=one,
            destination=other,
            options=checked,
            spool=planning.spool,
            decider=planning.decider,
            done=done,
            progress=progress,
            failed=planning.unreadable,
            errors=planning.errors,
        )
        if checked.dry_run:
            run.pretend()
        else:
            run.run()
        return _report(plan, run, time.monotonic() - began)


def _planned(
    one: Side, other: Side, options: SyncOptions, compared: Callable[[int], object] | None, exits: contextlib.ExitStack
) -> tuple[Planning, SyncPlan]:
    index = _index(one, other)
    with listed_ahead(other, index) as listing:
        # These load while the first pages are on their way.
        from assetstore.sync.planning import Planning
        from assetstore.sync.sorting import spooling_errors
        from assetstore.sync.spool import Spool

        exits.enter_context(spooling_errors())
        spool = exits.enter_context(Spool())
        if index is not None:
            # What was read or sent need not be read at the next run, however this one ends.
            exits.callback(lambda: index.save(spool.files()))
        planning = Planning(one, other, options, spool, index, compared, listing)
        return planning, planning.run()


def _sorting(side: Side) -> Side:
    return attrs.evolve(side, sorts=True) if isinstance(side, StoreSide) else side


def _index(one: Side, other: Side) -> FolderIndex | None:
    if isinstance(one, FolderSide):
        one, other = other, one
    return FolderIndex.of(other.folder, one.store) if isinstance(one, StoreSide) and isinstance(other, FolderSide) else None


def _require_apart(one: Side, other: Side) -> None:
    """Refuse a source that has assets of the destination: what is written would be read again, or deleted at the source."""
    if isinstance(one, StoreSide) and isinstance(other, StoreSide):
        overlaps = one.store._overlaps(other.store)  # noqa: SLF001 - only stores know their places
    else:
        overlaps = any(
            side.store._lies_in(folder.folder)  # noqa: SLF001 - as above
            for side, folder in ((one, other), (other, one))
            if isinstance(side, StoreSide) and isinstance(folder, FolderSide)
        )
    if overlaps:
        raise SyncRefusedError(
            f"the source {one.name!r} and the destination {other.name!r} must not have assets in common",
            hint="choose two folders of which neither lies in the other",
        )


def _report(plan: SyncPlan, run: Run, seconds: float) -> SyncReport:
    done: dict[str, int] = {str(kind): count for kind, count in run.counts.items()}
    return SyncReport(
        source=plan.source,
        destination=plan.destination,
        dry_run=run.options.dry_run,
        counts=Counts(**done, unchanged=plan.counts.unchanged, skipped=plan.counts.skipped),
        bytes=run.bytes,
        seconds=seconds,
        failed=run.failed,
        errors=tuple(run.errors),
        withheld=run.withheld,
        stopped=run.stopped,
        slowed=run.slowed,
    )
