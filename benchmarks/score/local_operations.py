"""The operations on a store of local files whose failures, kills and power cuts are examined."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from score.local_stores import Failures, LocalStore

OLD, OTHER, NEW, NEWER = (letter * 25_000 for letter in (b"old ", b"else", b"new ", b"nova"))
_PARTS = [b"p" * (5 << 20), b"q" * 1000]


def set_up(store: LocalStore, target: Path) -> None:
    """Make two assets, and a file where a download goes."""
    store.put("maps/a", OLD, "old")
    store.put("maps/b", OTHER, "other")
    target.mkdir(exist_ok=True)
    (target / "a").write_bytes(b"what was there")


Operation = Callable[[LocalStore, Path], Any]
OPERATIONS: Mapping[str, tuple[str, Operation]] = {
    "new": ("put", lambda store, target: store.put("maps/new/c", NEW, "new")),
    "overwrite": ("put", lambda store, target: store.put("maps/a", NEW, "new")),
    "create-only": ("create", lambda store, target: store.create("maps/c", NEW)),
    "upload_many": ("put_many", lambda store, target: store.put_many({"maps/a": NEW, "c": NEWER})),
    "parts": ("put_parts", lambda store, target: store.put_parts("maps/big", _PARTS)),
    "copy": ("copy", lambda store, target: store.copy("maps/b", "maps/a")),
    "move": ("move", lambda store, target: store.move("maps/a", "c")),
    "update": ("update", lambda store, target: store.update("maps/a", "new")),
    "delete": ("delete", lambda store, target: store.delete("maps/a")),
    "delete_many": ("delete_many", lambda store, target: store.delete_many(["maps/a", "maps/b"])),
    "list": ("list_keys", lambda store, target: sorted(store.list_keys())),
    "stat": ("size", lambda store, target: store.size("maps/a")),
    "read": ("get", lambda store, target: store.get("maps/a").decode()),
    "download": ("download", lambda store, target: store.download("maps/a", target / "a")),
}
"""Each with the call of a store that it needs; after ``set_up``."""
WRITES = tuple(name for name, (call, _) in OPERATIONS.items() if call not in ("list_keys", "size", "get", "download"))


def told(store: LocalStore, operation: Operation, target: Path) -> dict[str, Any]:
    """Run an operation; return what it told: ``result``, or what it raised, and for several keys what failed of each."""
    try:
        result = operation(store, target)
    except BaseException as error:
        return {"raised": _described(store, error), "failed": {}}
    failures: Failures = result if isinstance(result, dict) else {}
    failed = {key: _described(store, error) for key, error in failures.items()}
    return {"raised": None, "failed": failed, "result": None if isinstance(result, dict) else result}


def _described(store: LocalStore, error: BaseException) -> dict[str, Any]:
    return {
        "type": type(error).__name__,
        "typed": isinstance(error, store.errors),
        "unknown": type(error).__name__ == "UnknownOutcomeError",
        "text": str(error)[:300],
    }
