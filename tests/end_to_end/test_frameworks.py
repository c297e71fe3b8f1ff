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
from servers import running
from servers.seaweedfs import free_ports

FRAMEWORKS = Path(__file__).parents[2] / "docs" / "frameworks"
COMMANDS = {
    "fastapi": ("uvicorn", "--factory", "--app-dir", str(FRAMEWORKS), "fastapi_app:create_app"),
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
    [port] = free_ports(1)
    site = f"http://127.0.0.1:{port}"
    config = folder / "assetstore.toml"
    config.write_text(CONFIG.format(default=default, site=site, server=seaweedfs))
    command = [sys.executable, "-m", *COMMANDS[framework], "--port", str(port)]
    with pytest.MonkeyPatch.context() as environment:
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
    """A forged token is forbidden, an upload that never came is not found."""
    token = example.begin().json()["token"]
    assert 403 == example.finish(token[:-1] + ("A" if token[-1] != "A" else "B")).status_code
    assert 404 == example.finish(token).status_code


def test_an_example_shows_the_page(example: Example) -> None:
    """The page of docs/direct-upload is what the example serves at its root."""
    assert "Upload an image" in example.client.get("/").text
