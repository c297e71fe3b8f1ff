"""Measures the gallery over a folder with 10,000 assets: its first page, in time and in bytes on the wire, and scrolling.

Run ``python benchmarks/gallery.py page`` or, with Chromium, ``python benchmarks/gallery.py scroll``.
"""

from __future__ import annotations

import gzip
import io
import re
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from assetstore import open_store
from assetstore_gallery import create_gallery

ASSETS = 10_000
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
    if sys.argv[1:] not in (["page"], ["scroll"]):
        sys.exit("usage: python benchmarks/gallery.py page|scroll")
    globals()[sys.argv[1]]()
