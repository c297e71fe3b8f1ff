"""Reads and replaces the small files in the store's own folder, most of them JSON, each whole or not at all."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from functools import partial
from typing import Any

from assetstore_local.disk.paths import RESERVED, Names
from assetstore_local.disk.tree import FILE, NEW, Tree

TEMPORARY: Names = (RESERVED, "tmp")
_READ_BYTES = 1 << 16


def read(tree: Tree, names: Names) -> Any:
    """Return the value in a file, or ``None`` when the file is missing or damaged."""
    try:
        descriptor = os.open(names[-1], FILE, dir_fd=tree.folder(names[:-1]))
        try:
            return json.loads(b"".join(iter(partial(os.read, descriptor, _READ_BYTES), b"")))
        finally:
            os.close(descriptor)
    except (FileNotFoundError, ValueError, RecursionError):
        return None


def replace(tree: Tree, names: Names, value: object, *, flush: bool = True) -> None:
    """Replace a file by one that holds ``value`` as JSON."""
    replace_bytes(tree, names, json.dumps(value, ensure_ascii=False).encode(), flush=flush)


def replace_bytes(tree: Tree, names: Names, data: bytes, *, flush: bool = True) -> None:
    """Replace a file, whose folder is made if it is missing; flush it, unless a power failure may cost it."""
    folder, temporary = tree.folder(names[:-1], make=True), tree.folder(TEMPORARY, make=True)
    staged = secrets.token_hex(16)
    descriptor = os.open(staged, NEW, 0o666, dir_fd=temporary)
    try:
        try:
            write_all(descriptor, data)
            if flush:
                tree.sync(descriptor)
        finally:
            os.close(descriptor)
        os.rename(staged, names[-1], src_dir_fd=temporary, dst_dir_fd=folder)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(staged, dir_fd=temporary)
        raise
    if flush:
        tree.sync(folder)


def remove(tree: Tree, names: Names) -> None:
    """Remove a file, if there is one."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(names[-1], dir_fd=tree.folder(names[:-1]))


def write_all(descriptor: int, data: bytes) -> None:
    """Write all of ``data``, in as many calls as the system needs."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
