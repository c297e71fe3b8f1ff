"""Keeps an upload in parts in a folder of its own: a file with the headers, and a file for each part."""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import time
from collections.abc import Iterator

import attrs

from assetstore.plugin import NotFoundError, UploadedPart, UploadOptions
from assetstore_local.disk.json_file import write_all
from assetstore_local.disk.locks import hold, release
from assetstore_local.disk.paths import RESERVED, Names
from assetstore_local.disk.tree import FILE, NEW, Tree

_UPLOADS: Names = (RESERVED, "uploads")
_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)
_PART = re.compile(r"(\d{1,5})-([0-9a-f]{32})", re.ASCII)
_OPTIONS = "options.json"
_READ_BYTES = 1 << 20
_KEPT_SECONDS = 7 * 86_400


class NoUploadError(NotFoundError):
    """The upload in parts was ended, dropped or swept, or never begun."""

    def __init__(self) -> None:
        super().__init__("there is no such upload any more", hint="begin it again")


def make(tree: Tree, key: str, options: UploadOptions) -> str:
    """Make the folder of a new upload and return its id."""
    parts_id = secrets.token_hex(16)
    text = json.dumps({"key": key, **options.given(), "metadata": dict(options.metadata or {})})
    folder: Names = (*_UPLOADS, parts_id)
    descriptor = os.open(_OPTIONS, NEW, 0o600, dir_fd=tree.folder(folder, make=True))
    try:
        write_all(descriptor, text.encode())
    finally:
        os.close(descriptor)
    tree.flush_later(folder, _OPTIONS)
    tree.flush_later(folder)
    return parts_id


def options_of(tree: Tree, key: str, parts_id: str) -> UploadOptions:
    """Return the headers given when the upload began.

    Raises:
        NoUploadError: there is no such upload of this key.
    """
    try:
        if not _ID.fullmatch(parts_id):
            raise NoUploadError
        descriptor = os.open(_OPTIONS, FILE, dir_fd=tree.folder((*_UPLOADS, parts_id)))
    except FileNotFoundError as error:
        raise NoUploadError from error
    try:
        fields = json.loads(b"".join(iter(lambda: os.read(descriptor, _READ_BYTES), b"")))
    except ValueError as error:
        # A power failure may empty the last files of a store that is not durable.
        raise NoUploadError from error
    finally:
        os.close(descriptor)
    if fields.pop("key") != key:
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
        lock = os.dup(tree.folder((*_UPLOADS, parts_id)))
    except FileNotFoundError as error:
        raise NoUploadError from error
    try:
        hold(lock)
        yield options_of(tree, key, parts_id)
    finally:
        release(lock)
        os.close(lock)


def names_of(parts_id: str, part: UploadedPart) -> Names:
    """Return the path of a part's file."""
    return (*_UPLOADS, parts_id, f"{part.number}-{part.etag}")


def parts_in(tree: Tree, parts_id: str) -> tuple[UploadedPart, ...]:
    """Return the stored parts, ordered by number."""
    folder = tree.folder((*_UPLOADS, parts_id))
    found = []
    for name in os.listdir(folder):
        if match := _PART.fullmatch(name):
            size = os.stat(name, dir_fd=folder, follow_symlinks=False).st_size
            found.append(UploadedPart(number=int(match[1]), etag=match[2], size=size))
    return tuple(sorted(found, key=lambda part: part.number))


def remove(tree: Tree, parts_id: str) -> None:
    """Remove the folder of an upload."""
    folder = tree.folder((*_UPLOADS, parts_id))
    for name in os.listdir(folder):
        os.unlink(name, dir_fd=folder)
    os.rmdir(parts_id, dir_fd=tree.folder(_UPLOADS))


def sweep(tree: Tree) -> None:
    """Remove uploads that got no part for seven days, as R2 does (R2, "Object lifecycles")."""
    oldest = time.time() - _KEPT_SECONDS
    with contextlib.suppress(FileNotFoundError), os.scandir(tree.folder(_UPLOADS)) as entries:
        for entry in entries:
            # Another process may sweep at the same time.
            with contextlib.suppress(OSError):
                if _ID.fullmatch(entry.name) and entry.stat(follow_symlinks=False).st_mtime < oldest:
                    remove(tree, entry.name)
