"""Mutants of the backend in memory, each with one mistake that an author makes by accident; see ``test_mutants.py``."""

# ruff: noqa: D102 - each class says what is wrong with it

from __future__ import annotations

import functools
import io
import time
from datetime import datetime

import attrs
import pytest

from assetstore import AssetInfo, AssetStream, BackendError, DeleteReport, ListOptions, ListPage, NotFoundError, Source, hookimpl
from assetstore.hookspecs import OPTIONAL, REQUIRED
from assetstore.models import CheckOptions, CopyOptions
from assetstore.testing import MemoryBackend
from assetstore.testing.contract import BackendContract


class MergesKeys(MemoryBackend):
    """Tidies keys as paths are tidied."""

    def _find(self, key, if_match=None):
        return super()._find(key.replace("//", "/"), if_match)

    def _write(self, key, *rest, **conditions):
        return super()._write(key.replace("//", "/"), *rest, **conditions)


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


class QuotesListings(MemoryBackend):
    """Asks for listings in URL encoding and forgets to decode one."""

    @hookimpl
    def assetstore_list(self, prefix, options):
        page = super().assetstore_list(prefix, options)
        return attrs.evolve(page, items=tuple(attrs.evolve(item, key=item.key.replace(" ", "+")) for item in page.items))


class ListsUnsorted(MemoryBackend):
    """Sorts as JavaScript and Java do: by UTF-16."""

    @hookimpl
    def assetstore_list(self, prefix, options):
        page = super().assetstore_list(prefix, options)
        return attrs.evolve(page, items=tuple(sorted(page.items, key=lambda item: item.key.encode("utf-16-be"))))


class TakesPrefixesForFolders(MemoryBackend):
    """Puts a slash behind a prefix that has none."""

    @hookimpl
    def assetstore_list(self, prefix, options):
        return super().assetstore_list(prefix if prefix.endswith("/") or not prefix else f"{prefix}/", options)


class LosesThePagesBehindTheFirst(MemoryBackend):
    """Does not look whether a listing was cut off."""

    @hookimpl
    def assetstore_list(self, prefix, options):
        return attrs.evolve(super().assetstore_list(prefix, options), next_cursor=None)


class CountsPages(MemoryBackend):
    """Has a number for a cursor, and skips when something before it goes."""

    @hookimpl
    def assetstore_list(self, prefix, options):
        start = int(options.cursor or 0)
        page = super().assetstore_list(prefix, attrs.evolve(options, cursor=None, limit=10**6))
        entries = sorted((*page.items, *page.prefixes), key=lambda entry: entry.key)[start : start + options.limit]
        end = start + len(entries)
        items = tuple(entry for entry in entries if isinstance(entry, AssetInfo))
        prefixes = tuple(entry for entry in entries if not isinstance(entry, AssetInfo))
        return ListPage(items=items, prefixes=prefixes, next_cursor=str(end) if len(entries) == options.limit else None)


class StartsAtAndNotAfter(MemoryBackend):
    """Gives the key itself too that a listing is to start behind."""

    @hookimpl
    def assetstore_list(self, prefix, options):
        start = options.start_after and options.start_after[:-1] + chr(ord(options.start_after[-1]) - 1) + "\U0010fffd"
        return super().assetstore_list(prefix, attrs.evolve(options, start_after=start))


class LosesTheLastByte(MemoryBackend):
    """Takes the end of a range for its last byte, as HTTP does."""

    @hookimpl
    def assetstore_read(self, key, options):
        return super().assetstore_read(key, attrs.evolve(options, length=options.length and options.length - 1))


class TakesZeroForNone(MemoryBackend):
    """Asks for the truth of a length."""

    @hookimpl
    def assetstore_read(self, key, options):
        return super().assetstore_read(key, attrs.evolve(options, length=options.length or None))


class TakesEmptyForMissing(MemoryBackend):
    """Asks for the truth of bytes."""

    @hookimpl
    def assetstore_read(self, key, options):
        stream = super().assetstore_read(key, options)
        if not stream.info.size:
            raise NotFoundError("there is no such asset")
        return stream


class MixesVersions(MemoryBackend):
    """Looks the asset up again for each piece of a stream."""

    @hookimpl
    def assetstore_read(self, key, options):
        stream = super().assetstore_read(key, options)
        body = io.BytesIO()
        body.read = lambda size=-1: self._find(key)[1][options.offset :][body.seek(0, 1) : body.seek(max(size, 0), 1)]
        return attrs.evolve(stream, body=body)


class LeaksReaders(MemoryBackend):
    """Has ten connections, and gives one back only at the end of its bytes."""

    used = 0

    @hookimpl
    def assetstore_read(self, key, options):
        if self.used == 10:
            raise BackendError("all connections are in use")
        stream = super().assetstore_read(key, options)
        self.used += 1
        return attrs.evolve(stream, body=Connection(self, stream.body, stream.length))


class DropsMetadata(MemoryBackend):
    """Says that it keeps metadata."""

    @hookimpl
    def assetstore_upload(self, key, source, options):
        return super().assetstore_upload(key, source, attrs.evolve(options, metadata=None))


class KeepsLatinOnly(MemoryBackend):
    """Encodes metadata as HTTP headers are."""

    def _write(self, key, data, headers, **conditions):
        pairs = (headers["metadata"] or {}).items()
        metadata = {name: text.encode("latin-1", "replace").decode("latin-1") for name, text in pairs}
        return super()._write(key, data, {**headers, "metadata": metadata}, **conditions)


class DropsAHeader(MemoryBackend):
    """Says that it keeps Content-Language."""

    def _write(self, key, data, headers, **conditions):
        return super()._write(key, data, {**headers, "content_language": None}, **conditions)


class ForgetsOnUpdate(MemoryBackend):
    """Replaces all headers when one is to be replaced."""

    @hookimpl
    def assetstore_copy(self, source, destination, options):
        if options.content_type is not None:
            options = attrs.evolve(options, **{name: getattr(options, name) or "" for name in HEADERS}, metadata=options.metadata or {})
        return super().assetstore_copy(source, destination, options)


class OverwritesOnCreateOnly(MemoryBackend):
    """Drops ``overwrite=False``."""

    @hookimpl
    def assetstore_upload(self, key, source, options):
        return super().assetstore_upload(key, source, attrs.evolve(options, overwrite=True))
