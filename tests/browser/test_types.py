"""What browsers must have exactly right to use an asset: its type, as a store gives it by name, in Chromium and in Firefox.

The page checks all and sends what it saw, so no browser needs a driver. An answer with ``nosniff`` is taken at its word.
"""

from __future__ import annotations

import gzip
import json
import queue
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import browsing
from assetstore import open_store
from serving import serving

SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="48" height="30"/>'
WASM = b"\0asm\x01\0\0\0"
ASSETS = {
    "a.svg": SVG,
    "a.svgz": gzip.compress(SVG),
    "a.css": b"body { color: rgb(1, 2, 3) }",
    "a.js": b"window.ran = true",
    "a.mjs": b"export default 7",
    "a.cjs": b"export default 8",
    "worker.js": b"postMessage(9)",
    "a.wasm": WASM,
    "packed.wasm.gz": gzip.compress(WASM),
    "a.vtt": b"WEBVTT\n\n00:00.000 --> 00:01.000\nHello",
    "a.txt": b"Strength 12",
    "a.json": b"{}",
}
PAGE = """<!doctype html><title>types</title><body><script type="module">
const urls = URLS, seen = {};
const loaded = element => new Promise(done => {
    element.onload = () => done(true);
    element.onerror = () => done(false);
    (element.localName === "link" || element.localName === "script" ? document.head : document.body).append(element);
});
const made = (name, properties) => Object.assign(document.createElement(name), properties);
const tried = async work => { try { return await work() } catch (error) { return String(error) } };
for (const name of ["a.svg", "a.svgz"]) {
    const picture = made("img", {src: urls[name]});
    seen[name] = await loaded(picture) && [picture.naturalWidth, picture.naturalHeight];
}
await loaded(made("link", {rel: "stylesheet", href: urls["a.css"]}));
seen["a.css"] = getComputedStyle(document.body).color;
await loaded(made("script", {src: urls["a.js"]}));
seen["a.js"] = window.ran === true;
for (const name of ["a.mjs", "a.cjs"]) seen[name] = await tried(async () => (await import(urls[name])).default);
seen["worker.js"] = await new Promise(done => {
    const worker = new Worker(urls["worker.js"]);
    worker.onmessage = event => done(event.data);
    worker.onerror = event => done(String(event.message));
});
for (const name of ["a.wasm", "packed.wasm.gz"])
    seen[name] = await tried(async () => String(await WebAssembly.compileStreaming(fetch(urls[name]))));
const film = made("video", {});
const track = made("track", {src: urls["a.vtt"], kind: "subtitles"});
film.append(track);
document.body.append(film);
seen["a.vtt"] = await new Promise(done => {
    track.onload = () => done(track.track.cues[0].text);
    track.onerror = () => done(false);
    track.track.mode = "hidden";
});
for (const name of ["a.txt", "a.json"]) {
    const frame = made("iframe", {src: urls[name]});
    await loaded(frame);
    seen[name] = frame.contentDocument?.contentType ?? "not shown";
}
await fetch("/seen", {method: "POST", body: JSON.stringify(seen)});
</script>"""
EXPECTED = {
    "a.svg": [48, 30],
    "a.svgz": [48, 30],
    "a.css": "rgb(1, 2, 3)",
    "a.js": True,
    "a.mjs": 7,
    "a.cjs": 8,
    "worker.js": 9,
    "a.wasm": "[object WebAssembly.Module]",
    "packed.wasm.gz": "[object WebAssembly.Module]",
    "a.vtt": "Hello",
    "a.txt": "text/plain",
    "a.json": "application/json",
}


def commands(profile: Path) -> dict[str, list[str]]:
    """Return the command of each browser, without the page."""
    chromium = [str(browsing.CHROMIUM), "--headless", *browsing.ARGUMENTS, "--no-proxy-server", f"--user-data-dir={profile}"]
    return {
        "chromium": [*chromium, "--remote-debugging-port=0"],
        "firefox": [str(browsing.FIREFOX), "--headless", "--no-remote", "--profile", str(profile)],
    }


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[tuple[str, queue.Queue[dict[str, Any]]]]:
    """Give the URL of the page, beside the store that has the assets, and what it sends."""
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import HTMLResponse, Response
    from starlette.routing import Mount, Route

    reports: queue.Queue[dict[str, Any]] = queue.Queue()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with open_store({"url": f"file:{tmp_path}/assets", "serve_url": f"{url}/assets"}) as store:
            for key, data in ASSETS.items():
                store.upload(data, key)
            page = PAGE.replace("URLS", json.dumps({key: store.presign(key).url for key in ASSETS}))

            async def seen(request: Request) -> Response:
                reports.put(await request.json())
                return Response(status_code=204)

            async def shown(request: Request) -> Response:
                return HTMLResponse(page)

            application = Mount("/assets", store.application("asgi"))
            routes = [application, Route("/", shown), Route("/seen", seen, methods=["POST"])]
            with serving(Starlette(routes=routes), listener):
                yield url, reports


@pytest.mark.parametrize("name", ["chromium", *(["firefox"] if browsing.FIREFOX else [])])
def test_an_asset_has_the_type_by_which_a_browser_uses_it(opened: Any, tmp_path: Path, name: str) -> None:
    """Drawings, styles, scripts, modules, workers, WebAssembly and captions work by their names, and texts are shown."""
    url, reports = opened
    (tmp_path / "profile").mkdir()
    (tmp_path / "profile" / "user.js").write_text('user_pref("network.proxy.type", 0);\n')
    command = [*commands(tmp_path / "profile")[name], url]
    browser = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        assert EXPECTED == reports.get(timeout=600)
    finally:
        browser.terminate()
        browser.wait()
