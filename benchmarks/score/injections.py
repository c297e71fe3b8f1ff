"""Makes one system call on the files of a store fail, each of an operation in turn, and judges how the store took it.

Runs with the Python of each peer: reads an order from stdin as JSON, prints the verdicts. strace makes the call fail.
"""

from __future__ import annotations

import json
import random
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from score.local_operations import OPERATIONS
from score.local_stores import STORES
from score.traced import CALLS, Traced, counted, looked, warm_up

_SPACE = ("EIO", "ENOSPC")
ERRORS = {
    **dict.fromkeys(("openat", "creat"), ("EIO", "EACCES", "EMFILE", "ENOSPC", "EINTR")),
    **dict.fromkeys(("write", "pwrite64", "writev"), ("EIO", "ENOSPC", "EINTR", "EDQUOT")),
    **dict.fromkeys(("fsync", "fdatasync", "syncfs"), ("EIO", "ENOSPC", "EDQUOT")),
    **dict.fromkeys(("close", "copy_file_range", "sendfile", "ftruncate"), _SPACE),
    **dict.fromkeys(("rename", "renameat", "renameat2", "link", "linkat", "symlink", "symlinkat"), (*_SPACE, "EACCES")),
    **dict.fromkeys(("mkdir", "mkdirat"), (*_SPACE, "EACCES")),
    **dict.fromkeys(("unlink", "unlinkat", "rmdir", "fchmod", "chmod", "utimensat"), ("EIO", "EACCES")),
    **dict.fromkeys(("fstat", "stat", "lstat", "newfstatat", "statx", "readlink"), ("EIO", "EACCES")),
    **dict.fromkeys(("read", "pread64"), ("EIO", "EINTR")),
    "flock": ("EIO", "EINTR", "ENOLCK"),
    "getdents64": ("EIO",),
    "fstatfs": ("EIO",),
    "fadvise64": ("EIO",),
}
"""The errors that each call may have on a file system of Linux."""
REMOVALS = ("unlink", "unlinkat", "rmdir")
Case = tuple[str, str, int, str]


class Sweep:
    """The injections into the operations of one store.

    Attributes:
        cases: operation, call, which of its calls, and the error.
        verdicts: of each case that was met, what was wrong with its end: nothing at best.
    """

    def __init__(self, subject: str, folder: Path) -> None:
        self.subject, self.folder = subject, folder
        self.cases: list[Case] = []
        self.verdicts: list[dict[str, Any]] = []
        self._number = 0
        self._old: dict[str, Any] = {}
        self._new: dict[str, tuple[dict[str, Any], Any]] = {}

    def plan(self) -> None:
        """Run each operation once without an error, and find its calls."""
        base = self._base()
        self._old, _ = looked(self.subject, base, fresh=True)
        for name, (call, _) in OPERATIONS.items():
            if STORES[self.subject].can(call):
                base = self._base()
                traced = Traced(self.subject, base, name, ["-y", "-e", "trace=" + ",".join(f"?{each}" for each in CALLS)])
                if not isinstance(traced.answer, dict) or traced.answer["raised"] or traced.answer["failed"]:
                    raise RuntimeError(f"{name} fails without an error: {traced.answer}")
                self._new[name] = looked(self.subject, base)[0], traced.answer["result"]
                made = counted(traced.lines, base)
                self.cases += [(name, each, number, error) for each, number in made for error in ERRORS.get(each, ())]
                shutil.rmtree(base)

    def run(self, case: Case) -> None:
        """Try one case; a call that is not made this time counts for nothing."""
        name, call, number, error = case
        base = self._base()
        options = ["-y", "-e", f"trace={call}", "-e", f"inject={call}:error={error}:when={number}"]
        traced = Traced(self.subject, base, name, options)
        injected = [line for line in traced.lines if "(INJECTED)" in line]
        # Threads may make their calls in another order, and some of the calls are on files of the runtime.
        if injected and all(str(base) in line for line in injected):
            found, hidden = looked(self.subject, base)
            wrong = list(self._wrong(name, traced.answer, found))
            if hidden and call not in REMOVALS:
                wrong.append("CLEAN: left over")
            met = injected[0].partition(" ")[2].strip()[:120]
            self.verdicts.append({"case": case, "wrong": wrong, "met": met, "told": traced.answer, "hidden": hidden})
        shutil.rmtree(base)

    def _base(self) -> Path:
        self._number += 1
        base = self.folder / str(self._number)
        base.mkdir()
        return base

    def _wrong(self, name: str, answer: Any, found: dict[str, Any]) -> Iterator[str]:
        if not isinstance(answer, dict):
            yield f"BOUND: the process {'hangs' if answer == 'hangs' else 'died'}"
            return
        new, result = self._new[name]
        raised = answer["raised"]
        for error in (raised, *answer["failed"].values()):
            if error and error["type"] == "PanicException":
                yield "BOUND: the library crashes"
            elif error and not error["typed"]:
                yield f"TYPED: {error['type']}"
        if raised is None and not answer["failed"] and result != answer["result"]:
            yield "TRUTH: returned something else"
        for key in sorted({*self._old, *new, *found}):
            before, after, now = self._old.get(key), new.get(key), found.get(key)
            error = raised or answer["failed"].get(key)
            if now not in (before, after):
                yield f"ATOM: {'torn' if now else 'lost'}"
            elif before != after and error is None and now != after:
                yield "TRUTH: told done, and it is not"
            elif before != after and error and not error["unknown"] and now != before and not _said(name, error):
                yield "TRUTH: told failed, and it is done"


def _said(name: str, error: dict[str, Any]) -> bool:
    """Whether a move told that the copy is there and the original too."""
    return name == "move" and "maps/a" in error["text"] and "'c'" in error["text"]


def main() -> None:
    """Do what stdin says."""
    order = json.load(sys.stdin)
    folder = Path(order["folder"])
    if STORES[order["subject"]].forks:
        warm_up(order["subject"], folder)
    sweep = Sweep(order["subject"], folder)
    sweep.plan()
    cases = list(sweep.cases)
    random.Random(order["seed"]).shuffle(cases)
    for case in cases[order["share"] : order["most"] : order["shares"]]:
        sweep.run(case)
    print(json.dumps({"cases": len(cases), "verdicts": sweep.verdicts}))


if __name__ == "__main__":
    main()
