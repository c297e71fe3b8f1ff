"""Copies one planned asset, so that it does no harm to do so twice, and never overwrites what is newer than the plan."""

from __future__ import annotations

from typing import Literal, TypeAlias

import attrs

from assetstore.errors import AlreadyExistsError, NotFoundError, PreconditionError, RefusedError
from assetstore.migrate.documents import Item
from assetstore.results import AssetInfo
from assetstore.store import AssetStore
from assetstore.sync.compare import difference
from assetstore.sync.transfer import carried

State: TypeAlias = Literal["copied", "present"]


@attrs.frozen
class Done:
    """An asset that is at the destination.

    Attributes:
        state: ``"present"`` when an earlier run had brought it there.
        size: the bytes that were moved.
    """

    state: State
    size: int


def copy_item(source: AssetStore, destination: AssetStore, item: Item, *, repeated: bool = False) -> Done:
    """Copy an asset as it was planned.

    What was not at the destination is created, and what was there is replaced only if it is still that version. Where that
    fails the asset may have come by an earlier run of the shard, which is looked up.

    Args:
        source: the source.
        destination: the destination.
        item: the asset.
        repeated: look it up first, since an earlier run of the shard may have copied it; that saves its bytes.

    Raises:
        PreconditionError: the source has changed since the plan, or the destination has.
        RefusedError: the plan says why it is not copied.
    """
    if item.problem is not None:
        raise (PreconditionError if item.kept else RefusedError)(item.problem)
    if repeated and _is_there(destination, item):
        return Done("present", 0)
    try:
        return Done("copied", _copy(source, destination, item).size)
    except (AlreadyExistsError, _Replaced):
        if not _is_there(destination, item):
            problem = "the destination has changed since the plan, and what is there was kept"
            raise PreconditionError(problem, hint="plan again") from None
        return Done("present", 0)


def _is_there(destination: AssetStore, item: Item) -> bool:
    """Return whether the destination has the planned asset, and not what the plan wants to replace."""
    try:
        found = destination.stat(item.key)
    except NotFoundError:
        return False
    return found.etag != item.replaces and difference(item.as_info(), found) is None


class _Replaced(Exception):  # noqa: N818 - it never leaves this module
    """The destination has another version than the planned one."""


def _copy(source: AssetStore, destination: AssetStore, item: Item) -> AssetInfo:
    by_version = "read.if_match" if item.etag is not None else ""
    if_match = item.etag if by_version and source.can(by_version) else None
    with source.open(item.key, if_match=if_match) as reader:
        found = reader.info
        if found.size != item.size or (item.etag is not None and found.etag != item.etag):
            raise PreconditionError("the source has changed since the plan", hint="plan again")
        headers = carried(found)
        if item.replaces is None:
            return destination.upload(reader, item.key, **headers, overwrite=False)
        if item.replaces and destination.can("upload.if_match"):
            try:
                return destination.upload(reader, item.key, **headers, if_match=item.replaces)
            except PreconditionError as error:
                raise _Replaced from error
        if item.replaces and destination.stat(item.key).etag != item.replaces:
            raise _Replaced
        return destination.upload(reader, item.key, **headers)
