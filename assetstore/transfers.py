"""How a store moves bytes, natively where its backend can and by reading and uploading where it cannot."""

from __future__ import annotations

import contextlib
from pathlib import Path

from assetstore.errors import IntegrityError
from assetstore.models import AssetInfo, CopyOptions, DownloadOptions, ReadOptions, UploadOptions
from assetstore.readers import AssetReader
from assetstore.relay import Relay
from assetstore.sources import Source

_HEADERS = ("content_type", "cache_control", "content_disposition", "content_language", "metadata")


def open_reader(relay: Relay, key: str, options: ReadOptions) -> AssetReader:
    """Return a verifying reader that ends in no event of its own."""
    return AssetReader(relay.read(key, options), on_close=lambda *_: None, explain=lambda _: None)


def upload(relay: Relay, key: str, source: Source, options: UploadOptions) -> AssetInfo:
    """Upload, and compare what the backend says it stored with what it took.

    Raises:
        IntegrityError: the sizes differ.
    """
    info = relay.upload(key, source, options)
    sent = source.taken if source.size is None else source.size
    if info.size != sent:
        raise IntegrityError(f"{sent} bytes were sent and {info.size} stored", hint="upload it again")
    return info


def download(relay: Relay, key: str, path: Path, options: DownloadOptions) -> AssetInfo:
    """Fill the empty file at ``path``, natively where the backend can."""
    info = relay.download(key, path, options)
    if info is not None:
        if path.stat().st_size != info.size:
            raise IntegrityError(f"{path.stat().st_size} of {info.size} bytes arrived", hint="download it again")
        return info
    with open_reader(relay, key, ReadOptions()) as reader, path.open("wb") as file:
        for chunk in reader.chunks():
            file.write(chunk)
            if options.progress is not None:
                options.progress(len(chunk))
        return reader.info


def copy(relay: Relay, source: str, destination: str, options: CopyOptions) -> AssetInfo:
    """Copy natively, or by reading and uploading where the backend cannot or not with these options."""
    return relay.copy(source, destination, options) or _copy_through(relay, source, destination, options)


def _copy_through(relay: Relay, source: str, destination: str, options: CopyOptions) -> AssetInfo:
    asked = {name: value for name in _HEADERS if (value := getattr(options, name)) is not None}
    # What the upload would refuse is refused before anything is read.
    relay.require("upload", UploadOptions(overwrite=options.overwrite, **{k: v for k, v in asked.items() if v}))
    with open_reader(relay, source, ReadOptions(if_match=options.if_match)) as reader:
        kept = {name: getattr(reader.info, name) for name in _HEADERS if f"upload.{name}" in relay.supports}
        headers = {name: value for name, value in {**kept, **asked}.items() if value}
        onto_itself = source == destination
        # What was read is written back only over the version that it came from.
        swaps = onto_itself and options.overwrite and "upload.if_match" in relay.supports
        if_match = reader.info.etag if swaps else None
        upload_options = UploadOptions(overwrite=options.overwrite, if_match=if_match, **headers)
        with contextlib.closing(Source(reader.chunks())) as opened:
            if onto_itself:
                opened.spool()
            return upload(relay, destination, opened, upload_options)
