"""Records the headers, metadata and digest of a key's versions, in one small JSON file for each key.

The file's modification time and size identify a version. The record of a new version is written beside the old one's before
the data is renamed, so the rename commits both. A file changed by hand has no record. Where the time of a file is on no
record, for example after ``cp -r`` or ``git clone``, its bytes decide.

A record has a check sum. To treat a damaged one as none would lose metadata and digest without a word, so it is an error.
It is one of a read, too: nothing tells whether the bytes are those that were stored.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, TypeAlias

from assetstore.plugin import (
    TEXT_HEADERS,
    AssetInfo,
    Headers,
    IntegrityError,
    guess_content_encoding,
    guess_content_type,
    is_valid_key,
)
from assetstore_local.disk import json_file
from assetstore_local.disk.file_version import digest_of, etag_of
from assetstore_local.disk.locks import hold, release
from assetstore_local.disk.paths import RESERVED, Names
from assetstore_local.disk.tree import FILE, Tree, close_quietly

_HEAD_BYTES = 4096
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_MICROSECOND = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1)

_FIELDS = ("key", "versions")
# Each bit of a record costs a check sum; twice this takes four times as long.
_MOST_FLIPPED_BYTES = 4096

Facts: TypeAlias = Mapping[str, Any]


class DamagedRecordError(IntegrityError):
    """The record of an asset is damaged: its headers, metadata and digest are unknown."""

    def __init__(self, names: Names) -> None:
        super().__init__(
            f"the record {'/'.join(names)!r} is damaged, so headers, metadata and digest are unknown",
            hint="restore that file, run assetstore gc --repair, or upload the asset again",
        )


def info_of(key: str, status: os.stat_result, facts: Facts | None = None) -> AssetInfo:
    """Return the AssetInfo of a file and its record; without ``facts`` its headers are unknown."""
    changed = min(max(status.st_mtime_ns // 1000, 0), _LAST_MICROSECOND)
    return AssetInfo(
        key=key,
        size=status.st_size,
        etag=etag_of(status),
        last_modified=_EPOCH + timedelta(microseconds=changed),
        **(facts or {}),
    )


def facts_by_hand(tree: Tree, key: str, names: Names) -> Facts:
    """Return the facts of a file that was put in or changed by hand."""
    encoding = guess_content_encoding(key)
    if encoding and not _is_packed(tree, names, encoding):
        encoding = None
    return {"content_type": guess_content_type(key), "metadata": {}} | ({"content_encoding": encoding} if encoding else {})


def _is_packed(tree: Tree, names: Names, encoding: str) -> bool:
    """Return whether the bytes of a file can have the encoding that its name promises."""
    # Loaded only for the few names that promise one.
    from assetstore.plugin import has_encoding

    try:
        descriptor = os.open(names[-1], FILE, dir_fd=tree.folder(names[:-1]))
    except FileNotFoundError:
        return False
    try:
        return has_encoding(os.read(descriptor, _HEAD_BYTES), encoding)
    finally:
        close_quietly(descriptor)


def changed(facts: Facts, headers: Headers) -> Facts:
    """Return the facts updated with the given headers: ``None`` keeps a header, an empty text clears it."""
    new = {**facts, **headers.given()}
    new["metadata"] = dict(new.get("metadata") or {})
    return {name: value for name, value in new.items() if value != ""}


@contextlib.contextmanager
def locked(tree: Tree, *keys: str) -> Iterator[None]:
    """Exclude all other writers of the keys, in other processes too.

    Keys share 256 locks. Who needs several takes them in order, so that no two writers wait for one another.
    """
    with contextlib.ExitStack() as stack:
        for folder in sorted({names_of(key)[:-1] for key in keys}):
            stack.enter_context(locked_folder(tree, folder))
        yield


@contextlib.contextmanager
def locked_folder(tree: Tree, folder: Names) -> Iterator[None]:
    """Exclude all other writers of the keys whose records are in a folder."""
    with tree.pinned(folder) as lock:
        hold(lock)
        try:
            # What is decided under the lock is decided by the folders of now.
            tree.forget_assets()
            yield
        finally:
            release(lock)


def load(tree: Tree, key: str) -> dict[str, Facts]:
    """Return the facts of each recorded version, the newest first; none when there is no record.

    Raises:
        DamagedRecordError: there is a record, and it is damaged.
    """
    try:
        data = json_file.read(tree, names_of(key))
        return {} if data is None else _versions(key, data)
    except OSError as error:
        # A link is not followed.
        if error.errno not in (errno.ELOOP, errno.EISDIR):
            raise
        raise DamagedRecordError(names_of(key)) from error
    except ValueError as error:
        raise DamagedRecordError(names_of(key)) from error


def key_in(tree: Tree, names: Names) -> str | None:
    """Return the key whose record has this path; ``None`` if there is no record, it is damaged, or its key is not valid."""
    data = json_file.read(tree, names)
    with contextlib.suppress(ValueError):
        key = None if data is None else json_file.decoded(data, unsummed=_FIELDS).get("key")
        # Records come along with a clone or an archive of others, and this key becomes a path.
        if isinstance(key, str) and is_valid_key(key) and names_of(key) == names:
            return key
    return None


def rebuild(tree: Tree, key: str, names: Names) -> bool:
    """Replace the damaged record of an asset; the caller holds the key's lock.

    One flipped bit is found: the check sum proves what the record said. Otherwise the digest, and the type by the name, are
    taken from the file as it is.

    Args:
        tree: the store's folder, open.
        key: the key of the asset.
        names: the path of its file.

    Returns:
        Whether the record was restored; if not, other headers and metadata are lost.
    """
    versions = _unflipped(key, json_file.read(tree, names_of(key)) or b"")
    if versions is not None:
        replace(tree, key, versions)
    elif status := tree.status(names):
        etag = etag_of(status)
        if digest := digest_of(tree, key, names, etag):
            replace(tree, key, {etag: {**facts_by_hand(tree, key, names), "digest": digest}})
    return versions is not None


def _unflipped(key: str, data: bytes) -> dict[str, Facts] | None:
    """Return what a record said before one of its bits flipped, or ``None`` when that is not what damaged it."""
    flipped = bytearray(data[: _MOST_FLIPPED_BYTES + 1])
    for index in range(len(flipped) if len(flipped) <= _MOST_FLIPPED_BYTES else 0):
        for bit in range(8):
            flipped[index] ^= 1 << bit
            with contextlib.suppress(ValueError):
                return _versions(key, bytes(flipped), unsummed=())
            flipped[index] ^= 1 << bit
    return None


def _versions(key: str, data: bytes, *, unsummed: Collection[str] = _FIELDS) -> dict[str, Facts]:
    """Return the facts of each version in the bytes of a record.

    Raises:
        ValueError: the record is damaged, or another key's.
    """
    record = json_file.decoded(data, unsummed=unsummed)
    try:
        if record["key"] != key:
            raise ValueError("it is the record of another key")
        return {etag: _fitting(facts) for etag, facts in record["versions"].items()}
    except (LookupError, TypeError, AttributeError) as error:
        raise ValueError("a field is missing or of a wrong type") from error


def create(tree: Tree, key: str, versions: Mapping[str, Facts]) -> bool:
    """Make the record of a key without an asset, unless there is one; return whether it was made. It is flushed later."""
    try:
        json_file.create(tree, names_of(key), _record(key, versions))
    except FileExistsError:
        return False
    return True


def stage(tree: Tree, key: str, versions: Mapping[str, Facts]) -> str:
    """Write the next record of a key to a temporary file, which must be flushed before ``move``; return its name."""
    return json_file.stage(tree, json_file.encoded(_record(key, versions)))


def replace(tree: Tree, key: str, versions: Mapping[str, Facts]) -> None:
    """Replace the record of a key, on the disk too; the caller holds its lock."""
    json_file.replace(tree, names_of(key), json_file.encoded(_record(key, versions)))
    tree.flush()


def drop(tree: Tree, staged: str) -> None:
    """Remove what ``stage`` wrote."""
    json_file.drop(tree, staged)


def move(tree: Tree, staged: str, key: str) -> None:
    """Replace the record of a key; the caller holds its lock."""
    json_file.move(tree, staged, names_of(key))


def remove(tree: Tree, key: str) -> None:
    """Remove the record of a key; the caller holds its lock."""
    json_file.remove(tree, names_of(key))


def facts_at(tree: Tree, key: str, names: Names, status: os.stat_result, versions: Mapping[str, Facts]) -> Facts | None:
    """Return the recorded facts of a file: those of its time and size, else the newest ones of its very bytes.

    Args:
        tree: the store's folder, open.
        key: the key of the file.
        names: the path of the file.
        status: the version of the file.
        versions: what ``load`` returned.
    """
    etag = etag_of(status)
    if etag in versions:
        return versions[etag]
    same_size = [facts for other, facts in versions.items() if other.endswith(f"-{status.st_size:x}") and "digest" in facts]
    digest = digest_of(tree, key, names, etag) if same_size else None
    return next((facts for facts in same_size if facts["digest"] == digest), None)


def _record(key: str, versions: Mapping[str, Facts]) -> Mapping[str, object]:
    return dict(zip(_FIELDS, (key, versions), strict=True))


@lru_cache
def names_of(key: str) -> Names:
    """Return the path of the record of a key."""
    digest = hashlib.sha256(key.encode()).hexdigest()
    return RESERVED, digest[:2], f"{digest[2:]}.json"


def _fitting(facts: Mapping[str, object]) -> Facts:
    """Return the well-formed facts, in case somebody edited the record."""
    texts = {name: facts[name] for name in (*TEXT_HEADERS, "digest") if isinstance(facts.get(name), str)}
    metadata = facts["metadata"]
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise ValueError("metadata is damaged")
    return {**texts, "metadata": metadata}
