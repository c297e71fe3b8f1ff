"""Finds the files that interrupted downloads left beside their targets, and removes them on request."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from datetime import UTC, datetime

import attrs

from assetstore.content.atomic_file import PART_NAME
from assetstore.errors import AccessDeniedError, AssetStoreError, BackendError, InvalidOptionError
from assetstore.options import CollectOptions
from assetstore.results import CollectReport, Leftover

# File systems know times that datetime does not.
_LATEST = datetime(9999, 1, 1, tzinfo=UTC).timestamp()


def collect(folder: str, options: CollectOptions) -> CollectReport:
    """Return the leftovers of downloads in a folder and all folders below it that are old enough; links are not followed.

    Raises:
        InvalidOptionError: it is not a folder.
    """
    if not os.path.isdir(folder):
        raise InvalidOptionError(f"{folder!r} must be a folder", hint="name the folder that assets were downloaded to")
    return CollectReport(items=tuple(_leftovers(folder, options)))


def _leftovers(folder: str, options: CollectOptions) -> Iterator[Leftover]:
    unreadable: list[OSError] = []
    for above, _, names in os.walk(folder, onerror=unreadable.append):
        for name in filter(PART_NAME.fullmatch, sorted(names)):
            with contextlib.suppress(FileNotFoundError):
                yield from _leftover(os.path.join(above, name), options)
    for error in unreadable:
        if isinstance(error, FileNotFoundError):
            # It was removed meanwhile.
            continue
        yield Leftover(kind="unreadable folder", name=str(error.filename), error=_explained(error))


def _leftover(path: str, options: CollectOptions) -> Iterator[Leftover]:
    status = os.lstat(path)
    modified = datetime.fromtimestamp(min(max(status.st_mtime, 0), _LATEST), UTC)
    if not stat.S_ISREG(status.st_mode) or not options.are_met(modified):
        return
    item = Leftover(kind="unfinished download", name=path, size=status.st_size, modified=modified)
    if options.remove:
        try:
            os.unlink(path)
        except FileNotFoundError:
            return
        except OSError as error:
            yield attrs.evolve(item, error=_explained(error))
            return
    yield attrs.evolve(item, removed=options.remove)


def _explained(cause: OSError) -> AssetStoreError:
    kind = AccessDeniedError if isinstance(cause, PermissionError) else BackendError
    error = kind(f"the file system refused: {cause.strerror}", hint="check the owner and the mode of the folder")
    error.__cause__ = cause
    return error
