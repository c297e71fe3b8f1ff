"""Galleries that answer at a real port."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest
from asking import PATIENCE, Visit

from assetstore import AssetStore, open_store
from serving import serving


@pytest.fixture
def store() -> Iterator[AssetStore]:
    """Give a store in memory."""
    with open_store("memory:") as store:
        yield store


@pytest.fixture
def visit() -> Iterator[Visit]:
    """Return a client of a new gallery over a store; options are those of ``GalleryOptions``."""
    from assetstore_gallery import GalleryOptions, create_gallery

    patient = {"patience": PATIENCE, "facts_patience": PATIENCE}
    with ExitStack() as ends:

        def open_gallery(store: AssetStore, **options: Any) -> httpx.Client:
            listener = ends.enter_context(socket.create_server(("127.0.0.1", 0)))
            gallery = create_gallery(store, GalleryOptions(**{**patient, **options}))
            ends.enter_context(serving(gallery, listener))
            address = f"http://127.0.0.1:{listener.getsockname()[1]}"
            return ends.enter_context(httpx.Client(base_url=address, follow_redirects=True, timeout=600))

        yield open_gallery
