"""Uploads in parts: each has a folder beside the staged files, with its headers and with a file for each part."""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import time
from collections.abc import Iterator

import attrs

from assetstore import IntegrityError, NotFoundError, UploadedPart, UploadOptions
from assetstore_local.failures import explained
from assetstore_local.incoming import Incoming
from assetstore_local.names import RESERVED, Names
from assetstore_local.records import HEADERS, write_all
from assetstore_local.tree import FILE, NEW, Tree

_UPLOADS: Names = (RESERVED, "uploads")
_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)
_PART = re.compile(r"(\d{1,5})-([0-9a-f]{32})", re.ASCII)
_OPTIONS = "options.json"
_CHUNK_BYTES = 1 << 20
_KEPT_SECONDS = 7 * 86_400


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


def save_part(incoming: Incoming, key: str, upload_id: str, number: int, md5: str) -> None:
    """Keep what came as a part, instead of the one of this number that there may be.

    Raises:
        NotFoundError: there is no such upload any more.
    """
    tree = incoming.tree
    _options(tree, key, upload_id)
    with explained():
        incoming.staged.settle()
        incoming.staged.move((*_UPLOADS, upload_id, f"{number}-{md5}"))
        for name in _names(tree, upload_id):
            match = _PART.fullmatch(name)
            if match and int(match[1]) == number and match[2] != md5:
                os.unlink(name, dir_fd=_folder(tree, upload_id))


def listed(tree: Tree, key: str, upload_id: str) -> tuple[UploadedPart, ...]:
    """Return the parts that are there, by number."""
    _options(tree, key, upload_id)
    folder = _folder(tree, upload_id)
    found = []
    for name in _names(tree, upload_id):
        if match := _PART.fullmatch(name):
            size = os.stat(name, dir_fd=folder, follow_symlinks=False).st_size
            found.append(UploadedPart(number=int(match[1]), etag=match[2], size=size))
    return tuple(sorted(found, key=lambda part: part.number))


def put_together(incoming: Incoming, key: str, upload_id: str, parts: tuple[UploadedPart, ...]) -> UploadOptions:
    """Write all parts to what is incoming, and return the headers that were given when the upload began.

    Raises:
        IntegrityError: a part is missing or another one than is said.
    """
    tree = incoming.tree
    options = _options(tree, key, upload_id)
    there = {part.number: part for part in listed(tree, key, upload_id)}
    for part in parts:
        stored = there.get(part.number)
        if stored is None or stored.etag != part.etag.strip('"') or part.size not in (None, stored.size):
            raise IntegrityError(f"part {part.number} is missing or another one", hint="send it again")
        descriptor = os.open(f"{stored.number}-{stored.etag}", FILE, dir_fd=_folder(tree, upload_id))
        try:
            while chunk := os.read(descriptor, _CHUNK_BYTES):
                incoming.write(chunk)
        finally:
            os.close(descriptor)
    return options


def drop(tree: Tree, upload_id: str) -> None:
    """Remove an upload, if it is there."""
    if not _ID.fullmatch(upload_id):
        return
    with contextlib.suppress(FileNotFoundError):
        folder = _folder(tree, upload_id)
        for name in _names(tree, upload_id):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name, dir_fd=folder)
        os.rmdir(upload_id, dir_fd=tree.folder(_UPLOADS))


def sweep(tree: Tree) -> None:
    """Remove uploads that nothing came for in seven days, as R2 does (R2, "Object lifecycles")."""
    oldest = time.time() - _KEPT_SECONDS
    with contextlib.suppress(FileNotFoundError), os.scandir(tree.folder(_UPLOADS)) as entries:
        old = [entry.name for entry in entries if entry.stat(follow_symlinks=False).st_mtime < oldest]
        for name in old:
            drop(tree, name)


def _folder(tree: Tree, upload_id: str) -> int:
    return tree.folder((*_UPLOADS, upload_id))


def _names(tree: Tree, upload_id: str) -> Iterator[str]:
    return iter(os.listdir(_folder(tree, upload_id)))


def _options(tree: Tree, key: str, upload_id: str) -> UploadOptions:
    """Return what was said of an upload when it began.

    Raises:
        NotFoundError: there is no such upload of this key.
    """
    missing = NotFoundError("there is no such upload any more", hint="begin it again")
    if not _ID.fullmatch(upload_id):
        raise missing
    try:
        descriptor = os.open(_OPTIONS, FILE, dir_fd=_folder(tree, upload_id))
    except FileNotFoundError as error:
        raise missing from error
    try:
        fields = json.loads(b"".join(iter(lambda: os.read(descriptor, _CHUNK_BYTES), b"")))
    finally:
        os.close(descriptor)
    if fields.pop("key") != key:
        raise missing
    return attrs.evolve(UploadOptions(), **fields)
