"""``serve``, in a process of its own, as people run it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import attrs
import httpx
import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from assetstore import AssetStore, PresignedRequest, open_store
from assetstore.cli.listening import Listener
from assetstore.cli.web_server import Attended
from browsing import HAS_CURL
from kept_ports import kept_port

TOKEN = "t" * 32
DATA = bytes(range(256)) * 1000
BROWSER = """import sys, urllib.request as r
opener = r.build_opener(r.HTTPCookieProcessor())
open('seen', 'wb').write(opener.open(sys.argv[1]).read())
"""


@attrs.frozen
class Served:
    """A server that runs on ``folder/assets``.

    Attributes:
        process: its process.
        url: where it said that it listens.
        folder: its working directory.
        store: the same store, in this process.
    """

    process: subprocess.Popen[str]
    url: str
    folder: Path
    store: AssetStore

    @property
    def log(self) -> str:
        """What it has written to stderr."""
        return (self.folder / "log.txt").read_text()

    def end(self, number: int = signal.SIGINT) -> int:
        """End it, and return its exit code."""
        self.process.send_signal(number)
        return self.process.wait(timeout=600)


Serve = Callable[..., Served]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Give a function that runs the command, and waits until it says that it listens."""
    with contextlib.ExitStack() as stack:

        def serve(*arguments: str, token: str | None = None, browser: str = "") -> Served:
            process = start(tmp_path, *(arguments or ("file:assets", "--port", "0")), token=token, browser=browser)
            stack.callback(stop, process)
            assert process.stdout is not None
            line = process.stdout.readline()
            found = re.fullmatch(r"serving folder .*assets, local at (http://\S+) \(Ctrl-C to stop\)\n", line)
            assert found, (tmp_path / "log.txt").read_text()
            url = found[1].replace("0.0.0.0", "127.0.0.1")
            store = stack.enter_context(open_store({"url": f"file:{tmp_path}/assets", "serve_url": url}))
            return Served(process, url, tmp_path, store)

        yield serve


