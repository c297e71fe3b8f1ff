"""How tests ask a gallery for pages and for changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import httpx

from assetstore import AssetStore

Visit: TypeAlias = Callable[..., httpx.Client]
"""Takes a store and options of ``GalleryOptions``, and returns a client of a new gallery; the fixture ``visit`` is one."""
PATIENCE = 600
"""Seconds for which tests let pages wait: on a busy machine what they count takes longer than people like to wait."""
ASKING = {"X-Assetstore": "1"}
"""What the gallery's own pages send with a change."""
BROWSER = {"Accept": "text/html"}
"""What a browser sends that shows the answer."""


def facts(store: AssetStore, key: str) -> dict[str, Any]:
    """Return what is found out about an asset."""
    from assetstore_gallery.facts import Facts

    return Facts(store, PATIENCE).of(store.stat(key))


def do(client: httpx.Client, action: str, **question: Any) -> httpx.Response:
    """Ask for a change, as the gallery's own pages do."""
    return client.post(f"/do/{action}", json=question, headers=ASKING)
