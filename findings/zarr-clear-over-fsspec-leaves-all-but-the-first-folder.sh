#!/usr/bin/env bash
# Guess: FsspecStore.clear() of zarr removes all keys, as its docstring says, over any file system of fsspec; those without
#   asyncio are wrapped by zarr itself.
# Instead: over a file system whose rm() raises FileNotFoundError for what is not there, as fsspec's own memory and local ones do,
#   the first folder is removed and all other keys stay, without an error. zarr removes folders and what was in them, in one
#   list; the first file that went with its folder ends the loop, and the error is taken for an empty store.
# Versions: zarr 3.1.6, fsspec 2026.9.0.
# Output seen, 2026-11-28: after clear() of a/0, b/0, c: MemoryFileSystem has b/0, c and LocalFileSystem b/0, c
# Who meets it: whoever empties a zarr store on a folder, SFTP or in memory by its URL, and writes new arrays beside the old.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -q zarr==3.1.6 fsspec==2026.9.0 >/dev/null 2>&1 || exit 77
cat >finding.py <<'PY'
import asyncio
import os

import fsspec
from fsspec.implementations.asyn_wrapper import AsyncFileSystemWrapper
from zarr.core.buffer import cpu
from zarr.storage import FsspecStore


async def left(files, root):
    store = FsspecStore(AsyncFileSystemWrapper(files, asynchronous=True), path=root)
    for key in ("a/0", "b/0", "c"):
        await store.set(key, cpu.Buffer.from_bytes(b"1"))
    await store.clear()
    return [key async for key in store.list()]


async def main():
    memory = await left(fsspec.filesystem("memory"), "/data")
    local = await left(fsspec.filesystem("file", auto_mkdir=True), os.path.abspath("data"))
    print(
        "after clear() of a/0, b/0, c: MemoryFileSystem has", ", ".join(memory) or "nothing",
        "and LocalFileSystem", ", ".join(local) or "nothing",
    )
    raise SystemExit(0 if len(memory) == len(local) == 2 else 1)


asyncio.run(main())
PY
venv/bin/python finding.py
