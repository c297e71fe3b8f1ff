"""Renames, moves, deletes and edits assets, each bound to the version that the visitor saw."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from starlette.routing import BaseRoute, Route

from assetstore import AssetInfo, AssetStore, AssetStoreError, PreconditionError
from assetstore.plugin import HEADERS
from assetstore_gallery.answers import answering, described, text_of
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

    def one(item: dict[str, Any], key: str, to: str) -> None:
        info = store.move(key, to, overwrite=overwrite, if_match=_bound(store, "move.if_match", item))
        gallery.index.change({key: None, info.key: info})

    return _each(question, one, "key", "to")


def delete(gallery: Gallery, question: dict[str, Any]) -> dict[str, Any]:
    """Delete each of ``items``, ``{"key", "etag"}``; where the store has a trash they go there.

    No service binds a delete to a version: it is compared just before.
    """

    def one(item: dict[str, Any], key: str) -> None:
        _bound(gallery.store, "delete.if_match", item)
        gallery.store.delete(key)
        gallery.index.change({key: None})

    return _each(question, one, "key")


def update(gallery: Gallery, question: dict[str, Any]) -> dict[str, Any]:
    """Set the headers and metadata of ``key`` that the question has; an empty value clears one, a missing one stays."""
    store, changes = gallery.store, {name: question[name] for name in HEADERS if name in question}
    etag = _bound(store, "update.if_match", question)
    info: AssetInfo = store.update(text_of(question, "key"), **changes, if_match=etag)
    gallery.index.change({info.key: info})
    return {"key": info.key, "etag": info.etag}


def headers(gallery: Gallery, question: dict[str, Any]) -> dict[str, Any]:
    """Return the headers and metadata of ``key`` as they are now, with its ETag, to be edited."""
    info = gallery.store.stat(text_of(question, "key"))
    return {**{name: getattr(info, name) for name in HEADERS}, "metadata": dict(info.metadata or {}), "etag": info.etag}


def _bound(store: AssetStore, capability: str, item: Mapping[str, Any]) -> str | None:
    """Return the ETag to bind a change to; where the store cannot bind it, compare it now.

    Raises:
        PreconditionError: the asset is not the one that the visitor saw.
    """
    etag = item.get("etag")
    if etag is None or store.can(capability):
        return etag
    if store.stat(text_of(item, "key")).etag != etag:
        raise PreconditionError("the asset was changed meanwhile", hint="reload the page and look at it")
    return None


def _each(question: dict[str, Any], work: Callable[..., None], *names: str) -> dict[str, Any]:
    """Do the work for each item; the answer names what is done and what failed, with the status of the first failure.

    Args:
        question: has the items.
        work: gets an item, and its texts of these names.
        names: the texts that each item must have, the key first.
    """
    items: list[dict[str, Any]] = question["items"]
    if len(items) > MAX_ITEMS:
        raise ValueError
    done: list[str] = []
    failed: list[dict[str, Any]] = []
    # Nothing is done before all are read: an answer that only says that one is wrong would hide what was done.
    for item, texts in [(item, [text_of(item, name) for name in names]) for item in items]:
        try:
            work(item, *texts)
            done.append(texts[0])
        except AssetStoreError as error:
            failed.append({"key": texts[0], **described(error)})
    return {"done": done, "failed": failed, "status": failed[0]["status"] if failed else 200}
