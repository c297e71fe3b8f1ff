"""The threads of calls about many assets that outlive their call."""

from __future__ import annotations

import threading


def threads_left(name: str = "") -> list[str]:
    """Return the names of those that do not end, of all calls or of those of this name.

    Closing a call waits for its threads, a second at most, which is too short for a busy machine.
    """
    found = [thread for thread in threading.enumerate() if thread.name.startswith(f"assetstore {name}")]
    for thread in found:
        thread.join(600)
    return [thread.name for thread in found if thread.is_alive()]
