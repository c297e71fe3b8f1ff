"""Every route of a gallery gets requests that nobody would send.

``ASSETSTORE_FUZZ=20000`` sends as many requests to each route; the default suite sends few.
"""

from __future__ import annotations

import asyncio
import json
import os
from typing import Any

import httpx
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.routing import Mount, Router

from assetstore import open_store
from made_files import archive, cube, flac, font, pdf, picture

EXAMPLES = int(os.environ.get("ASSETSTORE_FUZZ", "25"))
CANARY = "canary-5c1e"
KEY = "maps/a.png"
MADE = {
    "a.ttf": font(),
    "a.zip": archive(["b"]),
    "a.glb": cube(),
    "a.flac": flac(picture("PNG")),
    "a.pdf": pdf(),
    "a.tiff": picture("TIFF"),
}
"""Assets of kinds that have pages of their own."""
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW")
HEADERS = ("accept", "origin", "host", "range", "if-match", "if-none-match", "x-assetstore", "content-length", "cookie")
WORDS = (
    "key",
    "prefix",
    "cursor",
    "sort",
    "view",
    "kind",
    "q",
    "pick",
    "origin",
    "v",
    "code",
    "token",
    "size",
    "clash",
    "entry",
    "before",
    "minutes",
    "side",
)
TEXTS = st.one_of(
    st.sampled_from((KEY, *MADE, "", "/", "..", "../x", "maps/", "\0", "a" * 2000, "-1", "text/html", "1", "\ud800")),
    st.sampled_from(("*/*", "1600")),
    st.text(max_size=20),
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS, lambda inner: st.lists(inner, max_size=3), max_leaves=4
)
BODIES = st.binary(max_size=60) | st.dictionaries(st.sampled_from((*WORDS, "items", "to", "numbers")), VALUES, max_size=4)


def header(text: str) -> bytes:
    """Return what a header can hold of a text."""
    return text.encode("utf-8", "replace").translate(None, b"\r\n\0").strip()


def test_no_route_fails_or_tells_a_secret_or_lets_a_stranger_write() -> None:
    """Whatever comes, the answer is no fault of ours and holds no secret; without our header nothing is changed."""
    from assetstore_gallery.app import put_together
    from assetstore_gallery.entrance import Entrance
    from assetstore_gallery.guard import Guard
    from assetstore_gallery.options import GalleryOptions
    from assetstore_gallery.rights import EVERYTHING, Visitor

    with open_store("memory:") as store:
        store.upload(b"x", key=KEY)
        for name, data in MADE.items():
            store.upload(data, key=name)
        entrance = Entrance(rights=EVERYTHING, token=CANARY * 4, renew=lambda: None)
        options = GalleryOptions(login=lambda request: Visitor(rights=EVERYTHING))
        guard = put_together(store, options, entrance.routes)
        assert isinstance(guard, Guard)
        assert isinstance(guard.application, Router)
        found = guard.application.routes
        paths = [f"{route.path}/x" if isinstance(route, Mount) else route.path for route in found]  # type: ignore[attr-defined]
        count = [0]

        @settings(max_examples=EXAMPLES * len(paths), deadline=None, suppress_health_check=list(HealthCheck), database=None)
        @given(
            path=st.sampled_from(paths),
            method=st.sampled_from(METHODS),
            query=st.dictionaries(st.sampled_from(WORDS) | TEXTS, TEXTS, max_size=4),
            headers=st.dictionaries(st.sampled_from(HEADERS), TEXTS.map(header), max_size=3),
            body=BODIES,
            is_ours=st.booleans(),
        )
        def send(path: str, method: str, query: Any, headers: dict[str, bytes], body: Any, is_ours: bool) -> None:
            count[0] += 1
            pairs = {key.encode("utf-8", "replace"): value.encode("utf-8", "replace") for key, value in query.items()}
            sent: dict[str, bytes] = {**headers, **({"x-assetstore": b"1"} if is_ours else {"x-assetstore": b"0"})}
            what = {"content": body if isinstance(body, bytes) else json.dumps(body)}
            before = [(info.key, info.etag) for info in store.list()]
            answer = asyncio.run(_sent(guard, method, path, {**what, "params": pairs, "headers": sent}))
            assert answer.status_code < 500 or answer.status_code in (501, 503), answer.text
            told = answer.text + str(answer.headers)
            assert CANARY not in told
            assert "Traceback" not in told
            if not is_ours:
                assert before == [(info.key, info.etag) for info in store.list()]

        send()
        print(f"{count[0]} requests to {len(paths)} routes")  # noqa: T201 - the number is wanted by who runs it long


async def _sent(guard: Any, method: str, path: str, what: dict[str, Any]) -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(guard), base_url="http://gallery") as client:
        return await client.request(method, path, **what)
