"""Downloads, copies and local files: natively where the backend can, otherwise by reading and uploading."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

from assetstore.content.atomic_file import writing_errors
from assetstore.content.read_ahead import OpenRun
from assetstore.content.reader import AssetReader
from assetstore.content.source import Source
from assetstore.errors import IntegrityError, UnsupportedError
from assetstore.operation import Operation
from assetstore.options import (
    CopyOptions,
    DownloadOptions,
    PathOptions,
    Progress,
    ReadOptions,
    UploadOptions,
    require_progress,
)
from assetstore.results import AssetInfo, AssetStream
from assetstore.stack import Stack

_SUFFIX = re.compile(r"(?:\.\w{1,16}){0,2}\Z", re.ASCII)
"""What programs look at in the name of a file, for example ``.png`` or ``.tar.gz``."""


def open_reader(stack: Stack, key: str, options: ReadOptions) -> AssetReader:
    """Return a verifying reader that emits no event of its own."""
    stream = stack.read(key, options)
    return AssetReader(stream, on_close=lambda *_: None, explain=lambda _: None, blame=stack.blamed)


def run_opener(stack: Stack, operation: Operation, offset: int, etag: str | None) -> OpenRun:
    """Return what opens a run of a range that begins at ``offset``, of the version with this ETag, for a read.

    Where a backend does not honour ``length``, the run is longer; where it does not honour ``if_match``, of any version.
    """
    key = str(operation.full_key)
    bounded, pinned = ("read.length" in stack.supports, "read.if_match" in stack.supports)

    def open_run(start: int, length: int) -> AssetStream:
        if_match = etag if pinned else None
        options = ReadOptions(offset=offset + start, length=length if bounded else None, if_match=if_match)
        return operation.run(stack.read, key, options)

    return open_run


def gains_by_ranges(stack: Stack) -> bool:
    """Return whether reading several ranges of one version at a time is possible, and faster; that of a file is not."""
    return {"read.offset", "read.length", "read.if_match"} <= stack.supports and not stack.has("path")


@contextlib.contextmanager
def passing(progress: Progress | None) -> Iterator[Progress | None]:
    """Yield the caller's own function; what it raises leaves the block as it is, whatever it became on its way."""
    require_progress(progress)
    raised: list[BaseException] = []

    def report(count: int) -> None:
        try:
            progress(count)  # type: ignore[misc]  # not called without one
        except BaseException as error:
            raised.append(error)
            raise

    try:
        yield progress and report
    except BaseException as error:
        if raised and error is not raised[0]:
            raise raised[0] from None
        raise


def download(stack: Stack, key: str, path: Path, options: DownloadOptions) -> AssetInfo:
    """Fill the empty file at ``path``, natively where the backend can."""
    info = stack.download(key, path, options)
    if info is not None:
        if path.stat().st_size != info.size:
            raise IntegrityError(f"{path.stat().st_size} of {info.size} bytes arrived", hint="download it again")
        return info
    with open_reader(stack, key, ReadOptions()) as reader, path.open("wb") as file:
        for chunk in reader.chunks():
            file.write(chunk)
            if options.progress is not None:
                options.progress(len(chunk))
        return reader.info


def local_file(stack: Stack, key: str, exits: contextlib.ExitStack) -> tuple[Path, int]:
    """Return a file with the bytes of an asset, and how many were fetched for it.

    It is the backend's own file, if there is one whose name ends as the key does; otherwise a copy, which ``exits`` removes.
    """
    found = _SUFFIX.search(key)
    suffix = found.group() if found else ""
    with contextlib.suppress(UnsupportedError):
        path = stack.path(key, PathOptions())
        if path.name.endswith(suffix):
            return path, 0
    import tempfile  # slow to load, and needed for copies alone

    with writing_errors("a temporary copy"):
        folder = tempfile.TemporaryDirectory(prefix="assetstore-", ignore_cleanup_errors=True)
        path = Path(exits.enter_context(folder), f"asset{suffix}")
        path.touch()
        info = download(stack, key, path, DownloadOptions())
        path.chmod(0o400)
    return path, info.size


def copy(stack: Stack, source: str, destination: str, options: CopyOptions) -> AssetInfo:
    """Copy natively, or by reading and uploading where the backend cannot copy with these options.

    Raises:
        UnsupportedError: an asset is to be copied onto itself with ``if_match``, which the store cannot guard.
    """
    if source == destination and options.if_match is not None:
        stack.require_swap()
    return stack.copy(source, destination, options) or _copy_through(stack, source, destination, options)


def _copy_through(stack: Stack, source: str, destination: str, options: CopyOptions) -> AssetInfo:
    # Refuse before reading what the upload would refuse after it.
    asked = {name: value for name, value in options.given().items() if value}
    stack.require("upload", UploadOptions(overwrite=options.overwrite, **asked))
    with open_reader(stack, source, ReadOptions(if_match=options.if_match)) as reader:
        # Drop headers that the backend reports but cannot store: this store did not write them.
        headers = {
            name: value for name, value in options.applied_to(reader.info).items() if f"upload.{name}" in stack.supports
        }
        onto_itself = source == destination
        # Overwrite only the version that was read.
        swaps = onto_itself and options.overwrite and "upload.if_match" in stack.supports
        if_match = reader.info.etag if swaps else None
        upload_options = UploadOptions(overwrite=options.overwrite, if_match=if_match, **headers)
        with Source(reader) as opened:
            if onto_itself:
                opened.spool()
            return stack.upload(destination, opened, upload_options)
