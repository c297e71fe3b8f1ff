"""Moves one asset between stores, with its headers and metadata."""

from __future__ import annotations

from typing import Any

from assetstore.options import HEADERS
from assetstore.results import AssetInfo
from assetstore.store import AssetStore


def copy_between(
    source: AssetStore, key: str, destination: AssetStore, to: str | None = None, *, overwrite: bool = True
) -> AssetInfo:
    """Copy an asset to another store: its bytes, headers and metadata. The bytes stream through, and no disk holds them.

    Args:
        source: the store to read from.
        key: the asset.
        destination: the store to write to.
        to: the key there; by default the same.
        overwrite: ``False`` raises AlreadyExistsError when the key is taken.
    """
    with source.open(key) as reader:
        return destination.upload(reader, key if to is None else to, **carried(reader.info), overwrite=overwrite)


def carried(info: AssetInfo) -> dict[str, Any]:
    """Return the keywords of ``upload`` that give a copy the headers and metadata of an asset."""
    return {name: value for name in HEADERS if (value := getattr(info, name)) is not None}
