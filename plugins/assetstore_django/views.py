"""The views of direct uploads: begin, part, finish and cancel. Each takes a form, with CSRF protection, and answers JSON."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import Any

from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_POST

from assetstore import (
    AlreadyExistsError,
    AssetStoreError,
    IntegrityError,
    InvalidOptionError,
    NotFoundError,
    PreconditionError,
    RefusedError,
    TokenError,
    UnavailableError,
)
from assetstore_django import direct
from assetstore_django.fields import DirectUploadField

_STATUS = {
    TokenError: HTTPStatus.FORBIDDEN,
    NotFoundError: HTTPStatus.CONFLICT,
    AlreadyExistsError: HTTPStatus.CONFLICT,
    PreconditionError: HTTPStatus.CONFLICT,
    RefusedError: HTTPStatus.UNPROCESSABLE_ENTITY,
    IntegrityError: HTTPStatus.UNPROCESSABLE_ENTITY,
    InvalidOptionError: HTTPStatus.BAD_REQUEST,
    UnavailableError: HTTPStatus.SERVICE_UNAVAILABLE,
}
_log = logging.getLogger(__name__)


def _answering(view: Callable[[HttpRequest, DirectUploadField], dict[str, Any]]) -> Callable[..., JsonResponse]:
    """Return a view that lets in who may upload, and says in JSON what went wrong."""

    @wraps(view)
    def answer(request: HttpRequest) -> JsonResponse:
        field = direct.field_named(request.POST.get("field", ""))
        if field is None or not field.allows(request):
            # One answer for both, so that nobody learns which models there are.
            return _refused(HTTPStatus.FORBIDDEN, "You may not upload a file here; sign in again or ask for the permission")
        try:
            return JsonResponse(view(request, field))
        except AssetStoreError as error:
            if (status := _STATUS.get(type(error))) is None:
                _log.exception("a direct upload failed")
                return _refused(HTTPStatus.BAD_GATEWAY, "The store cannot take the file now; the log of the server says why")
            return _refused(status, f"{error.message}; {error.hint}" if error.hint else error.message)
        except (KeyError, ValueError):
            return _refused(HTTPStatus.BAD_REQUEST, "The request is not one of an upload")
        except SuspiciousOperation:
            return _refused(HTTPStatus.BAD_REQUEST, "No file can have this name; rename it")

    guarded: Callable[..., JsonResponse] = require_POST(csrf_protect(answer))
    return guarded


def _refused(status: HTTPStatus, message: str) -> JsonResponse:
    return JsonResponse({"error": message}, status=status)


@_answering
def begin(request: HttpRequest, field: DirectUploadField) -> dict[str, Any]:
    """Name a file and sign its upload."""
    return direct.begin(request, field, request.POST["filename"], int(request.POST["size"]))


@_answering
def part(request: HttpRequest, field: DirectUploadField) -> dict[str, Any]:
    """Sign the upload of one part."""
    return direct.sign_part(request, field, request.POST["token"], int(request.POST["number"]))


@_answering
def finish(request: HttpRequest, field: DirectUploadField) -> dict[str, Any]:
    """Examine what was sent and return a reference for the form."""
    return direct.finish(request, field, request.POST["token"])


@_answering
def cancel(request: HttpRequest, field: DirectUploadField) -> dict[str, Any]:
    """Delete what was sent."""
    return direct.cancel(request, field, request.POST["token"])
