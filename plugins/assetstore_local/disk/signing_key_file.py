"""Keeps the secret that signs a folder's URLs. All processes of this user share it."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat

from assetstore.plugin import ConfigError, SigningKeys
from assetstore_local.disk.json_file import TEMPORARY, write_all
from assetstore_local.disk.paths import RESERVED, Names
from assetstore_local.disk.tree import FILE, NEW, Tree, close_quietly

_FILE: Names = (RESERVED, "signing-key")
_MAX_BYTES = 4096
_NO_LINKS = (errno.EPERM, errno.ENOSYS, errno.EOPNOTSUPP)


def load_keys(tree: Tree) -> SigningKeys | None:
    """Return the keys in the store's key file, or ``None`` when there is no file yet.

    Raises:
        ConfigError: others can read the file, or it is damaged.
    """
    try:
        descriptor = os.open(_FILE[-1], FILE, dir_fd=tree.folder(_FILE[:-1]))
    except FileNotFoundError:
        return None
    try:
        if stat.S_IMODE(os.fstat(descriptor).st_mode) & 0o077:
            hint = f"chmod 600 {'/'.join(_FILE)} in the store's folder, or set signing_keys if its file system has no modes"
            raise ConfigError("others can read the signing key of the store", hint=hint)
        text = os.read(descriptor, _MAX_BYTES)
    finally:
        close_quietly(descriptor)
    return SigningKeys.of(text.decode("ascii", "replace").split())


def make_keys(tree: Tree) -> SigningKeys:
    """Make a key of 32 random bytes, or return the one that another process made first."""
    folder, temporary = tree.folder(_FILE[:-1], make=True), tree.folder(TEMPORARY, make=True)
    name = secrets.token_hex(16)
    descriptor = os.open(name, NEW, 0o600, dir_fd=temporary)
    try:
        write_all(descriptor, f"{secrets.token_urlsafe(32)}\n".encode())
        tree.sync(descriptor)
        # Only one process can make the link, and the link shows the key whole or not at all.
        with contextlib.suppress(FileExistsError):
            os.link(name, _FILE[-1], src_dir_fd=temporary, dst_dir_fd=folder)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        raise ConfigError("the file system of the store cannot keep a signing key", hint="set signing_keys") from error
    finally:
        # The key is read back below.
        close_quietly(descriptor)
        with contextlib.suppress(OSError):
            os.unlink(name, dir_fd=temporary)
    tree.sync(folder)
    keys = load_keys(tree)
    assert keys is not None
    return keys
