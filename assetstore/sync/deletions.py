"""Deletes what the source no longer has, unless another program wrote it since it was listed."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterable, Iterator
from pathlib import Path
from typing import TypeAlias

from assetstore.errors import NotFoundError, PreconditionError
from assetstore.results import AssetInfo
from assetstore.sync.outages import MEANWHILE
from assetstore.sync.sides import FolderSide, Side, StoreSide, stamp_of
from assetstore.sync.spool import Step

Ends: TypeAlias = Generator[tuple[Step, AssetInfo | None, Exception | None]]
"""What becomes of steps: the asset that was written, or the error."""

BATCH = 1000


def deleted(destination: Side, steps: Iterator[Step]) -> Ends:
    """Do steps that delete, and yield what became of each."""
    if isinstance(destination, FolderSide):
        yield from _delete_files(destination.folder, steps)
        return
    assert isinstance(destination, StoreSide)
    for batch in _batches(steps):
        yield from _delete_batch(destination, batch)


def _delete_batch(side: StoreSide, batch: dict[str, Step]) -> Ends:
    """Delete those of which the store has still the version that was listed."""
    wanted: list[str | AssetInfo] = []
    with side.store.stat_many([key for key, step in batch.items() if step.valid], ordered=True) as heads:
        for head in heads:
            step = batch[head.item]
            if isinstance(head.error, NotFoundError):
                yield step, None, None
            elif head.value is None:
                yield step, None, head.error
            elif not _is_version(step, head.value):
                yield step, None, PreconditionError(MEANWHILE, hint="run the sync again")
            else:
                wanted.append(head.item)
    wanted += [AssetInfo(key=key, size=step.action.size, valid=False) for key, step in batch.items() if not step.valid]
    if wanted:
        report = side.store.delete_many(wanted)
        yield from ((batch[failure.key], None, failure.error) for failure in report.failed)
        yield from ((batch[key], None, None) for key in report.deleted)


def _is_version(step: Step, info: AssetInfo) -> bool:
    if (step.action.size, step.etag) != (info.size, info.etag):
        return False
    # A listing may know parts of a second that a head does not.
    return step.written is None or info.last_modified is None or int(step.written) == int(info.last_modified.timestamp())


def _batches(steps: Iterable[Step]) -> Iterator[dict[str, Step]]:
    batch: dict[str, Step] = {}
    for step in steps:
        batch[step.action.key] = step
        if len(batch) == BATCH:
            yield batch
            batch = {}
    if batch:
        yield batch


def _delete_files(folder: Path, steps: Iterator[Step]) -> Ends:
    """Delete files that are still as they were walked, and the folders that become empty."""
    for step in steps:
        path = folder / step.path
        try:
            if stamp_of(os.lstat(path)) != step.stamp:
                raise PreconditionError(MEANWHILE, hint="run the sync again")
            path.unlink()
            for above in path.parents:
                if above == folder:
                    break
                above.rmdir()
        except FileNotFoundError:
            yield step, None, None
        except OSError as error:
            # A folder that is not empty stays.
            yield step, None, error if path.exists() else None
        except PreconditionError as error:
            yield step, None, error
        else:
            yield step, None, None
