"""Measures the first page of the gallery over a folder with 10,000 assets, in time and in bytes on the wire.

Run ``python benchmarks/gallery.py page``.
"""

from __future__ import annotations

import gzip
import re
import socket
import sys
import tempfile
import threading
import time
from pathlib import Path

import httpx
import uvicorn

from assetstore import open_store
from assetstore_gallery import create_gallery

ASSETS = 10_000


def page() -> None:
    """Print how long pages take and how many bytes the first one needs, with its style and scripts, after gzip."""
    with tempfile.TemporaryDirectory() as name, socket.create_server(("127.0.0.1", 0)) as listener:
        folder = Path(name, "maps")
        folder.mkdir()
        for number in range(ASSETS):
            (folder / f"map_{number:05}.{'png' if number % 2 else 'txt'}").write_bytes(b"x" * (number % 300 + 1))
        with open_store(f"file:{name}") as store:
            server = uvicorn.Server(uvicorn.Config(create_gallery(store), log_level="warning"))
            thread = threading.Thread(target=server.run, args=([listener],))
            thread.start()
            address = f"http://127.0.0.1:{listener.getsockname()[1]}"
            with httpx.Client(base_url=address, timeout=60) as client:
                _measure(client)
            server.should_exit = True
            thread.join()


def _measure(client: httpx.Client) -> None:
    first = _timed(client, "first page, nothing read before")
    _timed(client, "first page again")
    _timed(client, "images", kind="images")
    _timed(client, "search that finds one", q="09999")
    files = sorted(set(re.findall(r'(?:href|src)="(/static/[^"]+)"', first)))
    imported = {f"/static/{name}" for file in files for name in re.findall(r'from "\./([^"]+)"', client.get(file).text)}
    sizes = {file: len(gzip.compress(client.get(file).content, 9)) for file in {*files, *imported}}
    sizes["page"] = len(gzip.compress(first.encode(), 9))
    for file, size in sorted(sizes.items()):
        print(f"{file:34} {size:7,} bytes after gzip")
    print(f"{'in all':34} {sum(sizes.values()):7,} bytes after gzip")


def _timed(client: httpx.Client, title: str, **asked: str) -> str:
    begun = time.perf_counter()
    answer = client.get("/browse", params={"prefix": "maps/", **asked}).raise_for_status()
    print(f"{title:34} {time.perf_counter() - begun:7.3f} s")
    return answer.text


if __name__ == "__main__":
    if sys.argv[1:] != ["page"]:
        sys.exit("usage: python benchmarks/gallery.py page")
    page()
