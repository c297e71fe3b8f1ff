"""Reads and replaces the small files in the store's own folder, most of them JSON, each whole or not at all."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from typing import Any

from assetstore_local.disk.paths import RESERVED, Names
from assetstore_local.disk.tree import FILE, NEW, Tree

TEMPORARY: Names = (RESERVED, "tmp")
_READ_BYTES = 1 << 14
_DECODE = json.JSONDecoder().decode
_ENCODE = json.JSONEncoder(ensure_ascii=False).encode


def read(tree: Tree, names: Names) -> Any:
    """Return the value in a file, or ``None`` when the file is missing or damaged."""
    try:
        descriptor = os.open(names[-1], FILE, dir_fd=tree.folder(names[:-1]))
        try:
            data = os.read(descriptor, _READ_BYTES)
            while len(data) % _READ_BYTES == 0 and (more := os.read(descriptor, _READ_BYTES)):
                data += more
            return _DECODE(data.decode())
        finally:
            os.close(descriptor)
    except (FileNotFoundError, ValueError, RecursionError):
        return None


def create(tree: Tree, names: Names, value: object) -> None:
    """Make a file that holds ``value`` as JSON, and have it flushed later. Who reads it too early takes it for damaged.

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
    except BaseException:
        drop(tree, staged)
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


def encoded(value: object) -> bytes:
    """Return a value as JSON."""
    return _ENCODE(value).encode()


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
        write_all(descriptor, data)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name, dir_fd=folder)
        raise
    finally:
        os.close(descriptor)
