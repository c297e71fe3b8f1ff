"""The wrapper: asks the layer below first, then the store behind."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import ClassVar

import attrs

from assetstore.plugin import (
    AlreadyExistsError,
    AssetInfo,
    AssetStoreError,
    AssetStream,
    CheckOptions,
    CheckReport,
    CopyOptions,
    DeleteFailure,
    DeleteOptions,
    DeleteReport,
    InvalidKeyError,
    ListOptions,
    ListPage,
    NewAsset,
    NotFoundError,
    OtherStore,
    ReadOptions,
    Source,
    StatOptions,
    StoreNotFoundError,
    UploadManyOptions,
    UploadOptions,
    Wrapper,
    as_other_store,
    hookimpl,
    is_valid_key,
)
from assetstore_wrappers.hidden import require_outside
from assetstore_wrappers.others import check_both, read_from
from assetstore_wrappers.read_through.merged import MARKS, list_both
from assetstore_wrappers.threads import for_each


@attrs.define(eq=False)
class ReadThrough(Wrapper):
    """Reads from another store what is missing here, and writes here alone.

    Attributes:
        store: the store behind. Nothing is ever written to it.
        fill: whether an asset that is read whole is kept here.
    """

    supports: ClassVar[frozenset[str]] = frozenset(
        {"upload.*", "upload_many.*", "read.*", "list.*", "delete.*", "copy.*"}
    )
    # "upload_many" and "copy" are overridden, and there where the layer below has them.
    passes: ClassVar[frozenset[str]] = frozenset({"upload_many", "copy", "collect"})

    store: OtherStore = attrs.field(kw_only=True, converter=as_other_store)
    fill: bool = attrs.field(kw_only=True, default=False)

    @hookimpl
    def assetstore_read(self, key: str, options: ReadOptions) -> AssetStream | None:
        """Read what is here, else what is behind; keep that if it is read whole and is to be kept."""
        try:
            return self.inner.assetstore_read(key=key, options=options)
        except StoreNotFoundError:
            raise
        except NotFoundError:
            self._require_not_deleted(key)
        if self.fill and options.offset == 0 and options.length is None and self._filled(key, options):
            return self.inner.assetstore_read(key=key, options=ReadOptions())
        with _as_of_this_store():
            return read_from(self.store.get(), key, options)

    def _filled(self, key: str, options: ReadOptions) -> bool:
        """Copy an asset from behind; return whether it is here now. It can be read all the same if it is not."""
        with _as_of_this_store():
            reader = self.store.get().open(key, if_match=options.if_match)
        with reader:
            try:
                # The reader verifies the bytes before it gives the last of them.
                with contextlib.closing(Source(reader)) as source:
                    given = UploadOptions(overwrite=False, **reader.info.given())
                    return self.inner.assetstore_upload(key=key, source=source, options=given) is not None
            except AlreadyExistsError:
                return True
            except AssetStoreError:
                return False

    @hookimpl
    def assetstore_stat(self, key: str, options: StatOptions) -> AssetInfo | None:
        """Describe what is here, else what is behind."""
        try:
            return self.inner.assetstore_stat(key=key, options=options)
        except StoreNotFoundError:
            raise
        except NotFoundError:
            self._require_not_deleted(key)
        with _as_of_this_store():
            return self.store.get().stat(key)

    @hookimpl
    def assetstore_list(self, prefix: str, options: ListOptions) -> ListPage | None:
        """Merge both listings; those of the marks are of this store alone."""
        if prefix.startswith(MARKS):
            return self.inner.assetstore_list(prefix=prefix, options=options)
        return list_both(self.inner, self.store.get(), prefix, options)

    @hookimpl
    def assetstore_upload(self, key: str, source: Source, options: UploadOptions) -> AssetInfo | None:
        """Write here; the conditions hold for what is behind too."""
        require_outside(MARKS, key)
        if (not options.overwrite or options.if_match is not None) and not self._is_here(key):
            behind = self._behind(key)
            if behind is not None and not options.overwrite:
                raise AlreadyExistsError(
                    f"the key is taken in {self.store.name!r}", hint="choose another key or allow overwriting"
                )
            if behind is not None and behind.etag == options.if_match:
                options = attrs.evolve(options, if_match=None, overwrite=False)
        return self.inner.assetstore_upload(key=key, source=source, options=options)

    @hookimpl
    def assetstore_upload_many(
        self, items: Sequence[NewAsset], options: UploadManyOptions
    ) -> Sequence[AssetInfo | Exception | None] | None:
        """Write here what has no condition, together where the layer below can."""
        if any(not item.options.overwrite or item.options.if_match or item.key.startswith(MARKS) for item in items):
            return None
        return self.inner.assetstore_upload_many(items=items, options=options)

    @hookimpl
    def assetstore_copy(self, source: str, destination: str, options: CopyOptions) -> AssetInfo | None:
        """Copy what is here; what is behind is left to the store, which reads it and uploads it here."""
        require_outside(MARKS, destination)
        if not self._is_here(source):
            return None
        if not options.overwrite and not self._is_here(destination) and self._behind(destination) is not None:
            raise AlreadyExistsError(f"the key is taken in {self.store.name!r}", hint="choose another key")
        return self.inner.assetstore_copy(source=source, destination=destination, options=options)

    @hookimpl
    def assetstore_delete(self, keys: Sequence[str], options: DeleteOptions) -> DeleteReport | None:
        """Mark what is behind as deleted, then delete what is here. In this order a kill between shows nothing again."""
        errors = for_each([key for key in keys if is_valid_key(key) and not key.startswith(MARKS)], self._mark)
        failed = tuple(DeleteFailure(key=key, error=error) for key, error in errors.items() if error is not None)
        left = [key for key in keys if errors.get(key) is None]
        report = self.inner.assetstore_delete(keys=left, options=options) if left else DeleteReport()
        return report and attrs.evolve(report, failed=(*report.failed, *failed))

    def _mark(self, key: str) -> AssetStoreError | None:
        """Hide what is behind; return why that failed."""
        try:
            if self._behind(key) is not None:
                if not is_valid_key(MARKS + key):
                    raise InvalidKeyError(f"the key is too long to be deleted: it is in {self.store.name!r}")
                with contextlib.closing(Source(b"")) as nothing:
                    self.inner.assetstore_upload(key=MARKS + key, source=nothing, options=UploadOptions())
        except AssetStoreError as error:
            return error
        return None

    @hookimpl
    def assetstore_check(self, options: CheckOptions) -> CheckReport | None:
        """Examine both stores."""
        return check_both(self.inner, self.store, options)

    @hookimpl
    def assetstore_close(self) -> None:
        """Close the store behind."""
        self.store.close()

    def _behind(self, key: str) -> AssetInfo | None:
        """Return what a reader would see behind if nothing were here."""
        try:
            self._require_not_deleted(key)
            return self.store.get().stat(key)
        except StoreNotFoundError:
            raise
        except NotFoundError:
            return None

    def _require_not_deleted(self, key: str) -> None:
        """Raise NotFoundError if the asset behind was deleted here, or is of the wrapper's own."""
        if key.startswith(MARKS) or (is_valid_key(MARKS + key) and self._is_here(MARKS + key)):
            raise NotFoundError("there is no such asset")

    def _is_here(self, key: str) -> bool:
        try:
            return self.inner.assetstore_stat(key=key, options=StatOptions()) is not None
        except StoreNotFoundError:
            raise
        except NotFoundError:
            return False


@contextlib.contextmanager
def _as_of_this_store() -> Iterator[None]:
    """Have an asset that is missing behind missing in this store, which the error names then."""
    try:
        yield
    except StoreNotFoundError:
        raise
    except NotFoundError as error:
        raise NotFoundError(error.message) from error
