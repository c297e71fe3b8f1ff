"""What ``AssetStore`` adds to a hook: each operation through a store with one observer, beside the hook called directly.

Run: ``python benchmarks/overhead.py [ROUNDS] [--json PATH]``. The backend does nothing, so the difference is the store's:
keys, options, checks, one event. The hook of an upload gets a new ``Source``, as it must; that of a read is read to its end.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

from alternating import arguments, cost_of, show, table
from assetstore import AssetInfo, AssetStore, DeleteReport, ListPage
from assetstore.plugin import AssetStream, ReadOptions, Source, StatOptions, UploadOptions, every, hookimpl

CALLS = 20_000
KEY, DATA = "maps/keep.webp", b"abc"
INFO = AssetInfo(key=KEY, size=3, etag="e", last_modified=datetime(2026, 1, 1, tzinfo=UTC), content_type="image/webp")


class Nothing:
    """Answers at once."""

    supports = every("upload", "read", "list", "delete")

    @hookimpl
    def assetstore_upload(self, key, source, options):
        """Read nothing."""
        return INFO

    @hookimpl
    def assetstore_read(self, key, options):
        """Return the same bytes each time."""
        return AssetStream(info=INFO, body=io.BytesIO(DATA), length=3)

    @hookimpl
    def assetstore_stat(self, key, options):
        """Return the same asset each time."""
        return INFO

    @hookimpl
    def assetstore_list(self, prefix, options):
        """Return an empty page."""
        return ListPage(items=())

    @hookimpl
    def assetstore_delete(self, keys, options):
        """Delete nothing."""
        return DeleteReport(deleted=tuple(keys))


class Observer:
    """Ignores the events."""

    @hookimpl
    def assetstore_event(self, event):
        """Ignore it."""


def repeated(call: Callable[[], object]) -> Callable[[], object]:
    """Return what calls often enough to be measured."""

    def calls() -> None:
        for _ in range(CALLS):
            call()

    return partial(cost_of, calls, CALLS)


def main() -> None:
    """Measure pairs of a hook and the operation over it."""
    options = arguments(__doc__ or "", rounds=15)
    backend = Nothing()
    store = AssetStore(backend, plugins=[Observer()])
    upload, read, stat = UploadOptions(content_type="image/webp"), ReadOptions(), StatOptions()

    def hook_of_upload() -> None:
        with Source(DATA) as source:
            backend.assetstore_upload(KEY, source, upload)

    def hook_of_read() -> None:
        body = backend.assetstore_read(KEY, read).body
        body.read()
        body.close()

    pairs: dict[str, tuple[Callable[[], object], Callable[[], object]]] = {
        "upload": (hook_of_upload, lambda: store.upload(DATA, KEY)),
        "read": (hook_of_read, lambda: store.read(KEY)),
        "stat": (lambda: backend.assetstore_stat(KEY, stat), lambda: store.stat(KEY)),
    }
    rows = []
    for work, (hook, operation) in pairs.items():
        contenders = {f"hook of {work}": repeated(hook), f"assetstore {work}": repeated(operation)}
        rows += table("", work, contenders, base=f"hook of {work}", rounds=options.rounds)["rows"]
    show({"title": "Overhead of AssetStore over its hook, one observer", "rows": rows}, options.json)
    both = zip(rows[::2], rows[1::2], strict=True)
    added = ", ".join(f"{mine['work']} {(mine['cpu'] - hook['cpu']) * 1e6:.1f}" for hook, mine in both)
    print(f"us of CPU added: {added}")


if __name__ == "__main__":
    main()
