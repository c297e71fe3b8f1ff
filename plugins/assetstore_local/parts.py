"""Uploads in parts: each has a folder beside the staged files, with its headers and with a file for each part."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import secrets
import time
from collections.abc import Iterator, Sequence

import attrs

from assetstore import IntegrityError, NotFoundError, UploadedPart, UploadOptions
from assetstore_local.failures import explained
from assetstore_local.incoming import Incoming
from assetstore_local.locks import hold, release
from assetstore_local.names import RESERVED, Names
from assetstore_local.records import HEADERS, write_all
from assetstore_local.tree import FILE, NEW, Tree

_UPLOADS: Names = (RESERVED, "uploads")
_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)
_PART = re.compile(r"(\d{1,5})-([0-9a-f]{32})", re.ASCII)
_OPTIONS = "options.json"
_CHUNK_BYTES = 1 << 20
_KEPT_SECONDS = 7 * 86_400


class NoUploadError(NotFoundError):
    """An upload in parts was ended, dropped or swept, or never begun."""

    def __init__(self) -> None:
        super().__init__("there is no such upload any more", hint="begin it again")


def begin(tree: Tree, key: str, options: UploadOptions) -> str:
    """Make the folder of a new upload, and return its id."""
    upload_id = secrets.token_hex(16)
    fields = {name: getattr(options, name) for name in HEADERS}
    text = json.dumps({"key": key, "metadata": dict(options.metadata or {}), **fields})
    folder = tree.folder((*_UPLOADS, upload_id), make=True)
    descriptor = os.open(_OPTIONS, NEW, 0o600, dir_fd=folder)
    try:
        write_all(descriptor, text.encode())
        tree.sync(descriptor)
    finally:
        os.close(descriptor)
    return upload_id


def require_upload(tree: Tree, key: str, upload_id: str) -> None:
    """See to it that a part can be kept.

    Raises:
        NoUploadError: there is no such upload of this key.
    """
    _options(tree, key, upload_id)


def save_part(incoming: Incoming, key: str, upload_id: str, number: int, md5: str) -> None:
    """Keep what came as a part, instead of the one of this number that there may be.

    Raises:
        NoUploadError: there is no such upload of this key.
    """
    tree = incoming.tree
    with explained(), held(tree, key, upload_id):
        incoming.staged.settle()
        incoming.staged.move((*_UPLOADS, upload_id, f"{number}-{md5}"))
        for part in _parts(tree, upload_id):
            if part.number == number and part.etag != md5:
                os.unlink(_file(part), dir_fd=_folder(tree, upload_id))


def listed(tree: Tree, key: str, upload_id: str) -> tuple[UploadedPart, ...]:
    """Return the parts that are there, by number.

    Raises:
        NoUploadError: there is no such upload of this key.
    """
    with held(tree, key, upload_id):
        return _parts(tree, upload_id)


def put_together(incoming: Incoming, upload_id: str, parts: Sequence[UploadedPart]) -> None:
    """Write all parts to what is incoming; the caller holds the upload.

    Raises:
        IntegrityError: there is no part at all, or one is missing, another one than is said, or damaged.
    """
    there = {part.number: part for part in _parts(incoming.tree, upload_id)}
    if not parts:
        raise IntegrityError("an upload in parts has at least one", hint="send the parts first")
    for part in parts:
        stored = there.get(part.number)
        if stored is None or stored.etag != part.etag.strip('"') or part.size not in (None, stored.size):
            raise IntegrityError(f"part {part.number} is missing or another one", hint="send it again")
    for part in parts:
        stored, md5 = there[part.number], hashlib.md5(usedforsecurity=False)
        descriptor = os.open(_file(stored), FILE, dir_fd=_folder(incoming.tree, upload_id))
        try:
            while chunk := os.read(descriptor, _CHUNK_BYTES):
                md5.update(chunk)
                incoming.write(chunk)
        finally:
            os.close(descriptor)
        if md5.hexdigest() != stored.etag:
            raise IntegrityError(f"part {part.number} was damaged on the disk", hint="send it again")


def drop(tree: Tree, key: str, upload_id: str) -> None:
    """Remove an upload, if it is there."""
    with contextlib.suppress(NoUploadError), held(tree, key, upload_id):
        remove(tree, upload_id)


def remove(tree: Tree, upload_id: str) -> None:
    """Remove the folder of an upload."""
    folder = _folder(tree, upload_id)
    for name in os.listdir(folder):
        os.unlink(name, dir_fd=folder)
    os.rmdir(upload_id, dir_fd=tree.folder(_UPLOADS))


def sweep(tree: Tree) -> None:
    """Remove uploads that nothing came for in seven days, as R2 does (R2, "Object lifecycles")."""
    oldest = time.time() - _KEPT_SECONDS
    with contextlib.suppress(FileNotFoundError), os.scandir(tree.folder(_UPLOADS)) as entries:
        for entry in entries:
            # Another process may sweep, too.
            with contextlib.suppress(OSError):
                if _ID.fullmatch(entry.name) and entry.stat(follow_symlinks=False).st_mtime < oldest:
                    remove(tree, entry.name)


@contextlib.contextmanager
def held(tree: Tree, key: str, upload_id: str) -> Iterator[UploadOptions]:
    """Keep others from an upload, and yield what was said of it when it began.

    Raises:
        NoUploadError: there is no such upload of this key.
    """
    if not _ID.fullmatch(upload_id):
        raise NoUploadError
    try:
        # The tree may close its own descriptor meanwhile.
        lock = os.dup(_folder(tree, upload_id))
    except FileNotFoundError as error:
        raise NoUploadError from error
    try:
        hold(lock)
        yield _options(tree, key, upload_id)
    finally:
        release(lock)
        os.close(lock)


def _folder(tree: Tree, upload_id: str) -> int:
    return tree.folder((*_UPLOADS, upload_id))


def _file(part: UploadedPart) -> str:
    return f"{part.number}-{part.etag}"


def _parts(tree: Tree, upload_id: str) -> tuple[UploadedPart, ...]:
    folder = _folder(tree, upload_id)
    found = []
    for name in os.listdir(folder):
        if match := _PART.fullmatch(name):
            size = os.stat(name, dir_fd=folder, follow_symlinks=False).st_size
            found.append(UploadedPart(number=int(match[1]), etag=match[2], size=size))
    return tuple(sorted(found, key=lambda part: part.number))


def _options(tree: Tree, key: str, upload_id: str) -> UploadOptions:
    try:
        if not _ID.fullmatch(upload_id):
            raise NoUploadError
        descriptor = os.open(_OPTIONS, FILE, dir_fd=_folder(tree, upload_id))
    except FileNotFoundError as error:
        raise NoUploadError from error
    try:
        fields = json.loads(b"".join(iter(lambda: os.read(descriptor, _CHUNK_BYTES), b"")))
    except ValueError as error:
        # A power failure can cost a store its last files, unless it is durable.
        raise NoUploadError from error
    finally:
        os.close(descriptor)
    if fields.pop("key") != key:
        raise NoUploadError
    return attrs.evolve(UploadOptions(), **fields)
