"""The page of the trash, where the store has one: what was deleted, to restore it or to remove it for good.

It is for visitors with the right to delete, who may also restore.
"""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import islice
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from assetstore import PreconditionError
from assetstore_gallery.answers import answering, explained, refusal, text_of
from assetstore_gallery.gallery import Gallery

EMPTIED_AT_ONCE = 10_000
"""The most deleted assets that one request removes; the page asks again for the rest."""


def routes(gallery: Gallery) -> list[BaseRoute]:
    """Return the routes of the trash."""

    def trash(request: Request) -> Response:
        if not gallery.visitor(request).rights.delete:
            hint = "ask who runs the gallery for the right to delete"
            return refusal(gallery, request, explained(403, "you may not look into the trash here", hint))
        if gallery.trash is None:
            hint = "add the wrapper 'trash' to the store"
            return refusal(gallery, request, explained(404, "the store has no trash", hint))
        return gallery.page(request, "trash.html", _page(gallery, request.query_params.get("cursor") or None))

    return [
        Route("/trash", trash),
        Route("/trash.json", trash),
        Route("/do/restore", answering(gallery, "delete", restore), methods=["POST"]),
        Route("/do/empty", answering(gallery, "delete", empty), methods=["POST"]),
    ]


def _page(gallery: Gallery, cursor: str | None) -> dict[str, Any]:
    """Return what a page shows; the cursor is the last entry of the page before."""
    now, size = datetime.now(UTC), gallery.options.page_size
    found = list(islice(command_of(gallery).deleted(gallery.store, start_after=cursor), size + 1))
    shown = [
        {"key": each.key, "time": each.time.isoformat(timespec="seconds"), "size": each.size, "entry": each.entry}
        for each in found[:size]
    ]
    following = shown[-1]["entry"] if len(found) > size else None
    return {"as_of": now.isoformat(), "deleted": shown, "is_first": cursor is None, "next": following}


def restore(gallery: Gallery, question: dict[str, Any]) -> dict[str, Any]:
    """Bring back what was deleted last under ``key``, or the deletion ``entry`` of it."""
    key = text_of(question, "key")
    entry = None if question.get("entry") is None else text_of(question, "entry")
    info = command_of(gallery).restore(gallery.store, key, entry=entry)
    gallery.index.change({info.key: info})
    return {"key": info.key}


def empty(gallery: Gallery, question: dict[str, Any]) -> dict[str, Any]:
    """Remove for good what was deleted before ``before``, a time in ISO 8601.

    The page sends the time at which it was made, so that nothing goes which its visitor cannot have seen. The answer tells
    how many are ``removed``, and whether there may be ``more``.
    """
    before = datetime.fromisoformat(question["before"])
    found = command_of(gallery).deleted(gallery.store)
    entries = list(islice((each.entry for each in found if each.time <= before), EMPTIED_AT_ONCE))
    report = gallery.store.delete_many(entries)
    for failure in report.failed:
        raise failure.error
    return {"removed": len(report.deleted), "more": len(entries) == EMPTIED_AT_ONCE}


def command_of(gallery: Gallery) -> Any:
    """Return the command of the trash, which has its functions.

    Raises:
        PreconditionError: the store has no trash.
    """
    if gallery.trash is None:
        raise PreconditionError("the store has no trash", hint="add the wrapper 'trash' to it")
    return gallery.trash
