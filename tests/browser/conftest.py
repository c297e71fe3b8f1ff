"""A browser, and places to upload to: a folder and two S3 servers, each with a page at another origin than the store's."""

from __future__ import annotations

import importlib.util
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
import media
import pytest

import browsing
from assetstore import AssetStore, open_store
from assetstore.aio import AsyncAssetStore
from assetstore_r2.bucket_rules import cors_rule
from serving import serving

DOCS = Path(__file__).parents[2] / "docs"
FOREIGN = "foreign.test"
# Answers from its cache what it has there.
WORKER = """
addEventListener("activate", event => event.waitUntil(clients.claim()));
addEventListener("fetch", event => event.respondWith(
    caches.match(event.request.url).then(kept => kept ?? fetch(event.request))
));
"""


@pytest.hookimpl(trylast=True)  # after -k and the like, which may leave nothing to install for
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what cannot run here; the summary says so."""
    ours = [item for item in items if item.path.is_relative_to(browsing.FOLDER)]
    if ours and browsing.has_browser():
        ours = [item for item in ours if item.path.name == "test_uppy.py"]
        if not ours or browsing.install_uppy():
            return
    items[:] = [item for item in items if item not in ours]
    config.hook.pytest_deselected(items=ours)


@attrs.frozen(kw_only=True)
class Site:
    """A store, and the example for FastAPI running over it at another origin than the store's.

    Attributes:
        name: local, seaweedfs or emulator.
        store: all of it.
        url: where the example is; the store may be used from there.
        example: the application, whose store each test exchanges for a part of its own.
    """

    name: str
    store: AssetStore
    url: str
    example: Any


@attrs.frozen(kw_only=True)
class Place:
    """What a test has of a site.

    Attributes:
        name: local, seaweedfs or emulator.
        store: empty, and only this test's.
        site: where the example is, an origin from which the store may be used.
        foreign_site: the same example, at an origin from which it may not.
    """

    name: str
    store: AssetStore
    site: str
    foreign_site: str

    @property
    def canary(self) -> str:
        """An address that is asked for by nothing but a script that ran."""
        return f"{self.site}/canary"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Give Chromium.

    For one module at a time, because Playwright keeps an event loop running in this thread as long as it lives.
    """
    from playwright.sync_api import sync_playwright

    arguments = [*browsing.ARGUMENTS, "--no-proxy-server", f"--host-resolver-rules=MAP {FOREIGN} 127.0.0.1"]
    with sync_playwright() as playwright:
        # The viewer of documents is such an extension.
        left_out = ["--disable-component-extensions-with-background-pages"]
        chromium = playwright.chromium.launch(
            executable_path=browsing.CHROMIUM, args=arguments, ignore_default_args=left_out, timeout=600_000
        )
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """Give a page without cookies, cache or history, that waits long for what is expected of it."""
    with browser.new_context(viewport={"width": 900, "height": 700}) as context:
        context.set_default_timeout(600_000)
        yield context.new_page()


@pytest.fixture(scope="module", params=["local", "seaweedfs", "emulator"])
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Run each kind in turn, at a port of its own."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        opening = local(tmp_path_factory.mktemp("local"), url) if request.param == "local" else remote(request, url)
        with opening as store:
            example = example_module().create_app(store)
            with serving(with_pages(example), listener):
                yield Site(name=request.param, store=store, url=url, example=example)


@pytest.fixture
def place(site: Site, unique_prefix: str) -> Place:
    """Give each site in turn, over an empty part of its store."""
    store = site.store.scoped(unique_prefix)
    site.example.state.store = AsyncAssetStore(store)
    return Place(name=site.name, store=store, site=site.url, foreign_site=site.url.replace("127.0.0.1", FOREIGN))


@pytest.fixture(scope="module")
def mounted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[AssetStore, str]]:
    """Give a folder whose signed URLs have the origin of a page, and that page."""
    with mounted_store(tmp_path_factory.mktemp("mounted")) as store_and_page:
        yield store_and_page


@contextmanager
def local(folder: Path, origin: str) -> Iterator[AssetStore]:
    """Open a folder whose signed URLs are answered at a port of their own."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        serve_url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        table = {"url": f"file:{folder}/assets", "serve_url": serve_url, "origins": [origin]}
        with open_store(table) as store, serving(store.application("asgi"), listener):
            yield store


@contextmanager
def mounted_store(folder: Path) -> Iterator[tuple[AssetStore, str]]:
    """Open a folder whose signed URLs are answered beside a page, and give both."""
    from starlette.applications import Starlette
    from starlette.responses import HTMLResponse
    from starlette.routing import Mount, Route

    async def page(request: Any) -> HTMLResponse:
        return HTMLResponse("<!doctype html><title>page</title><body></body>")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with open_store({"url": f"file:{folder}/assets", "serve_url": f"{url}/assets"}) as store:
            app = Starlette(routes=[Mount("/assets", store.application("asgi")), Route("/", page)])
            with serving(app, listener):
                yield store, url


@contextmanager
def remote(request: pytest.FixtureRequest, origin: str) -> Iterator[AssetStore]:
    """Open a server's bucket; the emulator takes no CORS rules, and lets in what calls itself 127.0.0.1 and nothing else."""
    server = request.getfixturevalue(request.param)
    table = {
        "url": f"r2:///{server.bucket}?endpoint_url={server.endpoint_url}",
        "access_key": server.access_key,
        "secret_key": server.secret_key,
    }
    with server.client() as client, open_store(table) as store:
        if server.name == "emulator":
            yield store
            return
        client.put_bucket_cors(Bucket=server.bucket, CORSConfiguration={"CORSRules": [cors_rule([origin])]})
        yield store
        client.delete_bucket_cors(Bucket=server.bucket)


def example_module() -> Any:
    """Import docs/frameworks/fastapi_app.py, as uvicorn does with ``--app-dir``."""
    sys.path.append(str(DOCS / "frameworks"))
    spec = importlib.util.spec_from_file_location("fastapi_app", DOCS / "frameworks" / "fastapi_app.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def with_pages(example: Any) -> Any:
    """Return an application with the other page, once for each version of Uppy, and a service worker beside the example."""
    from starlette.applications import Starlette
    from starlette.responses import Response
    from starlette.routing import Mount, Route
    from starlette.staticfiles import StaticFiles

    pages = []
    for version in browsing.UPPY_VERSIONS:
        uppy = StaticFiles(directory=browsing.bundle(version), check_dir=False)
        page = StaticFiles(directory=DOCS / "direct-upload")
        pages += [Mount(f"/uppy-{version}/uppy", uppy), Mount(f"/uppy-{version}", page)]
    worker = Response(WORKER, media_type="text/javascript")
    return Starlette(routes=[*pages, Route("/worker.js", lambda _: worker), Mount("/", example)])


@pytest.fixture(scope="session")
def picture() -> bytes:
    """Give a PNG of 480 by 300 pixels that does not compress well, some 400 KB."""
    return media.picture()


@pytest.fixture
def requested(page: Any) -> list[str]:
    """Give the list of URLs that the page and its frames ask for, which grows."""
    urls: list[str] = []
    page.context.on("request", lambda request: urls.append(request.url))
    return urls


@pytest.fixture
def choose(page: Any) -> Callable[..., None]:
    """Return what chooses a file in a page."""

    def choose(name: str, content_type: str, data: bytes) -> None:
        page.locator("input[type=file]").first.set_input_files({"name": name, "mimeType": content_type, "buffer": data})

    return choose