def start(folder: Path, *arguments: str, token: str | None = None, browser: str = "") -> subprocess.Popen[str]:
    """Run the command in a folder."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ASSETSTORE_")}
    environment["BROWSER"] = browser
    if token is not None:
        environment["ASSETSTORE_SERVE_TOKEN"] = token
    with (folder / "log.txt").open("w") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "assetstore", "serve", *arguments],
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )


def stop(process: subprocess.Popen[str]) -> None:
    """End a process that a test has left."""
    process.kill()
    process.communicate()


def refused(folder: Path, *arguments: str, token: str | None = None) -> tuple[int, str]:
    """Return the code and the reason with which the command ends at once."""
    process = start(folder, *arguments, token=token)
    process.communicate(timeout=600)
    (why,) = re.findall(r"^  why: (.*)$", (folder / "log.txt").read_text(), re.MULTILINE)
    return process.returncode, why


def by_urllib(request: PresignedRequest, data: bytes | None) -> bytes:
    """Send a signed request."""
    sent = urllib.request.Request(request.url, data, dict(request.headers), method=request.method)
    with urllib.request.urlopen(sent, timeout=600) as answer:
        return bytes(answer.read())


def by_httpx(request: PresignedRequest, data: bytes | None) -> bytes:
    """Send a signed request."""
    answer = httpx.request(request.method, request.url, content=data, headers=dict(request.headers), timeout=600)
    return answer.raise_for_status().content


def by_requests(request: PresignedRequest, data: bytes | None) -> bytes:
    """Send a signed request."""
    answer = requests.request(request.method, request.url, data=data, headers=dict(request.headers), timeout=600)
    answer.raise_for_status()
    return answer.content


def by_curl(request: PresignedRequest, data: bytes | None) -> bytes:
    """Send a signed request."""
    command = [shutil.which("curl") or "curl", "--silent", "--show-error", "--fail", "-X", request.method]
    for name, value in request.headers.items():
        command += ["-H", f"{name}: {value}"]
    command += [] if data is None else ["--data-binary", "@-"]
    return subprocess.run([*command, request.url], input=data, capture_output=True, check=True, timeout=600).stdout


@pytest.mark.parametrize("send", [by_urllib, by_httpx, by_requests, *([by_curl] if HAS_CURL else [])])
def test_real_clients_write_and_read(serve: Serve, send: Callable[[PresignedRequest, bytes | None], bytes]) -> None:
    """What a client PUTs by a signed URL is in the store, and it GETs the same bytes back."""
    served = serve()
    key = "maps/Burg am Fluß, 50% ☂.webp"
    put = served.store.presign(key, method="PUT", content_type="image/webp", content_length=len(DATA), metadata={"by": "gm"})
    send(put, DATA)
    info = served.store.stat(key)
    assert ("image/webp", {"by": "gm"}) == (info.content_type, info.metadata)
    assert DATA == send(served.store.presign(key), None)
    send(served.store.presign(key, method="DELETE"), None)
    assert not served.store.exists(key)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_cleanly(serve: Serve, number: int) -> None:
    """The exit code is 0, nothing is complained of, and the port is free again."""
    served = serve("file:assets", "--port", "0", "--quiet")
    served.store.upload(DATA, "a")
    by_urllib(served.store.presign("a"), None)
    assert 0 == served.end(number)
    assert [] == [line for line in served.log.splitlines() if not line.startswith("warning: signed URLs lead to")]
    with pytest.raises(urllib.error.URLError):
        by_urllib(served.store.presign("a"), None)


def test_ctrl_c_cuts_off_whoever_is_still_sending(serve: Serve) -> None:
    """An upload in the middle does not hold the server, and leaves nothing."""
    served = serve()
    put = served.store.presign("half", method="PUT", content_length=len(DATA))
    host, _, port = served.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port))) as client:
        target = put.url.removeprefix(served.url)
        head = f"PUT {target} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {len(DATA)}\r\n\r\n"
        client.sendall(head.encode() + DATA[:1000])
        by_urllib(served.store.presign("other", method="PUT"), b"x")
        assert 0 == served.end()
    assert ["other"] == [info.key for info in served.store.list()]
    assert "Traceback" not in served.log


def test_each_request_is_one_line_without_its_signature(serve: Serve) -> None:
    """Method, path, status, bytes and time are told, and nothing with which the request could be sent again."""
    served = serve()
    served.store.upload(DATA, "maps/a b.png")
    by_urllib(served.store.presign("maps/a b.png"), None)
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(f"{served.url}/maps/c.png?X-Assetstore-Signature=hunter2", timeout=600)
    assert 0 == served.end()
    # The lines may come in either order: the first file has still to be closed when the client has all of it.
    first, second = sorted(served.log.splitlines()[-2:])
    assert re.fullmatch(r"GET /maps/a%20b\.png 200 256000 B \d+\.\d ms", first)
    assert re.fullmatch(r"GET /maps/c\.png 403 \d+ B \d+\.\d ms", second)
    assert not re.search(r"[Ss]ignature|hunter2|\?", "\n".join(served.log.splitlines()[1:]))


@pytest.mark.parametrize("lost", ["&", ";", "", "%3F", "%3f", "%253F", "/?", "%26"])
def test_a_signature_in_the_path_is_not_logged_either(lost: str) -> None:
    """The question mark of a URL may get lost or be quoted on the way; the line then ends before the parameters."""
    lines: list[str] = []

    async def answer(scope: object, receive: object, send: Callable[[object], Awaitable[None]]) -> None:
        await send({"type": "http.response.start", "status": 403})

    async def nothing(message: object) -> None:
        pass

    query = "X-Assetstore-Expires=1&X-Assetstore-Signature=hunter2"
    for text in (query, quote(query, safe=""), query.partition("&")[2]):
        scope = {"method": "GET", "raw_path": f"/maps/a.png{lost}{text}".encode(), "headers": [(b"host", b"localhost")]}
        attended = Attended(answer, hosts=frozenset({"localhost"}), say=lines.append)  # type: ignore[arg-type]  # ASGI
        asyncio.run(attended({**scope, "type": "http"}, nothing, nothing))  # type: ignore[arg-type]  # ASGI
    assert ["GET /maps/a.png"] * 3 == [line[:15] for line in lines]
    assert "hunter2" not in "".join(lines)


def test_the_page_says_what_is_served(serve: Serve) -> None:
    """/ needs no signature and shows no asset."""
    served = serve()
    with urllib.request.urlopen(served.url, timeout=600) as answer:
        ways = "by signed URLs and in the gallery at /-/gallery/ only"
        assert f"assetstore serves folder {served.folder}/assets, local, {ways}\n" == answer.read().decode()


def test_the_link_that_is_printed_works(serve: Serve, tmp_path: Path) -> None:
    """It leads to an image if there is one, at the port where the server really listens; ``--json`` has it too."""
    with open_store(f"file:{tmp_path}/assets") as store:
        store.upload(b"text", "a.svg")
        store.upload(b"png", "maps/Burg am Flu\u00df.png")
    served = serve()
    assert served.process.stdout is not None
    words, link = served.process.stdout.readline().rstrip("\n").rsplit(" ", 1)
    assert ("a link, valid for an hour:", f"{served.url}/maps/") == (words, link[: len(served.url) + 6])
    assert b"png" == httpx.get(link, timeout=600).content
    process = start(tmp_path, "file:assets", "--port", "0", "--json")
    assert process.stdout is not None
    assert b"png" == httpx.get(json.loads(process.stdout.readline())["link"], timeout=600).content
    stop(process)


@pytest.mark.parametrize("quiet", [(), ("--quiet",)])
def test_the_browser_is_opened_at_the_link(serve: Serve, tmp_path: Path, quiet: tuple[str, ...]) -> None:
    """``--open`` hands the browser the link to the gallery, while the server runs."""
    with open_store(f"file:{tmp_path}/assets") as store:
        store.upload(DATA, "a.png")
    (tmp_path / "browser.py").write_text(BROWSER)
    os.mkfifo(tmp_path / "seen")
    served = serve("file:assets", "--port", "0", "--open", *quiet, browser=f"{shlex.quote(sys.executable)} browser.py %s")
    assert b"a.png" in (tmp_path / "seen").read_bytes()
    assert 0 == served.end()


def test_a_browser_without_a_link_gets_a_page_that_helps(serve: Serve) -> None:
    """It says how to get a link, is inert, and is the same whether or not there is such an asset; programs get XML."""
    served = serve()
    served.store.upload(DATA, "maps/keep.png")
    browser = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    paths = ("/maps", "/maps/keep.png", "/maps/none")
    pages = [httpx.get(f"{served.url}{path}", headers=browser, timeout=600) for path in paths]
    assert [403] * 3 == [page.status_code for page in pages]
    assert 1 == len({page.content for page in pages})
    assert "assetstore presign KEY" in pages[0].text
    assert str(served.folder) not in pages[0].text
    for name, value in {"content-type": "text/html; charset=utf-8", "cache-control": "no-store"}.items():
        assert value == pages[0].headers[name]
    assert "default-src 'none'; sandbox" in pages[0].headers["content-security-policy"]
    assert "nosniff" == pages[0].headers["x-content-type-options"]
    assert "application/xml" == httpx.get(f"{served.url}/maps/keep.png", timeout=600).headers["content-type"]
    forged = httpx.get(f"{served.url}/maps/keep.png?X-Assetstore-Signature=no", headers=browser, timeout=600)
    assert "application/xml" == forged.headers["content-type"]
    head = httpx.head(f"{served.url}/maps/keep.png", headers=browser, timeout=600)
    assert (403, b"") == (head.status_code, head.content)


def test_a_request_to_another_host_is_refused(serve: Serve) -> None:
    """A foreign page that had its name resolve to this machine gets nothing."""
    served = serve()
    served.store.upload(DATA, "a")
    url = served.store.presign("a").url
    hosts = ("evil.example", "[", "localhost")
    assert [421, 421, 200] == [httpx.get(url, headers={"Host": host}, timeout=600).status_code for host in hosts]


def test_other_machines_need_a_token(serve: Serve, tmp_path: Path) -> None:
    """Without one of 32 characters there is no server; with one, the page asks for it and signed URLs do not."""
    arguments = ("file:assets", "--host", "0.0.0.0", "--port", "0")
    code, why = refused(tmp_path, *arguments)
    assert (2, True) == (code, why.startswith("other machines can reach 0.0.0.0: set ASSETSTORE_SERVE_TOKEN"))
    assert (2, "ASSETSTORE_SERVE_TOKEN must have at least 32 characters") == refused(tmp_path, *arguments, token="t" * 31)
    served = serve(*arguments, token=TOKEN)
    served.store.upload(DATA, "a")
    assert DATA == by_urllib(served.store.presign("a"), None)
    given: tuple[dict[str, str], ...] = ({}, *({"Authorization": f"Bearer {token}"} for token in (f"{TOKEN}x", TOKEN)))
    assert [401, 401, 200] == [httpx.get(served.url, headers=headers, timeout=600).status_code for headers in given]
    assert 0 == served.end()
    assert TOKEN not in served.log


def test_a_taken_port_is_told(serve: Serve, tmp_path: Path) -> None:
    """One error, no traceback, code 1."""
    port = serve().url.rpartition(":")[2]
    expected = f"cannot listen at 127.0.0.1:{port}: Address already in use"
    assert (1, expected) == refused(tmp_path, "file:assets", "--port", port)


@pytest.mark.parametrize("store", ["s3://bucket?endpoint_url=http://127.0.0.1:1&region=x", "memory:"])
def test_the_gallery_shows_any_store_to_who_has_its_link(tmp_path: Path, store: str) -> None:
    """The link works once; whoever has another gets no further, and the next use of an old one prints a new one."""
    process = start(tmp_path, store, "--port", "0")
    try:
        assert process.stdout is not None
        process.stdout.readline()
        link = process.stdout.readline().rpartition(" ")[2].strip()
        gallery, browser = link.partition("/open?")[0], {"Accept": "text/html"}
        opened = httpx.get(link, headers=browser, timeout=600)
        assert (303, "/-/gallery/browse") == (opened.status_code, opened.headers["location"])
        cookie = opened.headers["set-cookie"].lower()
        assert all(part in cookie for part in ("httponly", "samesite=strict", "path=/-/gallery"))
        assert 403 == httpx.get(link, headers=browser, timeout=600).status_code
        assert link != (new := process.stdout.readline().rpartition(" ")[2].strip())
        statuses = [httpx.get(f"{gallery}/browse", headers=each, timeout=600).status_code for each in (browser, {})]
        assert [303, 401] == statuses
        with httpx.Client(follow_redirects=True, timeout=600) as client:
            if store == "memory:":
                assert 200 == client.get(new, headers=browser).status_code
                assert 200 == client.get(f"{gallery}/browse.json").status_code
    finally:
        stop(process)


def test_a_key_that_looks_like_the_gallery_is_an_asset_if_it_is_signed(serve: Serve) -> None:
    """A signed URL works whatever the key."""
    served = serve("file:assets", "--port", "0", "-q")
    served.store.upload(DATA, "-/gallery/browse")
    assert DATA == by_urllib(served.store.presign("-/gallery/browse"), None)


def test_a_port_to_which_no_url_leads_is_warned_of(serve: Serve) -> None:
    """The setting that would make them meet is told."""
    served = serve()
    expected = f"set serve_url to {served.url} in the store's settings"
    assert f"warning: signed URLs lead to http://127.0.0.1:8420: {expected}" == served.log.splitlines()[0]


def test_the_link_of_the_demo_works_at_its_path(serve: Serve, tmp_path: Path) -> None:
    """What ``demo`` prints is answered by the command that it names, at the port and path of ``serve_url``."""
    with kept_port() as port:
        (tmp_path / "assetstore.toml").write_text(
            f'[stores.dev]\nurl = "file:assets"\nserve_url = "http://127.0.0.1:{port}/my/assets"\n'
        )
        command = [sys.executable, "-m", "assetstore", "demo", "-s", "dev"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=600)
        assert "  assetstore serve dev\n" in done.stdout
        (link,) = re.findall(r"^  (http://\S+)$", done.stdout, re.MULTILINE)
        served = serve("dev")
        with urllib.request.urlopen(link, timeout=600) as answer:
            assert ("image/png", b"\x89PNG") == (answer.headers["Content-Type"], answer.read()[:4])
        assert 404 == httpx.get(link.replace("/my/assets/", "/"), timeout=600).status_code
        assert 0 == served.end()
    assert "warning" not in served.log


def test_an_origin_may_be_given_for_one_run(serve: Serve) -> None:
    """``--origin`` lets the pages of that site in, and of no other."""
    served = serve("file:assets", "--port", "0", "--origin", "https://app.example")
    served.store.upload(DATA, "a")
    url = served.store.presign("a").url
    allowed = [
        httpx.get(url, headers={"Origin": origin}, timeout=600).headers.get("access-control-allow-origin")
        for origin in ("https://app.example", "https://evil.example")
    ]
    assert ["https://app.example", None] == allowed


def test_missing_libraries_are_named(tmp_path: Path) -> None:
    """Whoever installed the command line alone learns what to install."""
    code = "import sys; sys.modules['starlette'] = None; from assetstore.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "serve", "file:assets"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (2, True) == (done.returncode, "next: pip install 'assetstore[serve]'" in done.stderr)


def test_a_client_that_falls_silent_is_hung_up_on() -> None:
    """A client that stops sending or taking data is disconnected, with status 408 if no answer has begun."""

    async def upload(scope: object, receive: Callable[[], object], send: Callable[[object], object]) -> None:
        assert {"type": "http.disconnect"} == await receive()  # type: ignore[misc]  # ASGI's callables are awaitable

    async def download(scope: object, receive: Callable[[], object], send: Callable[[object], object]) -> None:
        await send({"type": "http.response.start", "status": 200})  # type: ignore[misc]

    async def never(*_: object) -> None:
        await asyncio.Event().wait()

    async def visit() -> list[int]:
        sent: list[int] = []
        scope = {"method": "PUT", "raw_path": b"/a", "headers": [(b"host", b"localhost")], "type": "http"}

        async def send(message: dict[str, int]) -> None:
            sent.append(message.get("status", 0))

        hosts = frozenset({"localhost"})
        await Attended(upload, hosts=hosts, patience=0.01)(scope, never, send)  # type: ignore[arg-type]
        with pytest.raises(TimeoutError):
            await Attended(download, hosts=hosts, patience=0.01)(scope, never, never)  # type: ignore[arg-type]
        return sent

    assert [408, 0] == asyncio.run(visit())


def test_the_file_of_a_client_that_hung_up_is_read_no_further(serve: Serve) -> None:
    """Asking for much and going away costs the server little."""
    served = serve()
    served.store.upload(bytes(64_000_000), "big")
    request = served.store.presign("big")
    host, _, port = served.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port))) as client:
        client.sendall(f"GET {request.url.removeprefix(served.url)} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        assert b"HTTP/1.1 200 OK" == client.recv(15)
    assert 0 == served.end()
    (sent,) = re.findall(r"^GET /big 200 (\d+) B", served.log, re.MULTILINE)
    assert int(sent) < 64_000_000


def test_an_answer_does_not_wait_for_an_acknowledgement() -> None:
    """What the server accepts sends at once, whichever event loop is installed."""
    with Listener.at("127.0.0.1", 0) as listener, socket.create_connection(("127.0.0.1", listener.port)):
        accepted, _ = listener.socket.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def measured(served: Served, **headers: str) -> dict[tuple[str, ...], float]:
    """Return the reads that ``/-/metrics`` shows, as Prometheus understands them."""
    answer = httpx.get(f"{served.url}/-/metrics", headers=headers, timeout=600)
    assert 200 == answer.status_code
    assert "secret" not in answer.text
    families = {family.name: family for family in text_string_to_metric_families(answer.text)}
    return {
        (sample.labels["op"], sample.labels["outcome"]): sample.value
        for sample in families["assetstore_operations"].samples
        if sample.name.endswith("_total") and sample.labels["op"] == "read"
    }


def test_metrics_are_shown_where_they_are_asked_for(serve: Serve) -> None:
    """What the server answered is counted; the page is there with the option alone, and shows no keys."""
    served = serve("file:assets", "--port", "0", "--metrics", "-q")
    served.store.upload(b"abc", "secret")
    assert b"abc" == httpx.get(served.store.presign("secret").url, timeout=600).content
    assert 404 == httpx.get(served.store.presign("secret-none").url, timeout=600).status_code
    assert {("read", "ok"): 1, ("read", "error"): 1} == measured(served)
    served.store.upload(b"an asset", "-/metrics")
    assert b"an asset" == httpx.get(served.store.presign("-/metrics").url, timeout=600).content
    other = serve("file:assets", "--port", "0", "-q")
    assert 403 == httpx.get(f"{other.url}/-/metrics", timeout=600).status_code


def test_metrics_require_the_token_that_the_page_requires(serve: Serve) -> None:
    """Where other machines can reach the server, only who has it sees them."""
    served = serve("file:assets", "--host", "0.0.0.0", "--port", "0", "--metrics", "-q", token=TOKEN)
    assert 401 == httpx.get(f"{served.url}/-/metrics", timeout=600).status_code
    served.store.upload(b"abc", "secret")
    httpx.get(served.store.presign("secret").url, timeout=600)
    assert {("read", "ok"): 1} == measured(served, authorization=f"Bearer {TOKEN}")
