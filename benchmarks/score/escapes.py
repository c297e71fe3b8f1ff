"""Figure 7: nothing beside a store's folder is read, written, deleted or listed, whatever the key, the path or the links.

Keys go to the store itself, paths by a raw socket to a real server with a signature of another key, and keys of a hostile
listing to a download of many. Then another process swaps a folder and a file with links.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from assetstore import AssetInfo, AssetStore
from assetstore.plugin import AssetStream, ListOptions, ListPage, Method, ReadOptions, hookimpl
from assetstore.testing import MemoryBackend
from assetstore_local import LocalBackend
from score.attacks import CANARY
from score.figure import Outcome, Run
from score.hostile_paths import HTTP_PATHS, KEYS
from score.workers import grouped, work

_SWAPS, _SHORT_SWAPS = 20_000, 2_000
_FEWEST = 300


def measure(run: Run) -> Outcome:
    """Attack."""
    swaps = _SHORT_SWAPS if run.short else _SWAPS
    found = work(run, "attacks", swaps=swaps)
    attacks, escapes = found["attacks"], [(how, by) for how, by in found["escapes"]]
    if run.subject.name == "assetstore":
        for count, more in (_by_http(run.folder / "http"), _by_listing(run.folder / "listing")):
            attacks += count
            escapes += more
    by_swaps = len(found["swapped"])
    return Outcome(
        value=f"{len(escapes)} in {attacks} paths, {by_swaps} in {swaps:,} swaps",
        passed=not escapes and not by_swaps and (attacks >= _FEWEST or run.subject.name != "assetstore"),
        # How somebody else's store is left is not for this page.
        notes=grouped([*escapes, *((how, by) for how, by in found["swapped"])]) if run.subject.name == "assetstore" else (),
    )


def _ground(base: Path, folder: str) -> tuple[Path, object]:
    """Return a folder with links that lead outside, and what is outside."""
    outside = base / "outside"
    outside.mkdir(parents=True)
    (outside / "canary").write_bytes(CANARY)
    (base / folder).mkdir()
    (base / folder / "link").symlink_to(outside)
    return base / folder, _outside(base, folder)


def _outside(base: Path, folder: str) -> object:
    files = (path for path in base.rglob("*") if base / folder not in (path, *path.parents) and path.is_file())
    return sorted((str(path), path.read_bytes()) for path in files)


def _by_http(base: Path) -> tuple[int, list[tuple[str, str]]]:
    """Send each path with each method, and a signature for another key."""
    from serving import serving

    methods: tuple[Method, ...] = ("GET", "PUT", "DELETE")
    root, before = _ground(base, "root")
    escapes = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        store = AssetStore(LocalBackend(root=root, serve_url=url))
        with store, serving(store.application(), listener, log_level="critical"):
            store.upload(b"abc", "a")
            for method in methods:
                body = b"evil" if method == "PUT" else b""
                query = urlsplit(store.presign("a", method=method).url).query
                for path in HTTP_PATHS:
                    lines = [f"{method} {path}?{query} HTTP/1.1", f"Host: {url[7:]}", f"Content-Length: {len(body)}"]
                    answer = _exchange(url, "\r\n".join([*lines, "Connection: close", "", ""]).encode("latin-1") + body)
                    if CANARY in answer or b"root:" in answer or answer[9:10] == b"2":
                        escapes.append(("answered", f"HTTP {method}"))
                    if _outside(base, "root") != before or store.read("a") != b"abc":
                        escapes.append(("changed", f"HTTP {method}"))
    return 3 * len(HTTP_PATHS), escapes


def _exchange(url: str, raw: bytes) -> bytes:
    """Send bytes unchanged, and return the response; empty for a hang-up."""
    parts = urlsplit(url)
    with socket.create_connection((str(parts.hostname), int(parts.port or 0)), 60) as client:
        received = b""
        with contextlib.suppress(ConnectionError):
            client.sendall(raw)
            while data := client.recv(1 << 16):
                received += data
        return received


class _HostileListing(MemoryBackend):
    """Lists keys that no store has, and has them."""

    @hookimpl
    def assetstore_list(self, prefix: str, options: ListOptions) -> ListPage:
        return ListPage(items=tuple(AssetInfo(key=key, size=4) for key in sorted(set(KEYS))), prefixes=(), next_cursor=None)

    @hookimpl
    def assetstore_read(self, key: str, options: ReadOptions) -> AssetStream:
        return super().assetstore_read("genuine", options)


def _by_listing(base: Path) -> tuple[int, list[tuple[str, str]]]:
    """Download what a hostile listing names."""
    folder, before = _ground(base, "downloads")
    store = AssetStore(_HostileListing())
    store.upload(b"evil", "genuine")
    for key in _hostile(store):
        with contextlib.suppress(Exception):
            list(store.download_many([key], folder))
    changed = _outside(base, "downloads") != before
    return len(set(KEYS)), [("changed", "downloads of a hostile listing")] if changed else []


def _hostile(store: AssetStore) -> Iterator[Any]:
    """Yield the entries of the listing that the store lets pass, and the others as keys."""
    try:
        yield from store.list()
    except Exception:
        yield from ()
    yield from sorted(set(KEYS))
    yield from ((f"safe{number}", path) for number, path in enumerate(map(os.fspath, ("../x", "/x", "a/../../x"))))
