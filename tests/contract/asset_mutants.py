"""Mutants of the backend in memory that go wrong with keys, bytes or headers, each by one mistake that authors make."""

# ruff: noqa: D102 - the docstring of each class says what is wrong with it

from __future__ import annotations

import io
import tempfile
from pathlib import Path

import attrs

from assetstore import BackendError, NotFoundError
from assetstore.plugin import Source, hookimpl
from assetstore.testing import MemoryBackend


class MergesSlashes(MemoryBackend):
    """Tidies keys as paths are tidied."""

    def _find(self, key, if_match=None):
        return super()._find(key.replace("//", "/"), if_match)

    def _write(self, key, *rest, **conditions):
        return attrs.evolve(super()._write(key.replace("//", "/"), *rest, **conditions), key=key)


class FoldsCase(MemoryBackend):
    """Takes capitals for small letters, as some file systems do."""

    def _find(self, key, if_match=None):
        return super()._find(key.lower(), if_match)

    def _write(self, key, *rest, **conditions):
        return attrs.evolve(super()._write(key.lower(), *rest, **conditions), key=key)


class RefusesTheLongestKey(MemoryBackend):
    """Compares with ``>=`` where ``>`` is meant."""

    def _write(self, key, *rest, **conditions):
        if len(key.encode()) >= 1024:
            raise BackendError("the key is too long")
        return super()._write(key, *rest, **conditions)


class LosesTheTail(MemoryBackend):
    """Sends whole parts and forgets what is left over."""

    def _write(self, key, data, *rest, **conditions):
        kept = data if len(data) < 1 << 16 else data[: len(data) >> 16 << 16]
        return attrs.evolve(super()._write(key, kept, *rest, **conditions), size=len(data))


class CommitsAfterAnException(MemoryBackend):
    """Closes, in a ``finally``, a file that keeps what came so far."""

    @hookimpl
    def assetstore_upload(self, key, source, options):
        data = bytearray()
        try:
            for chunk in source.chunks(1000):
                data += chunk
        finally:
            info = super().assetstore_upload(key, Source(bytes(data)), options)
        return info


class KeepsOldMetadata(MemoryBackend):
    """Adds to what is stored where it should replace."""

    def _write(self, key, data, headers, **conditions):
        old = self._assets[key][0].metadata if key in self._assets else {}
        return super()._write(key, data, {**headers, "metadata": {**old, **(headers["metadata"] or {})}}, **conditions)


class TellsNaiveTimes(MemoryBackend):
    """Tells times without their zone."""

    @hookimpl
    def assetstore_stat(self, key, options):
        info = super().assetstore_stat(key, options)
        return attrs.evolve(info, last_modified=info.last_modified.replace(tzinfo=None))


class DropsMetadata(MemoryBackend):
    """Claims metadata and drops them."""

    @hookimpl
    def assetstore_upload(self, key, source, options):
        return super().assetstore_upload(key, source, attrs.evolve(options, metadata=None))


class KeepsLatinOnly(MemoryBackend):
    """Writes metadata as HTTP writes headers."""

    def _write(self, key, data, headers, **conditions):
        pairs = (headers["metadata"] or {}).items()
        latin = {name: text.encode("latin-1", "replace").decode("latin-1") for name, text in pairs}
        return super()._write(key, data, {**headers, "metadata": latin}, **conditions)


class ForgetsOnUpdate(MemoryBackend):
    """Replaces all headers when it should replace one."""

    @hookimpl
    def assetstore_copy(self, source, destination, options):
        if options.content_type is not None:
            options = attrs.evolve(options, cache_control=options.cache_control or "")
        return super().assetstore_copy(source, destination, options)


class LosesTheLastByte(MemoryBackend):
    """Takes the end of a range for its last byte, as HTTP does."""

    @hookimpl
    def assetstore_read(self, key, options):
        return super().assetstore_read(key, attrs.evolve(options, length=options.length and options.length - 1))


