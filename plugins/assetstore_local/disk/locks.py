"""Locks open files and folders. Each ``os.open`` has a lock of its own, even within one process."""

from __future__ import annotations

import contextlib

# Windows has no fcntl. The import must work there, so that LocalBackend can report the platform.
with contextlib.suppress(ImportError):
    import fcntl


def hold(descriptor: int) -> None:
    """Take the lock, waiting until it is free."""
    fcntl.flock(descriptor, fcntl.LOCK_EX)


def hold_now(descriptor: int) -> None:
    """Take the lock without waiting.

    Raises:
        BlockingIOError: the lock is taken.
    """
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def release(descriptor: int) -> None:
    """Release the lock; if this fails, closing the last duplicate of the descriptor releases it."""
    with contextlib.suppress(OSError):
        fcntl.flock(descriptor, fcntl.LOCK_UN)
