"""Moves one asset between stores, with its headers and metadata."""

from __future__ import annotations

from typing import Any

from assetstore.content.checkpoint import Resumed
from assetstore.options import HEADERS
from assetstore.results import AssetInfo
from assetstore.store import AssetStore


def copy_between(
    source: AssetStore,
    key: str,
    destination: AssetStore,
    to: str | None = None,
    *,
    overwrite: bool = True,
    resume: bool | Resumed = False,
) -> AssetInfo:
    """Copy an asset to another store: its bytes, headers and metadata. The bytes stream through, and no disk holds them.

    Args:
        source: the store to read from.
        key: the asset.
        destination: the store to write to.
        to: the key there; by default the same.
        overwrite: ``False`` raises AlreadyExistsError when the key is taken.
        resume: as for ``AssetStore.upload``: the asset is read again, and only what is missing is sent.
    """
    with source.open(key) as reader:
        to = key if to is None else to
        return destination.upload(reader, to, **carried(reader.info), overwrite=overwrite, resume=resume)


def carried(info: AssetInfo) -> dict[str, Any]:
    """Return the keywords of ``upload`` that give a copy the headers and metadata of an asset."""
    return {name: value for name in HEADERS if (value := getattr(info, name)) is not None}
