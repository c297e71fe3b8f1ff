"""Keeps ``.assetstore`` private: its mode shuts other users out, its ``.gitignore`` keeps all but the records out of git."""

from __future__ import annotations

import contextlib
import os
import stat

from assetstore_local.disk import json_file
from assetstore_local.disk.paths import RESERVED
from assetstore_local.disk.tree import Tree

_GITIGNORE = RESERVED, ".gitignore"
_IGNORED = b"""\
# Headers, metadata and digests travel with the assets. All else stays here, above all the signing key.
*
!/.gitignore
!/[0-9a-f][0-9a-f]/
!/[0-9a-f][0-9a-f]/*.json
"""


def guard(tree: Tree) -> None:
    """Make the folder, give it its mode, which git and zip do not keep, and its ``.gitignore``, unless it has one."""
    folder = tree.folder((RESERVED,), make=True)
    status = os.fstat(folder)
    # In a folder with the setgid bit, a group shares all files on purpose.
    mode = 0o770 if os.fstat(tree.folder(())).st_mode & stat.S_ISGID else 0o700
    if status.st_mode & 0o777 != mode and status.st_uid == os.geteuid():
        # Some file systems have no modes.
        with contextlib.suppress(OSError):
            os.fchmod(folder, stat.S_IMODE(status.st_mode) & ~0o777 | mode)
    if tree.status(_GITIGNORE) is None:
        json_file.replace(tree, _GITIGNORE, _IGNORED)
