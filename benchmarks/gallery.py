"""Measures the gallery: its first page of 10,000 assets, in time and in bytes on the wire, scrolling, and thumbnails.

Run ``python benchmarks/gallery.py page``, ``thumbnails [COUNT]`` or, with Chromium, ``scroll``.
"""

from __future__ import annotations

import gzip
import io
import multiprocessing
import os
import re
import socket
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from assetstore import open_store
from assetstore_gallery import create_gallery

ASSETS = 10_000
_SPAWN = multiprocessing.get_context("spawn")
PAGES = 20
"""Pages that are scrolled through."""


def page() -> None:
    """Print how long pages take and how many bytes the first one needs, with its style and scripts, after gzip."""
    with _shown(lambda number: b"x" * (number % 300 + 1)) as address, httpx.Client(base_url=address, timeout=60) as client:
        _measure(client)


def scroll() -> None:
    """Print what held up the browser for 50 ms or more while it scrolled through pages."""
    from playwright.sync_api import sync_playwright

    from browsing import ARGUMENTS, CHROMIUM

    pictures = [_picture(seed) for seed in range(50)]
    with _shown(lambda number: pictures[number // 2 % 50]) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*ARGUMENTS, "--no-proxy-server"])
        tab = browser.new_page(viewport={"width": 1280, "height": 900})
        for view in ("grid", "list"):
            tab.goto(f"{address}/browse?prefix=maps/&view={view}", wait_until="networkidle")
            held: list[float] = []
            for _ in range(PAGES):
                held += _scrolled(tab)
                tab.locator("a[rel=next]").click()
                tab.wait_for_load_state("networkidle")
            print(f"{view}: {len(held)} tasks of 50 ms or more, the longest {max(held, default=0):.0f} ms")
        browser.close()


def thumbnails(count: int = 200) -> None:
    """Print how long thumbnails of photos take, beside a loop in one process, and the memory of a server meanwhile."""
    with tempfile.TemporaryDirectory() as name, socket.create_server(("127.0.0.1", 0)) as listener:
        photos = Path(name, "photos")
        photos.mkdir()
        for number in range(count):
            (photos / f"{number:03}.jpg").write_bytes(_photo(number % 20) + bytes([number // 20]))
        ours, peers, peaks = [], [], []
        for number in range(3):
            peers.append(_timed_loop(photos))
            os.environ["XDG_CACHE_HOME"] = f"{name}/{number}"
            serving = _SPAWN.Process(target=_serve, args=(photos, listener))
            serving.start()
            with httpx.Client(base_url=f"http://127.0.0.1:{listener.getsockname()[1]}", timeout=60) as client:
                client.get("/browse")
                begun = time.perf_counter()
                peaks.append(_asked_for(client, count, int(serving.pid or 0)))
                ours.append(time.perf_counter() - begun)
            serving.terminate()
            serving.join()
        print(f"{count} thumbnails: {statistics.median(ours):.1f} s, a loop {statistics.median(peers):.1f} s")
        print("ratios " + " ".join(f"{mine / peer:.2f}" for mine, peer in zip(ours, peers, strict=True)))
        print(f"serve and its processes: {max(peaks) >> 20} MiB at most")


def _photo(seed: int) -> bytes:
    """Return a JPEG of 4,000 by 3,000 pixels."""
    from PIL import Image

    out = io.BytesIO()
    Image.effect_noise((1000, 750), 20 + seed).convert("RGB").resize((4000, 3000)).save(out, "JPEG", quality=88)
    return out.getvalue()


def _timed_loop(photos: Path) -> float:
    """Return the seconds that a loop in a process of its own takes, without the start of the process."""
    with ProcessPoolExecutor(1, mp_context=_SPAWN) as pool:
        pool.submit(int).result()
        begun = time.perf_counter()
        pool.submit(_plain_loop, photos).result()
        return time.perf_counter() - begun


def _plain_loop(photos: Path) -> None:
    from PIL import Image, ImageOps

    for path in sorted(photos.glob("*.jpg")):
        with Image.open(path) as photo:
            turned = ImageOps.exif_transpose(photo)
            turned.thumbnail((256, 256))
            turned.save(io.BytesIO(), "WEBP", quality=80)


def _serve(photos: Path, listener: socket.socket) -> None:
    with open_store(f"file:{photos}") as store:
        uvicorn.Server(uvicorn.Config(create_gallery(store), log_level="warning")).run(sockets=[listener])


def _asked_for(client: httpx.Client, count: int, server: int) -> int:
    """Ask for all thumbnails, six at once as a browser does, and return the most memory in bytes that was seen meanwhile."""
    peak = 0

    def ask(number: int) -> None:
        nonlocal peak
        answer = client.get("/thumbnail", params={"key": f"{number:03}.jpg"}).raise_for_status()
        assert answer.headers["content-type"] == "image/webp"
        peak = max(peak, sum(map(_memory, [str(server), *_children_of(server)])))

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(ask, range(count)))
    return peak


def _children_of(server: int) -> set[str]:
    """Return the processes that any thread of a process started."""
    return {child for each in Path(f"/proc/{server}/task").glob("*/children") for child in each.read_text().split()}


def _memory(process: str) -> int:
    """Return the memory of a process in bytes; shared pages count in part."""
    return int(re.findall(r"^Pss: +(\d+)", Path(f"/proc/{process}/smaps_rollup").read_text(), re.MULTILINE)[0]) << 10


def _scrolled(tab: Any) -> list[float]:
    """Scroll a page from its top to its end and return the milliseconds of each long task meanwhile."""
    tab.mouse.move(640, 450)
    tab.evaluate("""() => {
        window.held = [];
        new PerformanceObserver((list) => held.push(...list.getEntries().map((each) => each.duration)))
            .observe({ type: "longtask" });
    }""")
    while not tab.evaluate("scrollY + innerHeight >= document.documentElement.scrollHeight - 2"):
        tab.mouse.wheel(0, 700)
        tab.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    tab.wait_for_timeout(200)
    held: list[float] = tab.evaluate("held")
    return held


def _picture(seed: int) -> bytes:
    """Return a PNG of 240 by 180 pixels."""
    from PIL import Image

    out = io.BytesIO()
    Image.effect_noise((240, 180), 20 + seed).convert("RGB").save(out, "PNG")
    return out.getvalue()


@contextmanager
def _shown(content: Callable[[int], bytes]) -> Iterator[str]:
    """Serve the gallery of a folder with pictures and texts, whose bytes ``content`` gives by number; give its address."""
    with tempfile.TemporaryDirectory() as name, socket.create_server(("127.0.0.1", 0)) as listener:
        folder = Path(name, "maps")
        folder.mkdir()
        for number in range(ASSETS):
            (folder / f"map_{number:05}.{'png' if number % 2 else 'txt'}").write_bytes(content(number))
        with open_store(f"file:{name}") as store:
            server = uvicorn.Server(uvicorn.Config(create_gallery(store), log_level="warning"))
            thread = threading.Thread(target=server.run, args=([listener],))
            thread.start()
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
            server.should_exit = True
            thread.join()


def _measure(client: httpx.Client) -> None:
    first = _timed(client, "first page, nothing read before")
    _timed(client, "first page again")
    _timed(client, "images", kind="images")
    _timed(client, "search that finds one", q="09999")
    time.sleep(5)
    _timed(client, "search by the index", q="09999")
    _timed(client, "largest by the index", sort="size")
    files = sorted(set(re.findall(r'(?:href|src)="(/static/[^"]+)"', first)))
    imports = [(file, name) for file in files for name in re.findall(r'from "\./([^"]+)"', client.get(file).text)]
    imported = {f"{file.rpartition('/')[0]}/{name}" for file, name in imports}
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
    name, *numbers = sys.argv[1:] or [""]
    if name not in ("page", "scroll", "thumbnails"):
        sys.exit("usage: python benchmarks/gallery.py page|scroll|thumbnails [COUNT]")
    globals()[name](*map(int, numbers))
