"""Copies one planned asset, so that it does no harm to do so twice, and never overwrites what is newer than the plan."""

from __future__ import annotations

from typing import Literal, TypeAlias

import attrs

from assetstore.errors import AlreadyExistsError, InvalidKeyError, NotFoundError, PreconditionError
from assetstore.migrate.documents import Item
from assetstore.results import AssetInfo
from assetstore.store import AssetStore
from assetstore.sync.compare import difference
from assetstore.sync.decisions import Decider, differing
from assetstore.sync.options import SyncOptions
from assetstore.sync.sides import StoreSide
from assetstore.sync.transfer import carried, copy_between

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
        InvalidKeyError: the destination cannot hold the key.
    """
    if item.problem is not None:
        raise (PreconditionError if item.kept else InvalidKeyError)(item.problem, store=destination.name)
    if item.headers:
        return _fix_headers(source, destination, item)
    if repeated and _is_there(destination, item):
        return Done("present", 0)
    try:
        return Done("copied", _copy(source, destination, item).size)
    except (AlreadyExistsError, _Replaced):
        if not _is_there(destination, item):
            raise _changed(destination) from None
        return Done("present", 0)


def _is_there(destination: AssetStore, item: Item) -> bool:
    """Return whether the destination has the planned asset, and not what the plan wants to replace."""
    try:
        found = destination.stat(item.key)
    except NotFoundError:
        return False
    return found.etag != item.replaces and difference(item.as_info(), found) is None


def _fix_headers(source: AssetStore, destination: AssetStore, item: Item) -> Done:
    """Set the headers and metadata that differ, without moving the bytes."""
    head, there = source.stat(item.key), destination.stat(item.key)
    if head.etag != item.etag:
        raise _source_changed(source)
    decider = Decider(StoreSide(source, source.name), StoreSide(destination, destination.name), SyncOptions())
    headers = differing(decider.wanted(head, item.key), there)
    if not headers:
        return Done("present", 0)
    if there.etag != item.replaces:
        raise _changed(destination)
    destination.update(item.key, **headers)
    return Done("copied", 0)


def _source_changed(source: AssetStore) -> PreconditionError:
    return PreconditionError("the source has changed since the plan", hint="plan again", store=source.name)


def _changed(destination: AssetStore) -> PreconditionError:
    problem = "the destination has changed since the plan, and what is there was kept"
    return PreconditionError(problem, hint="plan again", store=destination.name)


class _Replaced(Exception):  # noqa: N818 - it never leaves this module
    """The destination has another version than the planned one."""


def _copy(source: AssetStore, destination: AssetStore, item: Item) -> AssetInfo:
    if_match = item.etag if source.can("read.if_match") else None
    try:
        if item.replaces is None and if_match is not None:
            # A large asset goes on where it was, if this machine had begun it.
            return copy_between(source, item.key, destination, overwrite=False, if_match=if_match, resume=True)
        opened = source._open_whole(item.key, if_match)  # noqa: SLF001 - as copy_between reads
    except PreconditionError as error:
        raise _source_changed(source) from error
    with opened as reader:
        found = reader.info
        if found.size != item.size or (item.etag is not None and found.etag != item.etag):
            raise _source_changed(source)
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
