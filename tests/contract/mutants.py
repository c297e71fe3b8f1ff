"""Mutants of the backend in memory, each with one mistake that an author makes by accident; see ``test_mutants.py``."""

# ruff: noqa: D102 - the docstring of each class says what is wrong with it

from __future__ import annotations

import io
import time

import attrs
import pytest

from assetstore import AlreadyExistsError, AssetInfo, BackendError, DeleteReport, NotFoundError, Source, hookimpl
from assetstore.testing import MemoryBackend
from assetstore.testing.contract import BackendContract

TRIP = 0.01  # seconds that a request to a server takes, in which other threads run


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


class HidesErrorsOfSources(MemoryBackend):
    """Takes whatever is raised for a failure of its own."""

    @hookimpl
    def assetstore_upload(self, key, source, options):
        try:
            return super().assetstore_upload(key, source, options)
        except RuntimeError as error:
            raise BackendError("the upload failed") from error


class KeepsOldMetadata(MemoryBackend):
    """Adds to what is stored where it should replace."""

    def _write(self, key, data, headers, **conditions):
        old = self._assets[key][0].metadata if key in self._assets else {}
        return super()._write(key, data, {**headers, "metadata": {**old, **(headers["metadata"] or {})}}, **conditions)


class TellsNaiveTimes(MemoryBackend):
    """Tells times without their zone."""

    def _write(self, *arguments, **conditions):
        info = super()._write(*arguments, **conditions)
        return attrs.evolve(info, last_modified=info.last_modified.replace(tzinfo=None))

    @hookimpl
    def assetstore_stat(self, key, options):
        info = super().assetstore_stat(key, options)
        return attrs.evolve(info, last_modified=info.last_modified.replace(tzinfo=None))


class DropsMetadata(MemoryBackend):
    """Claims metadata and drops them."""

    @hookimpl
    def assetstore_upload(self, key, source, options):
        return super().assetstore_upload(key, source, attrs.evolve(options, metadata=None))


class DropsAHeader(MemoryBackend):
    """Claims Content-Language and drops it."""

    def _write(self, key, data, headers, **conditions):
        return super()._write(key, data, {**headers, "content_language": None}, **conditions)


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


class MixesVersions(MemoryBackend):
    """Looks an asset up again for each piece of a stream."""

    class Body(io.BytesIO):
        def read(self, size=-1):
            self.seek(start := self.tell())
            self.truncate()
            self.write(self.find()[start:])
            self.seek(start)
            return super().read(size)

    @hookimpl
    def assetstore_read(self, key, options):
        stream = super().assetstore_read(key, options)
        body = self.Body()
        body.find = lambda: self._find(key)[1][options.offset :]
        return attrs.evolve(stream, info=attrs.evolve(stream.info, digest=None), body=body)


class LeaksReaders(MemoryBackend):
    """Gives a connection back at the end of its bytes, and not when a reader is closed before."""

    class Body(io.BytesIO):
        def read(self, size=-1):
            piece = super().read(size)
            if self.tell() == len(self.getbuffer()):
                self.pool.append(self)
            return piece

    @hookimpl
    def assetstore_read(self, key, options):
        pool = vars(self).setdefault("pool", [None] * 8)
        if not pool:
            raise BackendError("all connections are in use")
        pool.pop()
        stream = super().assetstore_read(key, options)
        body = self.Body(stream.body.read())
        body.pool = pool
        return attrs.evolve(stream, body=body)


class ListsFolderByFolder(MemoryBackend):
    """Walks a tree, where ``a/b`` comes before ``a-b``."""

    @hookimpl
    def assetstore_list(self, prefix, options):
        page = super().assetstore_list(prefix, options)
        return attrs.evolve(page, items=tuple(sorted(page.items, key=lambda item: item.key.split("/"))))


