"""How long a thread waited for a processor, which on a busy machine is not its own doing. On Linux."""

from __future__ import annotations

from pathlib import Path

THIS_THREAD = Path("/proc/thread-self")
THREADS = Path("/proc/self/task")


def waited(thread: Path = THIS_THREAD) -> float:
    """Return the seconds for which a thread could have run and had no processor."""
    return int((thread / "schedstat").read_text().split()[1]) / 1e9
