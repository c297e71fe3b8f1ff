"""``DirectUploadMiddleware``: lets a form know whose request it is part of."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from django.http import HttpRequest
from django.utils.decorators import sync_and_async_middleware

NAME = "assetstore_django.middleware.DirectUploadMiddleware"
_request: ContextVar[HttpRequest | None] = ContextVar("assetstore_django_request", default=None)


@sync_and_async_middleware  # type: ignore[untyped-decorator]  # Django has no types
def DirectUploadMiddleware(get_response: Callable[..., Any]) -> Callable[..., Any]:  # noqa: N802 - settings name a class
    """Keep the request while it is answered; without it a form could not tell whether an upload is its user's own."""
    from asgiref.sync import iscoroutinefunction

    def answer(request: HttpRequest) -> Any:
        token = _request.set(request)
        try:
            return get_response(request)
        finally:
            _request.reset(token)

    async def answer_later(request: HttpRequest) -> Any:
        token = _request.set(request)
        try:
            return await get_response(request)
        finally:
            _request.reset(token)

    return answer_later if iscoroutinefunction(get_response) else answer


def current_request() -> HttpRequest | None:
    """Return the request that is being answered, or ``None`` outside of one and without the middleware."""
    return _request.get()
