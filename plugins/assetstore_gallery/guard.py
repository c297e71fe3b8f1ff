"""Stands before every page: finds out who asks, refuses what other sites send, and answers what went wrong.

It adds the headers that keep a browser from running what is stored, and other sites from showing the pages.
"""

from __future__ import annotations

import contextlib
import inspect
import logging
from collections.abc import Awaitable, Iterator
from functools import partial
from urllib.parse import urlsplit

import attrs
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from assetstore import AssetStore, AssetStoreError
from assetstore.plugin import PerProcess
from assetstore_gallery.answers import described, explained, refusal, wants_page
from assetstore_gallery.gallery import Gallery
from assetstore_gallery.options import GalleryOptions
from assetstore_gallery.rights import Visitor

READING = ("GET", "HEAD", "OPTIONS")
OPEN_PATHS = ("/open", "/login", "/static/")
"""What whoever is not logged in may ask for."""
_PROBE = "assetstore-gallery"
_log = logging.getLogger(__name__)


def safe_headers(store: AssetStore, options: GalleryOptions) -> dict[str, str]:
    """Return the headers of each answer that does not say otherwise."""
    ours = " ".join(["'self'", *dict.fromkeys(_origins(store))])
    ancestors = options.frame_ancestors
    policy = {
        "default-src": "'none'",
        **dict.fromkeys(("img-src", "media-src", "font-src", "connect-src", "frame-src"), ours),
        **dict.fromkeys(("script-src", "style-src", "form-action"), "'self'"),
        "base-uri": "'none'",
        "frame-ancestors": " ".join(ancestors) or "'none'",
    }
    headers = {
        "content-security-policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "x-content-type-options": "nosniff",
        # A browser sends no Origin with a form of a page that has no referrer at all.
        "referrer-policy": "same-origin",
        "cross-origin-opener-policy": "same-origin",
        "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
        "cache-control": "no-store",
    }
    # What was picked is shown by the pages that may frame the picker.
    return headers if ancestors else {**headers, "cross-origin-resource-policy": "same-origin", "x-frame-options": "DENY"}


def _origins(store: AssetStore) -> Iterator[str]:
    """Yield the origins of the store's signed and public URLs."""
    for capability in ("presign", "url"):
        with contextlib.suppress(AssetStoreError):
            if store.can(capability):
                parts = urlsplit(store.presign(_PROBE).url if capability == "presign" else store.url(_PROBE))
                yield f"{parts.scheme}://{parts.netloc}"


@attrs.define(eq=False)
class Guard:
    """Wraps the pages.

    Attributes:
        application: the pages.
        gallery: what they show.
    """

    application: ASGIApp
    gallery: Gallery
    _headers: PerProcess[dict[str, str]] = attrs.field(init=False)
    """The headers of each answer: made at the first one, in a thread, because they ask the store."""

    def __attrs_post_init__(self) -> None:
        """Leave it to the first request to make the headers."""
        make = partial(safe_headers, self.gallery.store, self.gallery.options)
        self._headers = PerProcess(make)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] == "lifespan":
            await self.application(scope, receive, send)
        if scope["type"] != "http":
            return
        # The application around the gallery has pages of its own for what is missing or wrong; ours are in ours.
        scope = {name: value for name, value in scope.items() if name not in ("app", "starlette.exception_handlers")}
        request = Request(scope, receive)
        safety = await run_in_threadpool(self._headers.get)
        begun = False

        async def safe(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                headers = MutableHeaders(scope=message)
                # A file says itself what may frame it.
                own = "content-security-policy" in headers
                for name, value in safety.items():
                    if not (own and name == "x-frame-options"):
                        headers.setdefault(name, value)
            await send(message)

        request.state.visitor = Visitor()
        try:
            answer = await self._refused(request) or self.application
            await answer(scope, receive, safe)
        except ClientDisconnect:
            return
        except Exception as error:
            if begun:
                raise
            await self._failed(request, error)(scope, receive, safe)

    async def _refused(self, request: Request) -> Response | None:
        """Return the answer to a request that the pages do not get."""
        if not is_of_host(request, self.gallery.options.hosts):
            return refusal(self.gallery, request, explained(421, "the header Host must name this gallery"))
        if request.method not in READING and (facts := written_elsewhere(request)):
            return refusal(self.gallery, request, facts)
        if path_of(request).startswith(OPEN_PATHS):
            return None
        visitor = await _visitor(self.gallery.options, request)
        if visitor is None:
            options = self.gallery.options
            if options.login_url and wants_page(request):
                return RedirectResponse(options.login_url, 303)
            return refusal(self.gallery, request, explained(401, "you are not logged in", options.login_hint))
        request.state.visitor = visitor
        return None

    def _failed(self, request: Request, error: Exception) -> Response:
        if isinstance(error, AssetStoreError):
            return refusal(self.gallery, request, described(error))
        if isinstance(error, HTTPException):
            return refusal(self.gallery, request, explained(error.status_code, error.detail))
        _log.error("the gallery cannot answer %s %s", request.method, request.scope["path"], exc_info=error)
        return refusal(self.gallery, request, explained(500, "the gallery failed; its log says why"))


def path_of(request: Request) -> str:
    """Return the path below the gallery."""
    return str(request.scope["path"]).removeprefix(request.scope.get("root_path", ""))


async def _visitor(options: GalleryOptions, request: Request) -> Visitor | None:
    # A login may ask a database, so what is not a coroutine runs in a thread.
    if inspect.iscoroutinefunction(options.login):
        found: Awaitable[Visitor | None] = options.login(request)
        return await found
    answer = await run_in_threadpool(options.login, request)
    return await answer if inspect.isawaitable(answer) else answer


def is_of_host(request: Request, hosts: tuple[str, ...]) -> bool:
    """Return whether the header Host names one of these, or any where there are none."""
    try:
        return not hosts or urlsplit(f"//{request.headers.get('host', '')}").hostname in hosts
    except ValueError:
        return False


def written_elsewhere(request: Request) -> dict[str, object] | None:
    """Return the refusal of a write that a page of another site may have sent, or ``None``."""
    origin, host = request.headers.get("origin"), request.headers.get("host", "")
    is_ours = origin is None or origin.partition("://")[2] == host
    if not is_ours or request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return explained(403, "the request must come from the gallery's own pages")
    # A page of another origin cannot send the header: its browser asks first, and nothing here allows it.
    is_form = path_of(request) == "/login"
    if not is_form and request.headers.get("x-assetstore") != "1":
        return explained(403, "the request must have the header X-Assetstore: 1")
    return None
