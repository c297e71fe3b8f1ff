"""Writes to a folder until it is killed: ``python local_writer.py ROOT``."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

from assetstore import AssetStore
from assetstore_local import LocalBackend

SIZE = 200_000


def payload(number: int) -> bytes:
    """Return bytes that show whether an asset is torn."""
    return number.to_bytes(4, "big") * (SIZE // 4)


def main(root: str) -> None:
    """Overwrite, update, copy and delete, in turn, keys whose files and folders clash."""
    store = AssetStore(LocalBackend(root=Path(root), durable=False))
    for number in itertools.count():
        for key in ("a", "a/b", "c"):
            store.upload(payload(number), key, metadata={"number": str(number)})
        store.update("c", cache_control=f"max-age={number}")
        store.copy("a/b", "a/b/c")
        if number % 3 == 0:
            store.delete_many(["a/b", "a/b/c"])
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1])
