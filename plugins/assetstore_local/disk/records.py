"""Records the headers, metadata and digest of a key's versions, in one small JSON file for each key.

The file's modification time and size identify a version. The record of a new version is written beside the old one's before
the data is renamed, so the rename commits both. A file changed by hand has no record.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, TypeAlias

from assetstore.plugin import TEXT_HEADERS, AssetInfo, Headers, guess_content_encoding, guess_content_type
from assetstore_local.disk.locks import hold, release
from assetstore_local.disk.paths import RESERVED, Names
from assetstore_local.disk.tree import FILE, NEW, Tree

TEMPORARY: Names = (RESERVED, "tmp")
_READ_BYTES = 1 << 16
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_MICROSECOND = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1)

Facts: TypeAlias = Mapping[str, Any]


def etag_of(status: os.stat_result) -> str:
    """Return the ETag of a file's version."""
    return f"{status.st_mtime_ns:x}-{status.st_size:x}"


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


def facts_by_hand(key: str) -> Facts:
    """Return the facts of a file that was put in or changed by hand."""
    encoding = guess_content_encoding(key)
    return {"content_type": guess_content_type(key), "metadata": {}} | ({"content_encoding": encoding} if encoding else {})


def changed(facts: Facts, headers: Headers) -> Facts:
    """Return the facts updated with the given headers: ``None`` keeps a header, an empty text clears it."""
    new = {**facts, **headers.given()}
    new["metadata"] = dict(new.get("metadata") or {})
    return {name: value for name, value in new.items() if value != ""}


@contextlib.contextmanager
def locked(tree: Tree, key: str) -> Iterator[None]:
    """Exclude all other writers of the key, in other processes too; keys share 256 locks."""
    folder = tree.folder(_names_of(key)[:-1], make=True)
    hold(folder)
    try:
        yield
    finally:
        release(folder)


def load(tree: Tree, key: str) -> dict[str, Facts]:
    """Return the facts of each recorded version; a damaged record counts as none."""
    *_, name = names = _names_of(key)
    try:
        descriptor = os.open(name, FILE, dir_fd=tree.folder(names[:-1]))
        try:
            text = b"".join(iter(partial(os.read, descriptor, _READ_BYTES), b""))
        finally:
            os.close(descriptor)
        versions = json.loads(text)["versions"]
        return {etag: _fitting(facts) for etag, facts in versions.items()}
    except (FileNotFoundError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return {}


def save(tree: Tree, key: str, versions: Mapping[str, Facts]) -> None:
    """Replace the record of a key; the caller holds its lock."""
    names = _names_of(key)
    folder, temporary = tree.folder(names[:-1]), tree.folder(TEMPORARY, make=True)
    text = json.dumps({"key": key, "versions": versions}, ensure_ascii=False)
    staged = secrets.token_hex(16)
    descriptor = os.open(staged, NEW, 0o666, dir_fd=temporary)
    try:
        try:
            write_all(descriptor, text.encode())
            tree.sync(descriptor)
        finally:
            os.close(descriptor)
        os.rename(staged, names[-1], src_dir_fd=temporary, dst_dir_fd=folder)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(staged, dir_fd=temporary)
        raise
    tree.sync(folder)


def remove(tree: Tree, key: str) -> None:
    """Remove the record of a key; the caller holds its lock."""
    names = _names_of(key)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(names[-1], dir_fd=tree.folder(names[:-1]))


def write_all(descriptor: int, data: bytes) -> None:
    """Write all of ``data``, in as many calls as the system needs."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _names_of(key: str) -> Names:
    digest = hashlib.sha256(key.encode()).hexdigest()
    return RESERVED, digest[:2], f"{digest[2:]}.json"


def _fitting(facts: Mapping[str, object]) -> Facts:
    """Return the well-formed facts, in case somebody edited the record."""
    texts = {name: facts[name] for name in (*TEXT_HEADERS, "digest") if isinstance(facts.get(name), str)}
    metadata = facts["metadata"]
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise ValueError("metadata is damaged")
    return {**texts, "metadata": metadata}
