"""An audit log: one line of JSON for each change, with the key, the time and the outcome.

::

    [stores.prod]
    url     = "r2://${R2_ACCOUNT_ID}/assets"
    plugins = ["audit"]

    [stores.prod.audit]
    path = "audit.jsonl"

Any number of stores, threads and processes may write to one file: each line is appended by a single call.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import attrs

from assetstore.plugin import Event, hookimpl

CHANGES = frozenset({"upload", "delete", "copy", "move", "update"})


@attrs.define(eq=False, kw_only=True)
class Audit:
    """Appends each change to a file.

    Attributes:
        path: the file; created when it is missing, readable by its owner alone.
        reads: whether operations that change nothing are logged too.
    """

    path: Path
    reads: bool = False

    @hookimpl
    def assetstore_event(self, event: Event) -> None:
        """Append one line for the event."""
        if not self.reads and event.op not in CHANGES:
            return
        facts = attrs.asdict(event) | {"time": event.time.isoformat()}
        line = json.dumps(facts, ensure_ascii=False, sort_keys=True) + "\n"
        descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, line.encode())
        finally:
            os.close(descriptor)
