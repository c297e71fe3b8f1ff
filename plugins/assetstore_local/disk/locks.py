"""Locks open files and folders. Each opening has a lock of its own, within one process too."""

from __future__ import annotations

import contextlib

# Windows has no such module, and LocalBackend says so; importing the plugin does no harm there.
with contextlib.suppress(ImportError):
    import fcntl


def hold(descriptor: int) -> None:
    """Lock, waiting for whoever has the lock."""
    fcntl.flock(descriptor, fcntl.LOCK_EX)


def hold_now(descriptor: int) -> None:
    """Lock without waiting.

    Raises:
        BlockingIOError: somebody else has the lock.
    """
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def release(descriptor: int) -> None:
    """Give the lock up, which closing the last descriptor of this opening does as well, should this fail."""
    with contextlib.suppress(OSError):
        fcntl.flock(descriptor, fcntl.LOCK_UN)
