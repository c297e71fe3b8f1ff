"""Galleries in Chromium."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from everything import ASSETS, DELETED, ORIGIN

import browsing
from assetstore import AssetStore, UploadPolicy, open_store
from serving import serving


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """Give Chromium for one module."""
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=600_000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=browsing.CHROMIUM, args=[*browsing.ARGUMENTS, "--no-proxy-server"], timeout=600_000
        )
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Any) -> Iterator[Any]:
    """Give a page without cookies or history, that fails where a script does."""
    with chromium.new_context(viewport={"width": 1280, "height": 900}) as context:
        context.set_default_timeout(600_000)
        errors: list[str] = []
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        yield page
        assert [] == errors


@pytest.fixture(scope="module")
def tab_of_firefox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Give a tab of Firefox for one module."""
    from firefox import firefox

    if browsing.FIREFOX is None:
        pytest.skip("needs Firefox")
    with firefox(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.fixture
def serve() -> Iterator[Callable[..., str]]:
    """Serve an application, or a gallery over a store with options of ``GalleryOptions``, and return its address."""
    from assetstore_gallery import GalleryOptions, create_gallery

    with ExitStack() as ends:

        def start(shown: Any, **options: Any) -> str:
            application = create_gallery(shown, GalleryOptions(**options)) if isinstance(shown, AssetStore) else shown
            listener = ends.enter_context(socket.create_server(("127.0.0.1", 0)))
            ends.enter_context(serving(application, listener))
            return f"http://127.0.0.1:{listener.getsockname()[1]}"

        yield start


@pytest.fixture(scope="module")
def shown() -> Iterator[AssetStore]:
    """Give a store with an asset of each kind, a folder of two pages, and a trash."""
    with open_store({"url": "memory:", "wrappers": ["trash"]}) as store:
        for key, data in ASSETS.items():
            store.upload(data, key=key, metadata={"by": "Ada"}, cache_control="max-age=60")
        for number in range(60):
            store.upload(b"x" * number, key=f"many/{number}.bin")
        for key in DELETED:
            store.upload(b"old", key=key)
            store.delete(key)
        yield store


@pytest.fixture
def gallery(shown: AssetStore, serve: Callable[..., str]) -> str:
    """Serve the store with all rights and return the address."""
    return serve(shown, frame_ancestors=(ORIGIN,), page_size=50, uploads=UploadPolicy(max_size=2000))
