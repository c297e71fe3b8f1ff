"""Checks a folder for ``doctor``: whether it exists, is writable, and distinguishes upper from lower case."""

from __future__ import annotations

import os

from assetstore.plugin import CheckReport, CheckStep
from assetstore_local.disk.paths import RESERVED


def check(root: str, *, create: bool) -> CheckReport:
    """Check the folder without changing it."""
    if not os.path.lexists(root):
        hint = None if create else "make it, or set create = true"
        return CheckReport(steps=(CheckStep(name="folder", ok=create, detail="does not exist yet", hint=hint),))
    if not os.path.isdir(root):
        return CheckReport(steps=(CheckStep(name="folder", ok=False, detail="is not a folder", hint="name another root"),))
    may_write = os.access(root, os.R_OK | os.W_OK | os.X_OK)
    write = CheckStep(
        name="rights",
        ok=may_write,
        detail="readable and writable" if may_write else "not writable",
        hint=None if may_write else "check its owner and mode",
    )
    # Our own folder is found under another spelling only where case does not matter.
    folds = os.path.lexists(os.path.join(root, RESERVED.upper()))
    names = CheckStep(
        name="names",
        ok=not folds,
        detail="upper and lower case are the same" if folds else "upper and lower case differ",
        hint="keys that differ only in case become one; use another file system" if folds else None,
    )
    return CheckReport(steps=(CheckStep(name="folder", ok=True, detail="exists"), write, names))
