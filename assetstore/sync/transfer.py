"""Moves one asset between stores, with its headers and metadata: inside the service where it can, otherwise through here."""

from __future__ import annotations

import contextlib
import os
from typing import Any

import attrs

from assetstore.content.checkpoint import Resumed
from assetstore.errors import (
    AssetStoreError,
    IntegrityError,
    InvalidOptionError,
    NotFoundError,
    PreconditionError,
    UnknownOutcomeError,
    UnsupportedError,
)
from assetstore.options import HEADERS, CopyOptions, Progress
from assetstore.results import AssetInfo
from assetstore.store import AssetStore
from assetstore.sync.compare import difference
from assetstore.sync.contents import MTIME

_ATTEMPTS = 3


def copy_between(
    source: AssetStore,
    key: str,
    destination: AssetStore,
    to: str | None = None,
    *,
    overwrite: bool = True,
    if_match: str | None = None,
    times: bool = False,
    resume: bool | Resumed = False,
    progress: Progress | None = None,
) -> AssetInfo:
    """Copy an asset to another store with its headers and metadata, and return what is stored there.

    Where both stores are one service, which may copy from one to the other, it does. Otherwise the bytes stream through, and
    no disk holds them: a small asset takes one request on each side, a large one is read and written in parts, several at a
    time. One version is copied; if it is replaced meanwhile, the copy begins again. The bytes are compared with the digest
    that the source knows, and the destination's size and digest with the source's.

    Args:
        source: the store to read from.
        key: the asset.
        destination: the store to write to.
        to: the key there; by default the same.
        overwrite: ``False`` raises AlreadyExistsError when the key is taken.
        if_match: the ETag that the source must have; PreconditionError otherwise.
        times: whether the time of the source's last change becomes the metadata ``mtime``, unless it has one.
        resume: as for ``AssetStore.upload``: the asset is read again, and only what is missing is sent.
        progress: called with the number of bytes copied since its last call.

    Raises:
        InvalidOptionError: source and destination are one asset; nothing was sent.
        UnsupportedError: the destination cannot store a header of the source.
        PreconditionError: the source was replaced again and again while it was copied.
        IntegrityError: what was read or stored is not what the source is.
    """
    to = key if to is None else to
    return Transfer(source, key, destination, to, "copy", overwrite, if_match, times, resume, progress).run()[1]


def copy_over(
    source: AssetStore,
    key: str,
    destination: AssetStore,
    *,
    overwrite: bool,
    replaces: str | None,
    times: bool,
    resume: bool | Resumed,
    progress: Progress | None,
) -> AssetInfo:
    """Copy an asset as ``copy_between`` does; ``replaces`` is the ETag of the version that it may replace.

    No service binds its own copy to what that replaces, so the destination is looked at right before.

    Raises:
        PreconditionError: the destination has another version.
    """
    return Transfer(source, key, destination, key, "copy", overwrite, None, times, resume, progress, replaces).run()[1]


def move_between(
    source: AssetStore,
    key: str,
    destination: AssetStore,
    to: str | None = None,
    *,
    overwrite: bool = True,
    if_match: str | None = None,
    times: bool = False,
    resume: bool | Resumed = False,
    progress: Progress | None = None,
) -> AssetInfo:
    """Copy an asset to another store as ``copy_between`` does, then delete the original if it is still what was copied.

    No service can bind a delete to a version, so the original is looked at right before: what somebody writes to its key
    in the moment between the look and the delete is lost.

    Raises:
        UnknownOutcomeError: the copy is there, and the original could not be deleted, or was replaced meanwhile.
    """
    to = key if to is None else to
    moved, stored = Transfer(source, key, destination, to, "move", overwrite, if_match, times, resume, progress).run()
    assert moved is not None
    delete_moved(source, moved, to, destination.name)
    return stored


def delete_moved(source: AssetStore, moved: AssetInfo, to: str, store: str | None) -> None:
    """Delete the original of an asset that was copied as ``to``, for errors in ``store``, if it is still this version.

    Raises:
        UnknownOutcomeError: it could not be deleted, or was replaced meanwhile.
    """
    key = moved.key
    try:
        if not _is_one_version(source.stat(key), moved):
            raise PreconditionError("it was replaced after it was copied")
        source.delete(key)
    except NotFoundError:
        pass  # somebody has deleted it
    except AssetStoreError as error:
        raise UnknownOutcomeError(
            f"{key!r} of {source.name} was copied and could not be deleted: {error.message}",
            hint=f"delete {key!r} of {source.name} to finish the move, or move it again if it was replaced",
            op="move",
            key=to,
            store=store,
        ) from error


def carried(info: AssetInfo, *, times: bool = False) -> dict[str, Any]:
    """Return the keywords of ``upload`` that give a copy the headers and metadata of an asset, and none that it lacks."""
    headers = {name: value for name in HEADERS if (value := getattr(info, name)) is not None}
    headers |= {"metadata": with_mtime(info)} if times else {}
    return {"content_encoding": "", **headers}  # the name of the key may tell of one


