"""The examples in docs/frameworks, each run as its first line says, over a folder and over a bucket."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import httpx
import pytest

from assetstore import AssetStore, open_store
from kept_ports import kept_port
from servers import running

FRAMEWORKS = Path(__file__).parents[2] / "docs" / "frameworks"
ASYNCHRONOUS = ("fastapi", "starlette", "litestar")
"""The examples that use ``AsyncAssetStore``, and through which bytes may go."""
COMMANDS = {
    **{
        name: ("uvicorn", "--factory", "--app-dir", str(FRAMEWORKS), f"{name}_app:create_app")
        for name in ASYNCHRONOUS
    },
    "django": ("uvicorn", "--app-dir", str(FRAMEWORKS), "django_app:application"),
    "flask": ("flask", "--app", str(FRAMEWORKS / "flask_app.py"), "run"),
}
CONFIG = """
default = "{default}"

[stores.local]
url = "file:assets"
serve_url = "{site}/assets"

[stores.r2]
url = "r2:///{server.bucket}?endpoint_url={server.endpoint_url}"
access_key = "{server.access_key}"
secret_key = "{server.secret_key}"
"""
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))


@attrs.frozen(kw_only=True)
class Example:
    """A running example, what sends requests to it, and the store that it works on."""

    client: httpx.Client
    store: AssetStore

    def begin(self, name: str = "keep.png", content_type: str = "image/png") -> httpx.Response:
        """Ask for an upload of as many bytes as PNG has."""
        return self.client.post("/begin", json={"filename": name, "size": len(PNG), "content_type": content_type})

    def send(self, begun: dict[str, Any], data: bytes) -> int:
        """Send what was asked for, and return the status."""
        request = begun["request"]
        return self.client.request(request["method"], request["url"], headers=request["headers"], content=data).status_code

    def finish(self, token: str) -> httpx.Response:
        """Ask for the end of an upload."""
        return self.client.post("/finish", json={"token": token})


@pytest.fixture(scope="module", params=[f"{framework} {store}" for framework in COMMANDS for store in ("local", "r2")])
def example(request: pytest.FixtureRequest, seaweedfs: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Example]:
    """Run each framework's example over each store; one line of the configuration tells which store."""
    framework, default = request.param.split()
    folder = tmp_path_factory.mktemp(framework)
    config = folder / "assetstore.toml"
    with kept_port() as port, pytest.MonkeyPatch.context() as environment:
        site = f"http://127.0.0.1:{port}"
        config.write_text(CONFIG.format(default=default, site=site, server=seaweedfs))
        command = [sys.executable, "-m", *COMMANDS[framework], "--port", str(port)]
        environment.setenv("ASSETSTORE_CONFIG", str(config))
        with (
            running.process(command, folder / "log") as process,
            httpx.Client(base_url=site, trust_env=False, timeout=600) as client,
            open_store() as store,
        ):
            wait(client, process, folder / "log")
            yield Example(client=client, store=store)


def wait(client: httpx.Client, process: subprocess.Popen[bytes], log: Path) -> None:
    """Return once the example answers."""
    while process.poll() is None:
        try:
            client.get("/")
        except httpx.TransportError:
            pass
        else:
            return
        try:
            process.wait(0.05)
        except subprocess.TimeoutExpired:
            continue
    raise RuntimeError(f"the example ended; its log ends with:\n{log.read_text()[-2000:]}")


@pytest.fixture
def kept(example: Example) -> Iterator[set[str]]:
    """Give the set of keys that the store had, and delete what has come by the end of the test."""
    before = {info.key for info in example.store.list()}
    yield before
    assert [] == list(example.store.delete_many({info.key for info in example.store.list()} - before).failed)


def test_an_example_takes_an_upload(example: Example, kept: set[str]) -> None:
    """What was begun is sent to the signed URL, finished, stored, and read by its signed URL and by its link."""
    begun = example.begin().json()
    assert 200 == example.send(begun, PNG)
    finished = example.finish(begun["token"]).json()
    assert {finished["key"]} == {info.key for info in example.store.list()} - kept
    assert PNG == example.store.read(finished["key"])
    assert PNG == example.client.get(finished["url"]).content
    assert PNG == example.client.get(f"/link/{finished['key']}", follow_redirects=True).content


def test_an_example_refuses_a_type_that_it_does_not_want(example: Example, kept: set[str]) -> None:
    """Neither a web page is taken, nor one that calls itself a picture."""
    assert 422 == example.begin("page.html", "text/html").status_code
    begun = example.begin().json()
    assert 200 == example.send(begun, b"<!doctype html>".ljust(len(PNG)))
    refused = example.finish(begun["token"])
    assert 422 == refused.status_code
    assert refused.json()["error"]
    assert kept == {info.key for info in example.store.list()}


