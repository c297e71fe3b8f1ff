"""Reads and replaces the small files in the store's own folder, each whole or not at all.

Most of them hold a JSON object with a check sum as its last field: SHA-256 of the same object without it, written anew. So
spaces and line ends, which git and editors may change, do not matter.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
from collections.abc import Collection, Mapping
from typing import Any

from assetstore_local.disk.paths import RESERVED, Names
from assetstore_local.disk.tree import FILE, NEW, InTheWayError, Tree, close_quietly

TEMPORARY: Names = (RESERVED, "tmp")
_READ_BYTES = 1 << 14
_CHECK_SUM = "sha256"
_DECODE = json.JSONDecoder().decode
_ENCODE = json.JSONEncoder(ensure_ascii=False).encode


def read(tree: Tree, names: Names) -> bytes | None:
    """Return the bytes of a file, or ``None`` when it is missing."""
    try:
        descriptor = os.open(names[-1], FILE, dir_fd=tree.folder(names[:-1]))
    except FileNotFoundError:
        return None
    try:
        data = os.read(descriptor, _READ_BYTES)
        while data and len(data) % _READ_BYTES == 0 and (more := os.read(descriptor, _READ_BYTES)):
            data += more
        return data
    finally:
        close_quietly(descriptor)


def decoded(data: bytes, *, unsummed: Collection[str] = ()) -> dict[str, Any]:
    """Return the object in a file without its check sum.

    Args:
        data: the bytes of the file.
        unsummed: the only fields that an object without a check sum may have: all files once had none.

    Raises:
        ValueError: the file is damaged.
    """
    try:
        found = _DECODE(data.decode())
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    if not isinstance(found, dict):
        raise ValueError("it must be an object")
    check_sum = found.pop(_CHECK_SUM, None)
    if not _fits(check_sum, found, data) if check_sum is not None else not found.keys() <= set(unsummed):
        raise ValueError("its check sum must fit")
    return found


def _fits(check_sum: object, value: Mapping[str, object], data: bytes) -> bool:
    # To write the object anew takes longer than all the rest. Where nobody has changed the spaces, its bytes are at hand.
    written, _, end = data.rpartition(f', "{_CHECK_SUM}": '.encode())
    if end == f'"{check_sum}"}}'.encode() and hashlib.sha256(written + b"}").hexdigest() == check_sum:
        return True
    return check_sum == _check_sum(value)


def create(tree: Tree, names: Names, value: Mapping[str, object]) -> None:
    """Make a file of an object, and have it flushed later. Who reads it too early takes it for damaged.

    Raises:
        FileExistsError: there is one.
    """
    folder = tree.folder(names[:-1], make=True)
    _write_new(folder, names[-1], encoded(value))
    tree.flush_later(names[:-1], names[-1])
    tree.flush_later(names[:-1])


def stage(tree: Tree, data: bytes, *, flush: bool = True) -> str:
    """Write a temporary file and return its name; have it flushed later, unless a power failure may cost it."""
    name = secrets.token_hex(16)
    _write_new(tree.folder(TEMPORARY, make=True), name, data)
    if flush:
        tree.flush_later(TEMPORARY, name)
    return name


def move(tree: Tree, staged: str, names: Names) -> None:
    """Rename a temporary file, which must have been flushed, to its final name, and have that flushed later."""
    folder = tree.folder(names[:-1], make=True)
    try:
        os.rename(staged, names[-1], src_dir_fd=tree.folder(TEMPORARY), dst_dir_fd=folder)
    except BaseException as error:
        drop(tree, staged)
        if isinstance(error, IsADirectoryError):
            raise InTheWayError(names) from error
        raise
    tree.flush_later(names[:-1])


def drop(tree: Tree, staged: str) -> None:
    """Remove a temporary file."""
    with contextlib.suppress(OSError):
        os.unlink(staged, dir_fd=tree.folder(TEMPORARY))


def replace(tree: Tree, names: Names, data: bytes) -> None:
    """Replace a file, whose folder is made if it is missing; its new name is flushed later."""
    staged = stage(tree, data)
    try:
        tree.flush()
    except BaseException:
        drop(tree, staged)
        raise
    move(tree, staged, names)


def encoded(value: Mapping[str, object]) -> bytes:
    """Return an object as JSON with its check sum."""
    return _ENCODE({**value, _CHECK_SUM: _check_sum(value)}).encode()


def _check_sum(value: Mapping[str, object]) -> str:
    return hashlib.sha256(_ENCODE(value).encode()).hexdigest()


def remove(tree: Tree, names: Names) -> None:
    """Remove a file, if there is one."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(names[-1], dir_fd=tree.folder(names[:-1]))


def write_all(descriptor: int, data: bytes) -> None:
    """Write all of ``data``, in as many calls as the system needs."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _write_new(folder: int, name: str, data: bytes) -> None:
    descriptor = os.open(name, NEW, 0o666, dir_fd=folder)
    try:
        try:
            write_all(descriptor, data)
        finally:
            os.close(descriptor)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name, dir_fd=folder)
        raise