def with_mtime(info: AssetInfo) -> dict[str, str]:
    """Return the metadata of an asset with the time of its last change, unless they have one."""
    metadata = dict(info.metadata or {})
    if info.last_modified is not None:
        metadata.setdefault(MTIME, f"{info.last_modified.timestamp():.6f}".rstrip("0").rstrip("."))
    return metadata


def refuse_itself(source: AssetStore, key: str, destination: AssetStore, to: str, op: str) -> None:
    """Refuse an asset as its own destination, whatever the names of the stores are; nothing is sent.

    Raises:
        InvalidOptionError: both are one asset.
        InvalidKeyError: one of the keys is not valid.
    """
    file = _file_of(source, key)
    # One folder may lie in the other.
    is_one_file = file is not None and file == _file_of(destination, to)
    if is_one_file or source._has_asset_of(key, destination, to):  # noqa: SLF001 - only stores know their places
        raise InvalidOptionError(
            f"{key!r} of {source.name} must not be its own destination",
            hint="choose another key or store; update changes headers in place",
            op=op,
            key=to,
            store=destination.name,
        )


def is_file_of(store: AssetStore | None, key: str, path: str) -> bool:
    """Return whether a store keeps an asset in this very file; another hard link is another file."""
    return store is not None and _file_of(store, key) == os.path.realpath(path)


def _file_of(store: AssetStore, key: str) -> str | None:
    with contextlib.suppress(NotFoundError, UnsupportedError):
        return os.path.realpath(store.path(key)) if store.can("path") else None
    return None


@attrs.frozen
class Transfer:
    """The copy of one asset; the arguments are those of ``copy_between``, and ``op`` is ``copy`` or ``move``.

    ``replaces`` is the ETag that the destination must have.
    """

    source: AssetStore
    key: str
    destination: AssetStore
    to: str
    op: str
    overwrite: bool
    if_match: str | None
    times: bool
    resume: bool | Resumed
    progress: Progress | None
    replaces: str | None = None

    def run(self) -> tuple[AssetInfo | None, AssetInfo]:
        """Return the version that was copied, which for a move is always known, and what is stored now."""
        refuse_itself(self.source, self.key, self.destination, self.to, self.op)
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return self._inside() or self._through()
            except PreconditionError:
                if self.if_match is not None or attempt == _ATTEMPTS or not self._has_what_it_replaces():
                    raise
        raise AssertionError  # the last attempt returns or raises

    def _inside(self) -> tuple[AssetInfo | None, AssetInfo] | None:
        """Let the service copy; return ``None`` if it cannot or refuses."""
        options = CopyOptions(overwrite=self.overwrite, if_match=self.if_match)
        bound = self.destination._copies_from(self.source, options)  # noqa: SLF001 - only stores know their places
        if bound is None:
            return None
        if not self._has_what_it_replaces():
            raise PreconditionError("another program wrote it meanwhile", hint="copy it again", key=self.to)
        info = None
        if self.op == "move" or self.times:
            info = self.source.stat(self.key)
            bound = attrs.evolve(
                bound, if_match=self.if_match or info.etag, metadata=with_mtime(info) if self.times else None
            )
        stored = self.destination._copy_from(self.source, self.key, self.to, bound)  # noqa: SLF001 - as above
        if stored is None:
            return None
        self._verify(info or stored, stored)
        if self.progress is not None:
            self.progress(stored.size)
        return info, stored

    def _through(self) -> tuple[AssetInfo, AssetInfo]:
        """Read the asset and upload its bytes as they come."""
        with self.source._open_whole(self.key, self.if_match) as reader:  # noqa: SLF001 - nobody else reads all of it so
            info = reader.info
            headers = carried(info, times=self.times)
            headers |= {"overwrite": self.overwrite, "if_match": self.replaces, "resume": self.resume}
            stored = self.destination.upload(reader, self.to, **headers, progress=self.progress)
        self._verify(info, stored)
        return info, stored

    def _has_what_it_replaces(self) -> bool:
        if self.replaces is None:
            return True
        with contextlib.suppress(NotFoundError):
            return self.destination.stat(self.to).etag == self.replaces
        return False

    def _verify(self, info: AssetInfo, stored: AssetInfo) -> None:
        if (error := unequal(info, stored, self.source)) is not None:
            error.op, error.key, error.store = self.op, self.to, self.destination.name
            raise error


def unequal(info: AssetInfo, stored: AssetInfo, source: AssetStore) -> IntegrityError | None:
    """Return the error for a copy that has another size or digest than the asset; ``None`` if it has not."""
    fact = difference(info, stored)
    if fact not in ("size", "digest"):
        return None  # a copy is as new as it was written
    return IntegrityError(f"the copy has another {fact} than {info.key!r} of {source.name}", hint="copy it again")


def _is_one_version(one: AssetInfo, other: AssetInfo) -> bool:
    return (one.etag, one.size, one.last_modified) == (other.etag, other.size, other.last_modified)
