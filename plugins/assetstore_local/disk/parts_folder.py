"""Keeps an upload in parts in a folder of its own: a file with the headers, and a file for each part."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import time
from collections.abc import Callable, Iterator

import attrs

from assetstore.plugin import HEADERS, NotFoundError, UploadedPart, UploadOptions
from assetstore_local.disk import json_file
from assetstore_local.disk.locks import hold, hold_now, release
from assetstore_local.disk.paths import RESERVED, Names
from assetstore_local.disk.tree import InTheWayError, Tree, close_quietly

UPLOADS: Names = (RESERVED, "uploads")
_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)
_PART = re.compile(r"(\d{1,5})-([0-9a-f]{32})", re.ASCII)
_OPTIONS = "options.json"
_FIELDS = ("key", *HEADERS)
_KEPT_SECONDS = 7 * 86_400


class NoUploadError(NotFoundError):
    """The upload in parts was ended, dropped or swept, or never begun."""

    def __init__(self) -> None:
        super().__init__("there is no such upload any more", hint="begin it again")


def make(tree: Tree, key: str, options: UploadOptions) -> str:
    """Make the folder of a new upload and return its id."""
    parts_id = secrets.token_hex(16)
    fields = {"key": key, **options.given(), "metadata": dict(options.metadata or {})}
    json_file.create(tree, (*folder_of(parts_id), _OPTIONS), fields)
    return parts_id


def options_of(tree: Tree, key: str, parts_id: str) -> UploadOptions:
    """Return the headers given when the upload began.

    Raises:
        NoUploadError: there is no such upload of this key.
    """
    data = json_file.read(tree, (*folder_of(parts_id), _OPTIONS)) if _ID.fullmatch(parts_id) else None
    if data is None:
        raise NoUploadError
    try:
        fields = json_file.decoded(data, unsummed=_FIELDS)
    except ValueError as error:
        # A damaged file is none; a power failure may empty the last ones of a store that is not durable.
        raise NoUploadError from error
    if fields.pop("key", None) != key:
        raise NoUploadError
    return attrs.evolve(UploadOptions(), **fields)


@contextlib.contextmanager
def held(tree: Tree, key: str, parts_id: str) -> Iterator[UploadOptions]:
    """Lock an upload and yield the headers given when it began.

    Raises:
        NoUploadError: there is no such upload of this key.
    """
    if not _ID.fullmatch(parts_id):
        raise NoUploadError
    try:
        # The tree may close its own descriptor meanwhile.
        lock = os.dup(tree.folder(folder_of(parts_id)))
    except FileNotFoundError as error:
        raise NoUploadError from error
    try:
        hold(lock)
        yield options_of(tree, key, parts_id)
    finally:
        release(lock)
        close_quietly(lock)


def names_of(parts_id: str, part: UploadedPart) -> Names:
    """Return the path of a part's file."""
    return (*folder_of(parts_id), f"{part.number}-{part.etag}")


def parts_in(tree: Tree, parts_id: str) -> tuple[UploadedPart, ...]:
    """Return the stored parts, ordered by number."""
    folder = tree.folder(folder_of(parts_id))
    found = []
    for name in os.listdir(folder):
        if match := _PART.fullmatch(name):
            size = os.stat(name, dir_fd=folder, follow_symlinks=False).st_size
            found.append(UploadedPart(number=int(match[1]), etag=match[2], size=size))
    return tuple(sorted(found, key=lambda part: part.number))


def remove(tree: Tree, parts_id: str) -> None:
    """Remove the folder of an upload."""
    folder = tree.folder(folder_of(parts_id))
    for name in os.listdir(folder):
        os.unlink(name, dir_fd=folder)
    os.rmdir(parts_id, dir_fd=tree.folder(UPLOADS))


def folder_of(parts_id: str) -> Names:
    """Return the path of the folder of an upload."""
    return (*UPLOADS, parts_id)


def all_ids(tree: Tree) -> list[str]:
    """Return the ids of all uploads."""
    with contextlib.suppress(FileNotFoundError):
        return sorted(name for name in os.listdir(tree.folder(UPLOADS)) if _ID.fullmatch(name))
    return []


def look(tree: Tree, parts_id: str) -> tuple[str | None, int, os.stat_result | None]:
    """Return the key of an upload, the bytes of its files, and the status of its folder; ``None`` for what is not found."""
    try:
        folder = tree.folder(folder_of(parts_id))
        size = sum(os.stat(name, dir_fd=folder, follow_symlinks=False).st_size for name in os.listdir(folder))
        status = os.fstat(folder)
    except FileNotFoundError:
        return None, 0, None
    key = None
    with contextlib.suppress(ValueError):
        key = json_file.decoded(json_file.read(tree, (*folder_of(parts_id), _OPTIONS)) or b"", unsummed=_FIELDS).get("key")
    return key if isinstance(key, str) else None, size, status


def remove_left(tree: Tree, parts_id: str, is_old: Callable[[os.stat_result], bool]) -> bool:
    """Remove an upload that is old and that no process has locked; return whether it was such an upload.

    Args:
        tree: the store's folder, open.
        parts_id: the id of the upload.
        is_old: whether a folder of this status, whose time is that of the last part, is old enough.
    """
    try:
        lock = os.dup(tree.folder(folder_of(parts_id)))
    except FileNotFoundError:
        return False
    try:
        hold_now(lock)
        if not is_old(os.fstat(lock)):
            return False
        remove(tree, parts_id)
        return True
    except (BlockingIOError, FileNotFoundError):
        return False
    finally:
        release(lock)
        os.close(lock)


def sweep(tree: Tree) -> None:
    """Remove uploads that got no part for seven days, as R2 does (R2, "Object lifecycles")."""
    oldest = time.time() - _KEPT_SECONDS
    # What cannot be swept must not fail the write that comes next.
    with contextlib.suppress(OSError, InTheWayError):
        for parts_id in all_ids(tree):
            with contextlib.suppress(OSError):
                remove_left(tree, parts_id, lambda status: status.st_mtime < oldest)
