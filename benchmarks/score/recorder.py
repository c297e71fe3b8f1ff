"""Records what operations do to the disk, and looks at disks after a power failure; with the Python of each peer.

Reads an order from stdin as JSON: ``record`` an operation in a folder, or ``look`` at stores in several folders.
"""

from __future__ import annotations

import json
import shutil
import sys
from functools import partial
from pathlib import Path
from typing import Any

from score.local_stores import STORES, look
from score.traced import Traced, warm_up


def _record(subject: str, folder: Path, order: dict[str, Any]) -> None:
    """Run each operation in ``folder/name``; ``before`` there is what was on the disk when it began, ``strace`` the log."""
    for name in order["operations"]:
        base = folder / name
        base.mkdir()
        keep = partial(shutil.copytree, base, folder / f"{name}-before")
        traced = Traced(subject, base, name, order["options"], keep)
        if not isinstance(traced.answer, dict) or traced.answer["raised"] or traced.answer["failed"]:
            raise RuntimeError(f"{name} fails: {traced.answer}")


def _looked(subject: str, base: Path) -> dict[str, Any]:
    try:
        return look(STORES[subject](base / "root"), base / "target")
    except Exception as error:
        return {"": f"cannot be listed: {type(error).__name__}"}


def main() -> None:
    """Do what stdin says."""
    order = json.load(sys.stdin)
    subject, folder = order["subject"], Path(order["folder"])
    if "bases" in order:
        print(json.dumps([_looked(subject, Path(base)) for base in order["bases"]]))
        return
    if STORES[subject].forks:
        warm = folder / "warm"
        warm.mkdir()
        warm_up(subject, warm)
    _record(subject, folder, order)
    print("null")


if __name__ == "__main__":
    main()
