"""Answers requests that change a store: JSON in, JSON out, with a status and a reason where one is refused."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from assetstore import (
    AccessDeniedError,
    AlreadyExistsError,
    AssetStoreError,
    ConfigError,
    IntegrityError,
    InvalidKeyError,
    InvalidOptionError,
    NoSpaceError,
    NotFoundError,
    PreconditionError,
    RefusedError,
    UnavailableError,
    UnsupportedError,
)
from assetstore_gallery.gallery import Gallery

MAX_QUESTION = 2 << 20
"""The most bytes of a question in JSON: a thousand of the longest keys fit."""

_STATUSES: tuple[tuple[type[AssetStoreError], int], ...] = (
    (AlreadyExistsError, 409),
    (PreconditionError, 409),
    (NotFoundError, 404),
    (AccessDeniedError, 403),
    (InvalidKeyError, 400),
    (InvalidOptionError, 400),
    (RefusedError, 422),
    (IntegrityError, 422),
    (UnavailableError, 503),
    (UnsupportedError, 501),
    (ConfigError, 501),
    (NoSpaceError, 507),
)
_log = logging.getLogger(__name__)

Work = Callable[[Gallery, dict[str, Any]], dict[str, Any]]


def answering(gallery: Gallery, right: str, work: Work) -> Callable[[Request], Awaitable[Response]]:
    """Return an endpoint that lets in who has the right and answers what ``work`` makes of the question, in a thread."""

    async def endpoint(request: Request) -> Response:
        refused = denial(gallery, request, right)
        if refused is not None:
            return refused
        question = await _question(request)
        if question is None:
            return problem(400, "the request must be a JSON object of at most 2 MiB")
        try:
            answer = await run_in_threadpool(work, gallery, question)
        except AssetStoreError as error:
            return failure(error)
        except (KeyError, TypeError, ValueError, AttributeError):
            return problem(400, "the request lacks a value or has a wrong one")
        return JSONResponse(answer, answer.pop("status", 200))

    return endpoint


def denial(gallery: Gallery, request: Request, right: str) -> Response | None:
    """Return the refusal of a visitor without the right; ``None`` lets them in."""
    if not getattr(gallery.visitor(request).rights, right):
        return problem(403, f"you may not {right} assets here", "ask who runs the gallery for the right")
    return None


def failure(error: AssetStoreError) -> Response:
    """Return the answer for an error of the store; what a visitor cannot mend is logged."""
    facts = described(error)
    return JSONResponse(facts, facts["status"])


def described(error: AssetStoreError) -> dict[str, Any]:
    """Return what a visitor may know of an error: its status, its kind, the reason, and what to do."""
    status = next((number for kind, number in _STATUSES if isinstance(error, kind)), 502)
    name = type(error).__name__.removesuffix("Error")
    if status == 502:
        _log.error("the store of the gallery failed", exc_info=error)
        message, hint = "the store failed; the log of the gallery says why", None
    else:
        message, hint = error.message, error.hint
    return {"status": status, "error": name, "message": message, "hint": hint}


def problem(status: int, message: str, hint: str | None = None) -> Response:
    """Return a refusal in JSON."""
    return JSONResponse(explained(status, message, hint), status)


def explained(status: int, message: str, hint: str | None = None) -> dict[str, Any]:
    """Return the facts of a refusal that is not an error of the store."""
    return {"status": status, "error": "Refused", "message": message, "hint": hint}


def refusal(gallery: Gallery, request: Request, facts: dict[str, Any]) -> Response:
    """Return a refusal: as a page to whoever reads pages, otherwise as JSON."""
    if wants_page(request):
        return gallery.page(request, "refusal.html", facts, status=facts["status"])
    return JSONResponse(facts, facts["status"])


def wants_page(request: Request) -> bool:
    """Return whether a browser shows the answer."""
    is_read = request.method in ("GET", "HEAD") and not request.scope["path"].endswith(".json")
    return is_read and "text/html" in request.headers.get("accept", "")


def text_of(question: Mapping[str, Any], name: str) -> str:
    """Return a text of a question.

    Raises:
        KeyError: it is missing.
        TypeError: it is something else, which must not become a key by its spelling: ``null`` is not ``"None"``.
    """
    value = question[name]
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a text")
    return value


async def _question(request: Request) -> dict[str, Any] | None:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_QUESTION:
            return None
    try:
        question = json.loads(body)
        # JSON can spell half of a surrogate pair and numbers without end, which no answer can repeat.
        json.dumps(question, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError):
        return None
    return question if isinstance(question, dict) else None
