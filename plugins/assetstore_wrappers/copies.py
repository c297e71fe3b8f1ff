"""Copies of assets between the layers below a wrapper."""

from __future__ import annotations

import contextlib

from assetstore.plugin import AssetInfo, AssetReader, AssetStream, CopyOptions, Hooks, ReadOptions, Source, UploadOptions


def copied(inner: Hooks, source: str, destination: str, options: CopyOptions) -> AssetInfo | None:
    """Copy an asset in the layer below, natively where that can, else by reading and uploading."""
    info = inner.assetstore_copy(source=source, destination=destination, options=options)
    if info is not None:
        return info
    stream = inner.assetstore_read(key=source, options=ReadOptions(if_match=options.if_match))
    if stream is None:
        return None
    with verified(stream) as reader, contextlib.closing(Source(reader)) as opened:
        headers = options.applied_to(stream.info)
        upload = UploadOptions(overwrite=options.overwrite, **headers)
        return inner.assetstore_upload(key=destination, source=opened, options=upload)


def verified(stream: AssetStream) -> AssetReader:
    """Return a reader that verifies the bytes of an asset before it gives the last of them."""
    return AssetReader(stream, on_close=lambda *_: None, explain=lambda _: None)
