"""Renames, moves, deletes and edits assets, each bound to the version that the visitor saw."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from starlette.routing import BaseRoute, Route

from assetstore import AssetInfo, AssetStore, AssetStoreError, PreconditionError
from assetstore.plugin import HEADERS
from assetstore_gallery.answers import answering, described
from assetstore_gallery.gallery import Gallery

MAX_ITEMS = 1000
"""The most assets of one request."""


def routes(gallery: Gallery) -> list[BaseRoute]:
    """Return the routes of changes."""
    return [
        Route("/do/move", answering(gallery, "change", move), methods=["POST"]),
        Route("/do/delete", answering(gallery, "delete", delete), methods=["POST"]),
        Route("/do/update", answering(gallery, "change", update), methods=["POST"]),
        Route("/do/headers", answering(gallery, "change", headers), methods=["POST"]),
    ]


def move(gallery: Gallery, question: dict[str, Any]) -> dict[str, Any]:
    """Move each of ``items``, ``{"key", "to", "etag"}``; a key that is taken is left alone unless ``overwrite`` is true."""
    store, overwrite = gallery.store, question.get("overwrite") is True

    def one(item: dict[str, Any]) -> None:
        etag = _bound(store, "move.if_match", item)
        info = store.move(str(item["key"]), str(item["to"]), overwrite=overwrite, if_match=etag)
        gallery.index.change({str(item["key"]): None, info.key: info})

    return _each(question, one)


def delete(gallery: Gallery, question: dict[str, Any]) -> dict[str, Any]:
    """Delete each of ``items``, ``{"key", "etag"}``; where the store has a trash they go there.

    No service binds a delete to a version: it is compared just before.
    """

    def one(item: dict[str, Any]) -> None:
        _bound(gallery.store, "delete.if_match", item)
        gallery.store.delete(str(item["key"]))
        gallery.index.change({str(item["key"]): None})

    return _each(question, one)


def update(gallery: Gallery, question: dict[str, Any]) -> dict[str, Any]:
    """Set the headers and metadata of ``key`` that the question has; an empty value clears one, a missing one stays."""
    store, changes = gallery.store, {name: question[name] for name in HEADERS if name in question}
    etag = _bound(store, "update.if_match", question)
    info: AssetInfo = store.update(str(question["key"]), **changes, if_match=etag)
    gallery.index.change({info.key: info})
    return {"key": info.key, "etag": info.etag}


def headers(gallery: Gallery, question: dict[str, Any]) -> dict[str, Any]:
    """Return the headers and metadata of ``key`` as they are now, with its ETag, to be edited."""
    info = gallery.store.stat(str(question["key"]))
    return {**{name: getattr(info, name) for name in HEADERS}, "metadata": dict(info.metadata or {}), "etag": info.etag}


def _bound(store: AssetStore, capability: str, item: Mapping[str, Any]) -> str | None:
    """Return the ETag to bind a change to; where the store cannot bind it, compare it now.

    Raises:
        PreconditionError: the asset is not the one that the visitor saw.
    """
    etag = item.get("etag")
    if etag is None or store.can(capability):
        return etag
    if store.stat(str(item["key"])).etag != etag:
        raise PreconditionError("the asset was changed meanwhile", hint="reload the page and look at it")
    return None


def _each(question: dict[str, Any], work: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """Do the work for each item; the answer names what is done and what failed, with the status of the first failure."""
    items: list[dict[str, Any]] = question["items"]
    if len(items) > MAX_ITEMS:
        raise ValueError
    done: list[str] = []
    failed: list[dict[str, Any]] = []
    for item in items:
        try:
            work(item)
            done.append(str(item["key"]))
        except AssetStoreError as error:
            failed.append({"key": item["key"], **described(error)})
    return {"done": done, "failed": failed, "status": failed[0]["status"] if failed else 200}
