"""Packs pages, their JSON twins, and their style and scripts by gzip."""

from __future__ import annotations

from collections.abc import Iterable

import attrs
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from assetstore_gallery.guard import path_of

SMALLEST = 1000
"""Bytes below which packing saves nothing."""
LEVEL = 6


def pages_of(routes: Iterable[BaseRoute]) -> frozenset[str]:
    """Return the paths of the pages, which are those that have a twin in JSON, and of the twins."""
    paths = {route.path for route in routes if isinstance(route, Route)}
    return frozenset(path for path in paths if path.endswith(".json") or f"{path}.json" in paths)


@attrs.define(eq=False)
class Packing:
    """Packs the answers of some paths. The bytes of assets and answers to writes go as they are.

    Who can make a browser ask and sees the length of packed answers could guess a secret in them that stands beside what
    was asked for (BREACH). The pages hold no secret, neither a session nor a token against forgery, which is a header
    here; only one with a signed link does, and that is not packed.

    Attributes:
        app: what answers.
        pages: the paths of what is packed, beside ``/static/``.
    """

    app: ASGIApp
    pages: frozenset[str]
    _packed: ASGIApp = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        """Wrap the application."""
        self._packed = GZipMiddleware(self.app, minimum_size=SMALLEST, compresslevel=LEVEL)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, packed if it may be."""
        request = Request(scope)
        path = path_of(request)
        is_packed = path.startswith("/static/") or (path in self.pages and "minutes" not in request.query_params)
        await (self._packed if is_packed else self.app)(scope, receive, send)
