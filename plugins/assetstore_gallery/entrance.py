"""Lets people in where ``serve`` runs: by a link that works once, or by the server's token."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections import deque
from collections.abc import Callable
from urllib.parse import parse_qs

import attrs
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from assetstore_gallery.answers import explained, refusal
from assetstore_gallery.gallery import Gallery
from assetstore_gallery.rights import Rights, Visitor

MAX_TRIES, TRY_SECONDS = 10, 60
"""How many wrong tokens are looked at in how many seconds."""
MAX_FORM = 4096
"""The most bytes of the form with the token."""


@attrs.define(eq=False, kw_only=True)
class Entrance:
    """Who was let in; all of it is forgotten when the process ends.

    Attributes:
        rights: what everyone who was let in may do.
        token: lets in whoever knows it; ``None`` lets nobody in by a token.
        renew: called when a used link is opened again, to print a new one.
    """

    rights: Rights
    token: str | None = attrs.field(default=None, repr=False)
    renew: Callable[[], object]
    # Cookies know no ports: each server on this machine has its own name for them.
    _cookie: str = attrs.field(factory=lambda: f"assetstore-{secrets.token_hex(4)}", init=False)
    _code: str | None = attrs.field(default=None, init=False, repr=False)
    _used: set[bytes] = attrs.field(factory=set, init=False, repr=False)
    _sessions: set[bytes] = attrs.field(factory=set, init=False, repr=False)
    _wrong: deque[float] = attrs.field(factory=lambda: deque(maxlen=MAX_TRIES), init=False)

    def new_code(self) -> str:
        """Return the code of a new link. An older one that nobody has opened stops working."""
        self._code = secrets.token_urlsafe(32)
        return self._code

    def visitor(self, request: Request) -> Visitor | None:
        """Return who asks if they were let in, or send the token with the request as a program does."""
        session = request.cookies.get(self._cookie, "")
        kind, _, given = request.headers.get("authorization", "").partition(" ")
        by_token = kind.lower() == "bearer" and self._is_token(given)
        return Visitor(rights=self.rights) if _digest(session) in self._sessions or by_token else None

    def routes(self, gallery: Gallery) -> list[BaseRoute]:
        """Return the routes of the link and of the page that asks for the token."""

        # A coroutine: two requests at once cannot both use the code.
        async def opened(request: Request) -> Response:
            # A program that only looks where a link leads, by HEAD, does not use it up.
            code = request.query_params.get("code", "") if request.method == "GET" else ""
            if self._code is not None and hmac.compare_digest(code.encode(), self._code.encode()):
                self._used.add(_digest(code))
                self._code = None
                return self._welcome(request)
            if self.visitor(request) is not None:
                return RedirectResponse(_browse(request), 303)
            if _digest(code) not in self._used:
                hint = "open the link that is printed where assetstore serve runs"
                return refusal(gallery, request, explained(403, "this link does not work", hint))
            self.renew()
            hint = "a new one is printed where assetstore serve runs: open that"
            return refusal(gallery, request, explained(403, "this link was opened before, and works only once", hint))

        async def login(request: Request) -> Response:
            facts = {"asks": self.token is not None, "wrong": False, "late": False}
            if request.method != "POST" or self.token is None:
                return gallery.page(request, "login.html", facts, status=401)
            now = time.monotonic()
            if len(self._wrong) == MAX_TRIES and now - self._wrong[0] < TRY_SECONDS:
                return gallery.page(request, "login.html", {**facts, "late": True}, status=429)
            if self._is_token(await _token_of(request)):
                return self._welcome(request)
            self._wrong.append(now)
            return gallery.page(request, "login.html", {**facts, "wrong": True}, status=403)

        return [Route("/open", opened, methods=["GET"]), Route("/login", login, methods=["GET", "POST"])]

    def _is_token(self, given: str) -> bool:
        return self.token is not None and hmac.compare_digest(given.encode(), self.token.encode())

    def _welcome(self, request: Request) -> Response:
        session = secrets.token_urlsafe(32)
        self._sessions.add(_digest(session))
        answer = RedirectResponse(_browse(request), 303)
        path, secure = request.scope.get("root_path") or "/", request.scope["scheme"] == "https"
        answer.set_cookie(self._cookie, session, path=path, secure=secure, httponly=True, samesite="strict")
        return answer


def _browse(request: Request) -> str:
    return f"{request.scope.get('root_path', '')}/browse"


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()


async def _token_of(request: Request) -> str:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_FORM:
            return ""
    return parse_qs(body.decode("latin-1")).get("token", [""])[0]
