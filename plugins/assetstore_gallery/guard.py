"""Stands before every page: finds out who asks, and adds the headers that keep a browser from running what is stored."""

from __future__ import annotations

import attrs
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from assetstore_gallery.options import GalleryOptions


@attrs.frozen(eq=False)
class Guard:
    """Wraps the pages.

    Attributes:
        application: the pages.
        options: who may do what.
    """

    application: ASGIApp
    options: GalleryOptions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        request = Request(scope, receive)
        visitor = self.options.login(request)
        if visitor is None:
            await PlainTextResponse("you are not logged in\n", 401)(scope, receive, send)
            return
        request.state.visitor = visitor

        async def safe(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("x-content-type-options", "nosniff")
                headers.setdefault("referrer-policy", "no-referrer")
            await send(message)

        await self.application(scope, receive, safe)