class QuotesListings(MemoryBackend):
    """Asks for listings in URL encoding and forgets to decode them."""

    @hookimpl
    def assetstore_list(self, prefix, options):
        page = super().assetstore_list(prefix, options)
        return attrs.evolve(page, items=tuple(attrs.evolve(item, key=item.key.replace(" ", "+")) for item in page.items))


class TakesPrefixesForFolders(MemoryBackend):
    """Puts a slash behind a prefix that has none."""

    @hookimpl
    def assetstore_list(self, prefix, options):
        return super().assetstore_list(prefix if prefix.endswith("/") or not prefix else f"{prefix}/", options)


class StartsAtAndNotBehind(MemoryBackend):
    """Includes the key that a listing is to start behind."""

    @hookimpl
    def assetstore_list(self, prefix, options):
        page = super().assetstore_list(prefix, options)
        first = self._assets.get(options.start_after) if options.cursor is None else None
        return attrs.evolve(page, items=(first[0], *page.items)) if first else page


class LosesPages(MemoryBackend):
    """Does not look whether a listing was cut off."""

    @hookimpl
    def assetstore_list(self, prefix, options):
        return attrs.evolve(super().assetstore_list(prefix, options), next_cursor=None)


class CountsPages(MemoryBackend):
    """Goes on at the n-th entry, another one when assets went meanwhile."""

    @hookimpl
    def assetstore_list(self, prefix, options):
        start = int(options.cursor or 0)
        page = super().assetstore_list(prefix, attrs.evolve(options, cursor=None, limit=start + options.limit))
        entries = sorted((*page.items, *page.prefixes), key=lambda entry: entry.key)[start:]
        items = tuple(entry for entry in entries if isinstance(entry, AssetInfo))
        prefixes = tuple(entry for entry in entries if not isinstance(entry, AssetInfo))
        cursor = page.next_cursor and str(start + options.limit)
        return attrs.evolve(page, items=items, prefixes=prefixes, next_cursor=cursor)


class CountsNoPrefixes(MemoryBackend):
    """Limits the assets of a page and not its prefixes."""

    @hookimpl
    def assetstore_list(self, prefix, options):
        page = super().assetstore_list(prefix, options)
        beyond = super().assetstore_list(prefix, attrs.evolve(options, limit=10**6)).prefixes
        return attrs.evolve(page, prefixes=beyond)


class GuessesInListings(MemoryBackend):
    """Fills in what a listing does not know."""

    @hookimpl
    def assetstore_list(self, prefix, options):
        page = super().assetstore_list(prefix, options)
        guess = "application/octet-stream"
        return attrs.evolve(page, items=tuple(attrs.evolve(item, content_type=guess) for item in page.items))


class RefusesToDeleteTwice(MemoryBackend):
    """Complains about what is already gone."""

    @hookimpl
    def assetstore_delete(self, keys, options):
        for key in keys:
            self._find(key)
        return super().assetstore_delete(keys, options)


class DeletesWhatIsBelow(MemoryBackend):
    """Removes a key as a folder is removed."""

    @hookimpl
    def assetstore_delete(self, keys, options):
        below = [other for other in self._assets if other.startswith(tuple(f"{key}/" for key in keys))]
        super().assetstore_delete(below, options)
        return super().assetstore_delete(keys, options)


class ReportsOnlyWhatWasThere(MemoryBackend):
    """Leaves keys without an asset out of its report."""

    @hookimpl
    def assetstore_delete(self, keys, options):
        there = tuple(key for key in keys if key in self._assets)
        super().assetstore_delete(keys, options)
        return DeleteReport(deleted=there)


class CopiesBytesAlone(MemoryBackend):
    """Copies without headers and metadata."""

    @hookimpl
    def assetstore_copy(self, source, destination, options):
        data = self._find(source, options.if_match)[1]
        headers = {name: getattr(options, name) for name in HEADERS}
        return self._write(destination, data, headers, overwrite=options.overwrite, if_match=None)
