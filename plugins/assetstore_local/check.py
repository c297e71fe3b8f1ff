"""Checks a folder for ``doctor``: existence, rights, case, records, and whether others may get the signing key."""

from __future__ import annotations

import os
import subprocess
import urllib.request
from http.client import HTTPException
from pathlib import Path

from assetstore.plugin import AssetStoreError, CheckReport, CheckStep, ListOptions, NotFoundError
from assetstore_local.disk.paths import RESERVED
from assetstore_local.disk.records import DamagedRecordError
from assetstore_local.disk.root import Root
from assetstore_local.disk.scan_cache import ScanCache
from assetstore_local.disk.tree import Tree
from assetstore_local.errors import explained
from assetstore_local.listing import list_page
from assetstore_local.presign import public_url as url_of
from assetstore_local.read import find, recorded

_KEY = f"{RESERVED}/signing-key"
_SECONDS = 5
_MOST_RECORDS = 10_000


def check(root: Root, public_url: str | None) -> CheckReport:
    """Check the folder without changing it."""
    try:
        if root.is_missing():
            return CheckReport(steps=(CheckStep(name="folder", ok=True, detail="does not exist yet"),))
        with explained(), root.open() as tree:
            exists = CheckStep(name="folder", ok=True, detail="exists")
            steps = (exists, _rights(root.path), _names(tree), _records(root, tree), _signing_key(root.path, public_url))
            return CheckReport(steps=steps)
    except AssetStoreError as error:
        return CheckReport(steps=(CheckStep(name="folder", ok=False, detail=error.message, hint=error.hint),))


def _rights(root: str) -> CheckStep:
    may_write = os.access(root, os.R_OK | os.W_OK | os.X_OK)
    return CheckStep(
        name="rights",
        ok=may_write,
        detail="readable and writable" if may_write else "not writable",
        hint=None if may_write else "check its owner and mode",
    )


def _names(tree: Tree) -> CheckStep:
    # Our own folder is found under another spelling only where case does not matter.
    folds = tree.status((RESERVED.upper(),)) is not None
    return CheckStep(
        name="names",
        ok=not folds,
        detail="upper and lower case are the same" if folds else "upper and lower case differ",
        hint="keys that differ only in case become one; use another file system" if folds else None,
    )


def _records(root: Root, tree: Tree) -> CheckStep:
    """Look for damaged records, in a big folder for those of the first assets only."""
    damaged: list[AssetStoreError] = []
    try:
        page = list_page(root, ScanCache(), "", ListOptions(limit=_MOST_RECORDS))
        for item in page.items:
            if (found := find(tree, item.key)) is not None:
                try:
                    with explained():
                        recorded(tree, item.key, found)
                except NotFoundError:
                    continue
                except DamagedRecordError as error:
                    damaged.append(error)
    except AssetStoreError as error:
        return CheckStep(name="records", ok=False, detail=error.message, hint=error.hint)
    extent = f"of {'the first ' if page.next_cursor else ''}{len(page.items)} assets"
    if not damaged:
        return CheckStep(name="records", ok=True, detail=f"{extent} none is damaged")
    detail = f"{extent} {len(damaged)} damaged; {damaged[0].message}"
    return CheckStep(name="records", ok=False, detail=detail, hint=damaged[0].hint)


def _signing_key(root: str, public_url: str | None) -> CheckStep:
    """Find out whether others may get the key: whoever has it can sign URLs for the whole folder."""
    if _is_tracked(root):
        detail, hint = f"git tracks {_KEY}", f"git rm --cached {_KEY}, commit, then delete the file: a new key is made"
    elif public_url is not None and (shown := _handed_out(root, public_url)):
        detail = f"public_url hands out {shown}"
        hint = f"let the web server refuse every path below /{RESERVED}/, then delete {_KEY}: a new key is made"
    else:
        return CheckStep(name="signing key", ok=True, detail="found neither in git nor at public_url")
    return CheckStep(name="signing key", ok=False, detail=detail, hint=hint, warning=True)


def _is_tracked(root: str) -> bool:
    # Git's own variables, as its hooks have them, would lead to another repository; a repository's fsmonitor is a program.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    command = ("git", "-c", "core.fsmonitor=false", "ls-files", "--error-unmatch", "--", _KEY)
    try:
        done = subprocess.run(command, cwd=root, env=environment, capture_output=True, timeout=_SECONDS)  # noqa: S603 - fixed
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _handed_out(root: str, public_url: str) -> str | None:
    """Return which of our own files the web server shows: the key, or what lies beside it until there is one."""
    for name in (_KEY, f"{RESERVED}/.gitignore"):
        try:
            expected = (Path(root) / name).read_bytes()
        except OSError:
            continue
        try:
            # Some servers answer every path with a page, so the bytes decide.
            with urllib.request.urlopen(url_of(public_url, name), timeout=_SECONDS) as answer:  # noqa: S310 - the store's own
                return name if answer.read(len(expected) + 1) == expected else None
        except (OSError, HTTPException, ValueError):
            return None
    return None
