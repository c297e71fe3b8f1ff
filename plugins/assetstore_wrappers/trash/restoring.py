"""What is in the trash: finds it, restores it, and deletes it for good. Works on any store that has the wrapper."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import attrs

from assetstore import AssetInfo, AssetStore, DeleteReport
from assetstore.plugin import NotFoundError, StoreNotFoundError, seconds_of
from assetstore_wrappers.trash.entries import FOLDER, KEY_NAME, folder_of, is_hashed, is_long, new_entry, parse


@attrs.frozen(kw_only=True)
class Deleted:
    """One deletion of one asset.

    Attributes:
        key: the key that it had.
        time: when it was deleted, by the clock of the machine that did so.
        size: its bytes.
        entry: its key in the trash, to read it or to delete it for good.
    """

    key: str
    time: datetime
    size: int
    entry: str


def deleted(store: AssetStore, prefix: str = "", *, start_after: str | None = None) -> Iterator[Deleted]:
    """Yield what is in the trash and had a key that begins with ``prefix``. Each deletion of a key is one.

    Args:
        store: a whole store with the wrapper ``trash``, not a part of one.
        prefix: the beginning of the keys.
        start_after: ``Deleted.entry`` of the last one that was yielded before.
    """
    before = parse(start_after) if start_after is not None else None
    is_among_long = before is not None and is_hashed(before[0])
    for info in store.list(FOLDER + prefix, start_after=start_after) if not is_among_long else ():
        found = parse(info.key)
        if found is not None and not is_hashed(found[0]):
            yield Deleted(key=found[0], time=found[1], size=info.size, entry=info.key)
    for info in store.list(f"{FOLDER}~", start_after=start_after if is_among_long else None):
        found = parse(info.key)
        if found is not None and is_hashed(found[0]):
            key = _long_key(store, info, found[0])
            if key is not None and key.startswith(prefix):
                yield Deleted(key=key, time=found[1], size=info.size, entry=info.key)


def restore(
    store: AssetStore, key: str, *, to: str | None = None, entry: str | None = None, overwrite: bool = False
) -> AssetInfo:
    """Bring back what was deleted last under a key, with its headers and metadata, and remove it from the trash.

    Args:
        store: a whole store with the wrapper ``trash``.
        key: the key that it had.
        to: where to restore it; by default the same key.
        entry: which deletion is meant, ``Deleted.entry``; by default the last one.
        overwrite: whether the key may be taken; what stands there goes into the trash in turn.

    Raises:
        NotFoundError: there is no such asset in the trash.
        AlreadyExistsError: the key is taken, and ``overwrite`` is not set.
    """
    entry = _last_entry(store, key) if entry is None else entry
    if f"{entry.rpartition('/')[0]}/" != folder_of(key) or parse(entry) is None:
        raise NotFoundError(f"{entry!r} is not an entry of this key in the trash", key=key, hint="deleted() lists them")
    destination = key if to is None else to
    if overwrite:
        _keep(store, destination)
    info = store.copy(entry, destination, overwrite=overwrite)
    metadata = store.stat(destination).metadata if is_hashed(entry.removeprefix(FOLDER).rpartition("/")[0]) else None
    if metadata and KEY_NAME in metadata:
        info = store.update(destination, metadata={name: text for name, text in metadata.items() if name != KEY_NAME})
    store.delete(entry)
    return info


def _keep(store: AssetStore, key: str) -> None:
    """Copy what is about to be overwritten into the trash, if there is something."""
    entry = new_entry(key)
    try:
        store.copy(key, entry)
    except StoreNotFoundError:
        raise
    except NotFoundError:
        return
    if is_long(key):
        store.update(entry, metadata={**(store.stat(entry).metadata or {}), KEY_NAME: key})


def empty(store: AssetStore, *, older_than: int | timedelta | str, prefix: str = "") -> DeleteReport:
    """Delete for good what was moved to the trash longer ago than this.

    Args:
        store: a whole store with the wrapper ``trash``.
        older_than: seconds, a ``timedelta``, or for example ``"30d"``; 0 takes all.
        prefix: only what had a key that begins so.
    """
    before = oldest(older_than)
    return store.delete_many(each.entry for each in deleted(store, prefix) if each.time <= before)


def oldest(older_than: int | timedelta | str) -> datetime:
    """Return the time since which an asset in the trash is too young to go."""
    return datetime.now(UTC) - timedelta(seconds=seconds_of("older_than", older_than))


def _last_entry(store: AssetStore, key: str) -> str:
    listed = store.list(folder_of(key), recursive=False)
    entries = [each.key for each in listed if isinstance(each, AssetInfo) and parse(each.key)]
    if not entries:
        raise NotFoundError("nothing in the trash had this key", key=key, hint="deleted() lists what is there")
    return max(entries)


def _long_key(store: AssetStore, info: AssetInfo, found: str) -> str | None:
    """Return the key that a hash stands for, or ``None`` if somebody has restored or removed the asset meanwhile."""
    try:
        metadata = info.metadata if info.metadata is not None else store.stat(info.key).metadata
    except StoreNotFoundError:
        raise
    except NotFoundError:
        return None
    return (metadata or {}).get(KEY_NAME, found)