class TakesZeroForNone(MemoryBackend):
    """Asks whether a length is true."""

    @hookimpl
    def assetstore_read(self, key, options):
        return super().assetstore_read(key, attrs.evolve(options, length=options.length or None))


class TakesEmptyForMissing(MemoryBackend):
    """Asks whether bytes are true."""

    def _find(self, key, if_match=None):
        info, data = super()._find(key, if_match)
        if not data:
            raise NotFoundError("there is no such asset")
        return info, data


class LeaksItsOwnErrors(MemoryBackend):
    """Lets a KeyError pass for a missing asset."""

    def _find(self, key, if_match=None):
        self._assets[key]
        return super()._find(key, if_match)


class FreshBytes(io.BytesIO):
    """Fetches its bytes anew before each piece."""

    def __init__(self, fetch):
        super().__init__(fetch())
        self.fetch = fetch

    def read(self, size=-1):
        place = self.tell()
        super().__init__(self.fetch())
        self.seek(place)
        return super().read(size)


class MixesVersions(MemoryBackend):
    """Looks an asset up again for each piece of a stream."""

    @hookimpl
    def assetstore_read(self, key, options):
        stream = super().assetstore_read(key, options)
        body = FreshBytes(lambda: self._find(key)[1][options.offset :])
        # With a digest the store itself would find out.
        return attrs.evolve(stream, info=attrs.evolve(stream.info, digest=None), body=body)


class Connection(io.BytesIO):
    """Goes back to its pool at the end of its bytes."""

    def __init__(self, pool, data):
        super().__init__(data)
        self.pool = pool

    def read(self, size=-1):
        piece = super().read(size)
        if self.tell() == len(self.getbuffer()):
            self.pool.append(self)
        return piece


class LeaksReaders(MemoryBackend):
    """Gives no connection back when a reader is closed before its end."""

    @hookimpl
    def assetstore_read(self, key, options):
        pool = vars(self).setdefault("pool", [None] * 8)
        if not pool:
            raise BackendError("all connections are in use")
        pool.pop()
        stream = super().assetstore_read(key, options)
        return attrs.evolve(stream, body=Connection(pool, stream.body.read()))


class MarksEachRange(MemoryBackend):
    """Gives each range an ETag of its own."""

    @hookimpl
    def assetstore_read(self, key, options):
        stream = super().assetstore_read(key, attrs.evolve(options, if_match=None))
        etag = f"{stream.info.etag}-{options.offset}" if options.offset else stream.info.etag
        return attrs.evolve(stream, info=attrs.evolve(stream.info, etag=etag))


class RemembersInfos(MemoryBackend):
    """Describes a range by what it once knew of the asset."""

    @hookimpl
    def assetstore_read(self, key, options):
        known = vars(self).setdefault("known", {})
        stream = super().assetstore_read(key, attrs.evolve(options, if_match=None))
        if not options.offset:
            known[key] = stream.info
        return attrs.evolve(stream, info=known.get(key, stream.info))


class LeavesNotesBeside(MemoryBackend):
    """Notes how far a download came, in a file that stays beside it."""

    @hookimpl
    def assetstore_download(self, key, path, options):
        if options.checkpoint is not None:
            path.with_name("notes").write_text("0")
        return super().assetstore_download(key, path, options)


class KeepsAnOldFile(MemoryBackend):
    """Writes the file of an asset when it is first asked for, and never again."""

    @hookimpl
    def assetstore_path(self, key, options):
        if "folder" not in vars(self):
            vars(self)["folder"] = tempfile.TemporaryDirectory(prefix="mutant-")
        path = Path(vars(self)["folder"].name, key.replace("/", "-"))
        if not path.exists():
            path.write_bytes(self._find(key)[1])
        return path

    @hookimpl
    def assetstore_close(self):
        if "folder" in vars(self):
            vars(self).pop("folder").cleanup()
