"""A mirror: what is written goes to a second store too, which answers reads when the first cannot be reached.

::

    [stores.prod]
    url      = "r2://${R2_ACCOUNT_ID}/assets"
    wrappers = ["mirror"]

    [stores.prod.mirror]
    store      = "backup"          # a store of this file, or a URL
    on_failure = "log"             # "raise" is the default

The first store decides: an upload, copy or delete that it refuses never reaches the second. What it has done and the second
could not follow is an UnknownOutcomeError, or with ``on_failure = "log"`` a warning; then and after a kill between the two,
the stores differ until the write is repeated or ``assetstore sync prod: backup:`` has repaired the second. Of two writers of
one key at once, each store may keep another one's asset; sync repairs that too.

Reads, stats and listings come from the second only while the first raises UnavailableError, and may then be older than the
last write. An ETag is that of the store that answered. Only GET is signed: a signed PUT or DELETE would reach the first
store alone.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar, TypeVar

import attrs

from assetstore import AssetStore
from assetstore.plugin import (
    AssetInfo,
    AssetStoreError,
    AssetStream,
    CheckOptions,
    CheckReport,
    ConfigError,
    CopyOptions,
    DeleteFailure,
    DeleteOptions,
    DeleteReport,
    DownloadOptions,
    ListOptions,
    ListPage,
    NotFoundError,
    OtherStore,
    PresignedRequest,
    PresignOptions,
    ReadOptions,
    Source,
    StatOptions,
    UnavailableError,
    UnknownOutcomeError,
    UploadOptions,
    Wrapper,
    as_other_store,
    hookimpl,
    is_valid_key,
)
from assetstore_wrappers.copies import verified
from assetstore_wrappers.others import check_both, page_from, read_from

T = TypeVar("T")

_REPAIR = "repeat it, or let 'assetstore sync' repair the second store"

logger: logging.Logger = logging.getLogger("assetstore")


@attrs.define(eq=False)
class Mirror(Wrapper):
    """Writes to two stores, and reads from the second while the first cannot be reached.

    Attributes:
        store: the second store.
        on_failure: what happens when the first store has changed and the second could not follow: ``"raise"`` raises
            UnknownOutcomeError, ``"log"`` logs a warning.
    """

    supports: ClassVar[frozenset[str]] = frozenset(
        {"upload.*", "read.*", "list.*", "delete.*", "copy.*", "download.*"}
        | {f"presign.{name}" for name in ("expires", "window", "download_as", "content_type")}
    )
    # All but "url", "path" and "collect" are overridden, and there where the layer below has them.
    passes: ClassVar[frozenset[str]] = frozenset(
        {"copy", "download", "presign", "presign_many", "url", "path", "collect"}
    )

    store: OtherStore = attrs.field(kw_only=True, converter=as_other_store)
    on_failure: str = attrs.field(kw_only=True, default="raise")

    def __attrs_post_init__(self) -> None:
        if self.on_failure not in ("raise", "log"):
            raise ConfigError(f"on_failure must be 'raise' or 'log', got {self.on_failure!r}")

    @hookimpl
    def assetstore_upload(self, key: str, source: Source, options: UploadOptions) -> AssetInfo | None:
        """Upload to the first store, then the same bytes to the second. A one-shot stream is kept in between."""
        source.spool()
        info = self.inner.assetstore_upload(key=key, source=source, options=options)
        self._follow(key, lambda second: second.upload(source.open(), key, **options.given()))
        return info

    @hookimpl
    def assetstore_copy(self, source: str, destination: str, options: CopyOptions) -> AssetInfo | None:
        """Copy in both stores; what the second lacks is sent to it from the first."""
        info = self.inner.assetstore_copy(source=source, destination=destination, options=options)
        if info is not None:
            self._follow(destination, lambda second: self._copy_in(second, source, destination, options, info))
        return info

    def _copy_in(self, second: AssetStore, source: str, destination: str, options: CopyOptions, info: AssetInfo) -> None:
        headers = options.given()
        try:
            copied = second.copy(source, destination) if source != destination else second.stat(source)
            if not _differ(copied, info):
                if headers:
                    second.update(destination, **headers)
                return
        except NotFoundError:
            pass
        stream = self.inner.assetstore_read(key=destination, options=ReadOptions())
        if stream is not None:
            with verified(stream) as reader:
                second.upload(reader, destination, **stream.info.given())

    @hookimpl
    def assetstore_delete(self, keys: Sequence[str], options: DeleteOptions) -> DeleteReport | None:
        """Delete in the first store, then in the second what is gone from the first."""
        report = self.inner.assetstore_delete(keys=keys, options=options)
        if report is None:
            return None
        # A foreign key is deleted by the entry of a listing.
        gone = [key if is_valid_key(key) else AssetInfo(key=key, size=0, valid=False) for key in report.deleted]
        failed: dict[str, AssetStoreError] = {}
        try:
            failed = {failure.key: failure.error for failure in self.store.get().delete_many(gone).failed}
        except AssetStoreError as error:
            failed = dict.fromkeys(report.deleted, error)
        problems = {key: self._problem(key, error) for key, error in failed.items()}
        late = tuple(DeleteFailure(key=key, error=problem) for key, problem in problems.items() if problem is not None)
        deleted = tuple(key for key in report.deleted if problems.get(key) is None)
        return DeleteReport(deleted=deleted, failed=(*report.failed, *late))

    def _follow(self, key: str, work: Callable[[AssetStore], object]) -> None:
        """Let the second store do what the first has done.

        Raises:
            UnknownOutcomeError: it could not, and ``on_failure`` is ``"raise"``.
        """
        try:
            work(self.store.get())
        except AssetStoreError as error:
            problem = self._problem(key, error)
            if problem is not None:
                raise problem from error

    def _problem(self, key: str, error: AssetStoreError) -> UnknownOutcomeError | None:
        text = f"the first store has changed, and {self.store.name!r} could not follow: {error.message}"
        if self.on_failure == "raise":
            return UnknownOutcomeError(text, hint=_REPAIR)
        logger.warning("%r: %s; %s", key, text, _REPAIR)
        return None

    def _either(self, first: Callable[[], T], second: Callable[[AssetStore], T]) -> T:
        """Return what the first store answers, or the second if the first cannot be reached and the second answers."""
        try:
            return first()
        except UnavailableError as error:
            try:
                return second(self.store.get())
            except AssetStoreError as also:
                raise error from also

    @hookimpl
    def assetstore_read(self, key: str, options: ReadOptions) -> AssetStream | None:
        """Read from either; an ETag in ``if_match`` is that of the first store."""
        if options.if_match is not None:
            return self.inner.assetstore_read(key=key, options=options)
        return self._either(
            lambda: self.inner.assetstore_read(key=key, options=options), lambda second: read_from(second, key, options)
        )

    @hookimpl
    def assetstore_stat(self, key: str, options: StatOptions) -> AssetInfo | None:
        """Describe what either has."""
        return self._either(
            lambda: self.inner.assetstore_stat(key=key, options=options), lambda second: second.stat(key)
        )

    @hookimpl
    def assetstore_download(self, key: str, path: Path, options: DownloadOptions) -> AssetInfo | None:
        """Download from either."""

        def second(store: AssetStore) -> AssetInfo:
            with store.open(key) as reader, path.open("wb") as file:
                if options.checkpoint is not None:
                    options.checkpoint.forget()  # its notes are of the first store's bytes, which are gone now
                for chunk in reader.chunks():
                    file.write(chunk)
                    if options.progress is not None:
                        options.progress(len(chunk))
                return reader.info

        return self._either(lambda: self.inner.assetstore_download(key=key, path=path, options=options), second)

    @hookimpl
    def assetstore_list(self, prefix: str, options: ListOptions) -> ListPage | None:
        """List either; the next pages come from the store that listed the first one."""
        number, _, cursor = (options.cursor or "").partition(":")
        options = attrs.evolve(options, cursor=cursor or None)

        def first() -> ListPage | None:
            return _marked("1", self.inner.assetstore_list(prefix=prefix, options=options))

        def second(store: AssetStore) -> ListPage | None:
            return _marked("2", page_from(store, prefix, options))

        if number == "1":
            return first()
        return second(self.store.get()) if number == "2" else self._either(first, second)

    @hookimpl
    def assetstore_presign(self, key: str, options: PresignOptions) -> PresignedRequest | None:
        """Sign a GET of the first store; ``supports`` has no other method."""
        return self.inner.assetstore_presign(key=key, options=options)

    @hookimpl
    def assetstore_presign_many(self, keys: Sequence[str], options: PresignOptions) -> Sequence[PresignedRequest] | None:
        """Sign many at once."""
        return self.inner.assetstore_presign_many(keys=keys, options=options)

    @hookimpl
    def assetstore_check(self, options: CheckOptions) -> CheckReport | None:
        """Examine both stores."""
        return check_both(self.inner, self.store, options)

    @hookimpl
    def assetstore_close(self) -> None:
        """Close the second store."""
        self.store.close()


def _differ(one: AssetInfo, other: AssetInfo) -> bool:
    """Return whether two assets have other bytes, as far as their sizes tell, and their digests if these are of one kind."""
    kinds = [(info.digest or "").rpartition(":")[0] for info in (one, other)]
    return one.size != other.size or (kinds[0] == kinds[1] and one.digest != other.digest)


def _marked(number: str, page: ListPage | None) -> ListPage | None:
    if page is None or page.next_cursor is None:
        return page
    return attrs.evolve(page, next_cursor=f"{number}:{page.next_cursor}")
