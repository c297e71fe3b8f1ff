"""Mutants of the backend in memory that go wrong with listings, deletes, copies, conditions or claims."""

# ruff: noqa: D102 - the docstring of each class says what is wrong with it

from __future__ import annotations

import secrets
import time

import attrs

from assetstore import AlreadyExistsError, AssetInfo, DeleteReport
from assetstore.plugin import CollectReport, Container, DeleteOptions, Leftover, every, hookimpl
from assetstore.testing import MemoryBackend

TRIP = 0.2
"""Seconds that a request to a server takes, so long that other threads run meanwhile on a busy machine too."""


class ListsFolderByFolder(MemoryBackend):
    """Walks a tree, where ``a/b`` comes before ``a-b``."""

    @hookimpl
    def assetstore_list(self, prefix, options):
        page = super().assetstore_list(prefix, options)
        return attrs.evolve(page, items=tuple(sorted(page.items, key=lambda item: item.key.split("/"))))


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


class CollectsAssets(MemoryBackend):
    """Takes what nobody reads for left over."""

    supports = MemoryBackend.supports | every("collect") - {"collect.repair"}

    @hookimpl
    def assetstore_collect(self, options):
        found = [key for key in self._assets if options.remove and key.startswith(options.prefix)]
        super().assetstore_delete(found, DeleteOptions())
        return CollectReport(items=tuple(Leftover(kind="asset", name=key, removed=True) for key in found))


class ReportsOnlyWhatWasThere(MemoryBackend):
    """Leaves keys without an asset out of its report."""

    @hookimpl
    def assetstore_delete(self, keys, options):
        there = tuple(key for key in keys if key in self._assets)
        super().assetstore_delete(keys, options)
        return DeleteReport(deleted=there)


class ForgetsForeignKeys(MemoryBackend):
    """Claims to delete foreign keys and looks for them under their valid names."""

    @hookimpl
    def assetstore_delete(self, keys, options):
        return DeleteReport(deleted=tuple(keys)) if options.foreign else super().assetstore_delete(keys, options)


class CopiesBytesAlone(MemoryBackend):
    """Copies without headers and metadata."""

    @hookimpl
    def assetstore_copy(self, source, destination, options):
        data = self._find(source, options.if_match)[1]
        return self._write(destination, data, options.given(), overwrite=options.overwrite, if_match=None)


class MovesForCopies(MemoryBackend):
    """Renames where it should copy."""

    @hookimpl
    def assetstore_copy(self, source, destination, options):
        info = super().assetstore_copy(source, destination, options)
        del self._assets[source]
        return info


class TellsNothingOfCopies(MemoryBackend):
    """Answers for a copy what an empty answer says."""

    @hookimpl
    def assetstore_copy(self, source, destination, options):
        return attrs.evolve(super().assetstore_copy(source, destination, options), size=0)


class CopiesAnyVersion(MemoryBackend):
    """Claims ``if_match`` of a copy and drops it."""

    @hookimpl
    def assetstore_copy(self, source, destination, options):
        return super().assetstore_copy(source, destination, attrs.evolve(options, if_match=None))


class NamesItsPlaceAnew(MemoryBackend):
    """Calls its place by another name whenever it is asked for it."""

    @hookimpl
    def assetstore_container(self, options):
        return Container(service="memory", account="", name=secrets.token_hex())


class OverwritesOnCreateOnly(MemoryBackend):
    """Claims ``overwrite=False`` and drops it."""

    @hookimpl
    def assetstore_upload(self, key, source, options):
        return super().assetstore_upload(key, source, attrs.evolve(options, overwrite=True))


class DropsIfMatch(MemoryBackend):
    """Claims ``if_match`` of an upload and drops it."""

    @hookimpl
    def assetstore_upload(self, key, source, options):
        return super().assetstore_upload(key, source, attrs.evolve(options, if_match=None))


class ChecksThenWrites(MemoryBackend):
    """Asks whether a key is taken before it writes, and not while."""

    @hookimpl
    def assetstore_upload(self, key, source, options):
        if not options.overwrite and key in self._assets:
            raise AlreadyExistsError("the key is taken")
        time.sleep(TRIP)
        return super().assetstore_upload(key, source, attrs.evolve(options, overwrite=True))


class TakesSizesForVersions(MemoryBackend):
    """Makes an ETag of the size."""

    def _write(self, *arguments, **conditions):
        info = super()._write(*arguments, **conditions)
        info = attrs.evolve(info, etag=f"size-{info.size}")
        self._assets[info.key] = info, self._assets[info.key][1]
        return info


class LosesOthersWrites(MemoryBackend):
    """Reads an index, changes it and writes it back, whatever came between."""

    def _write(self, key, *rest, **conditions):
        before = dict(self._assets)
        info = super()._write(key, *rest, **conditions)
        after = {**before, key: self._assets[key]}
        time.sleep(TRIP)
        self._assets = after
        return info


class StopsABatchAtAFailure(MemoryBackend):
    """Lets the failure of one upload be that of all that are written at once."""

    @hookimpl
    def assetstore_upload_many(self, items, options):
        return [self.assetstore_upload(item.key, item.source, item.options) for item in items]


class MixesABatchUp(MemoryBackend):
    """Returns the results of a batch in another order."""

    @hookimpl
    def assetstore_upload_many(self, items, options):
        sized = sorted(items, key=lambda item: item.source.size)
        return [self.assetstore_upload(item.key, item.source, attrs.evolve(item.options, overwrite=True)) for item in sized]


class LeavesUrlsUnquoted(MemoryBackend):
    """Puts a key into a URL as it is."""

    @hookimpl
    def assetstore_url(self, key, options):
        return f"https://cdn.example/{key}"


class BoastsOfAnOption(MemoryBackend):
    """Claims what does not exist."""

    supports = MemoryBackend.supports | {"upload.acl"}


class MistypesAHook(MemoryBackend):
    """Declares a key to be bytes."""

    @hookimpl
    def assetstore_stat(self, key: bytes, options):
        return super().assetstore_stat(key, options)


class LeavesAProbe(MemoryBackend):
    """Writes to see whether it can, and does not tidy up."""

    @hookimpl
    def assetstore_check(self, options):
        self._write("probe", b"", {"metadata": None}, overwrite=True, if_match=None)
        return super().assetstore_check(options)