def test_an_example_maps_what_went_wrong_to_a_status(example: Example, kept: set[str]) -> None:
    """A forged token is forbidden, an upload that never came is not found, an impossible size is a bad request."""
    impossible = {"filename": "keep.png", "size": -1, "content_type": "image/png"}
    assert 400 == example.client.post("/begin", json=impossible).status_code
    token = example.begin().json()["token"]
    assert 403 == example.finish(token[:-1] + ("A" if token[-1] != "A" else "B")).status_code
    assert 404 == example.finish(token).status_code


def test_an_example_shows_the_page(example: Example) -> None:
    """The page of docs/direct-upload is what the example serves at its root."""
    assert "Upload an image" in example.client.get("/").text

through = pytest.mark.parametrize(
    "example", [f"{name} {store}" for name in ASYNCHRONOUS for store in ("local", "r2")], indirect=True, scope="module"
)
"""Runs a test with those examples through which bytes go."""


@through
def test_an_example_takes_a_form(example: Example, kept: set[str]) -> None:
    """The file of a form is stored under its name and with its type."""
    answer = example.client.post("/upload", files={"file": ("keep.png", PNG * 10_000, "image/png")})
    assert 200 == answer.status_code, answer.text
    [key] = {info.key for info in example.store.list()} - kept
    assert (key, "image/png") == (answer.json()["key"], example.store.stat(key).content_type)
    assert key.endswith("keep.png")
    assert PNG * 10_000 == example.store.read(key)


@through
@pytest.mark.parametrize("form", [{"files": {"file": (None, __file__)}}, {"data": {"file": __file__}}, {"data": {}}])
def test_an_example_takes_no_text_for_a_file(example: Example, kept: set[str], form: dict[str, Any]) -> None:
    """A sender who names a file of the server does not get it."""
    answer = example.client.post("/upload", **form)
    # Litestar itself fails over a text in place of a file.
    assert answer.status_code in (400, 422, 500), answer.text
    assert kept == {info.key for info in example.store.list()}


@through
def test_an_example_takes_a_body_as_it_arrives(example: Example, kept: set[str]) -> None:
    """It is stored under the key of the path, and does not replace an asset."""
    body = [PNG] * 5_000
    answer = example.client.put("/stream/maps/keep.png", content=iter(body), headers={"content-type": "image/png"})
    assert 200 == answer.status_code, answer.text
    assert {"key": "maps/keep.png", "size": len(PNG) * 5_000} == answer.json()
    assert b"".join(body) == example.store.read("maps/keep.png")
    assert 409 == example.client.put("/stream/maps/keep.png", content=b"new").status_code


@through
@pytest.mark.parametrize(
    ("asked", "status", "start", "stop"),
    [
        (None, 200, 0, 264),
        ("bytes=0-9", 206, 0, 10),
        ("bytes=100-", 206, 100, 264),
        ("bytes=-10", 206, 254, 264),
        ("bytes=260-999", 206, 260, 264),
        ("bytes=264-", 416, 0, 0),
        ("bytes=0-1,5-6", 200, 0, 264),
        ("lines=1-2", 200, 0, 264),
    ],
)
def test_an_example_sends_ranges(
    example: Example, kept: set[str], asked: str | None, status: int, start: int, stop: int
) -> None:
    """Whole, from a byte, to a byte and the last bytes; what lies behind the end is refused, other forms give the whole."""
    example.store.upload(PNG, "maps/keep.png")
    answer = example.client.get("/file/maps/keep.png", headers={"range": asked} if asked else {})
    assert (status, PNG[start:stop]) == (answer.status_code, answer.content)
    assert (str(stop - start), "bytes") == (answer.headers["content-length"], answer.headers["accept-ranges"])
    if status == 200:
        assert "image/png" == answer.headers["content-type"]
    else:
        spelled = f"{start}-{stop - 1}" if status == 206 else "*"
        assert f"bytes {spelled}/264" == answer.headers["content-range"]


@through
def test_an_example_sends_the_whole_of_a_new_version(example: Example, kept: set[str]) -> None:
    """A range of a version that is no longer there is not mixed with the new one; what is missing is 404."""
    info = example.store.upload(PNG, "maps/keep.png")
    headers = {"range": "bytes=0-9", "if-range": f'"{info.etag}"'}
    assert 206 == example.client.get("/file/maps/keep.png", headers=headers).status_code
    example.store.upload(PNG[::-1], "maps/keep.png")
    answer = example.client.get("/file/maps/keep.png", headers=headers)
    assert (200, PNG[::-1]) == (answer.status_code, answer.content)
    assert 404 == example.client.get("/file/maps/none.png").status_code
