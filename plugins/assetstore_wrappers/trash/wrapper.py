"""The wrapper: copies what is to be deleted into the trash, and then deletes it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import attrs

from assetstore.plugin import (
    AssetInfo,
    AssetStoreError,
    CopyOptions,
    DeleteFailure,
    DeleteOptions,
    DeleteReport,
    ListOptions,
    ListPage,
    NewAsset,
    NotFoundError,
    PreconditionError,
    PresignedRequest,
    PresignOptions,
    Source,
    StatOptions,
    StoreNotFoundError,
    UnsupportedError,
    UploadManyOptions,
    UploadOptions,
    Wrapper,
    hookimpl,
    is_valid_key,
    limits,
)
from assetstore_wrappers.copies import copied
from assetstore_wrappers.hidden import list_outside, require_outside
from assetstore_wrappers.threads import for_each
from assetstore_wrappers.trash.entries import FOLDER, KEY_NAME, is_long, new_entry, parse

ATTEMPTS = 3
"""How often an asset is copied that is replaced while it is deleted."""


@attrs.define(eq=False)
class Trash(Wrapper):
    """Moves deleted assets to ``.trash/``. Its functions and commands restore them, or delete them for good."""

    supports: ClassVar[frozenset[str]] = frozenset(
        {"upload.*", "upload_many.*", "list.*", "delete.*", "copy.*", "presign.*"}
    )
    passes: ClassVar[frozenset[str]] = frozenset(
        {"download", "url", "path", "check", "collect", "begin_parts", "list_parts", "end_parts", "application"}
        # These are overridden, and there where the layer below has them.
        | {"upload_many", "copy", "presign", "presign_many"}
    )

    @hookimpl
    def assetstore_upload(self, key: str, source: Source, options: UploadOptions) -> AssetInfo | None:
        """Write outside of the trash, and into it under the key of an entry, as a copy that is not native does."""
        if parse(key) is None:
            require_outside(FOLDER, key)
        return self.inner.assetstore_upload(key=key, source=source, options=options)

    @hookimpl
    def assetstore_upload_many(
        self, items: Sequence[NewAsset], options: UploadManyOptions
    ) -> Sequence[AssetInfo | Exception | None] | None:
        """Write outside of the trash, together where the layer below can."""
        if any(item.key.startswith(FOLDER) for item in items):
            return None
        return self.inner.assetstore_upload_many(items=items, options=options)

    @hookimpl
    def assetstore_copy(self, source: str, destination: str, options: CopyOptions) -> AssetInfo | None:
        """Copy anything to outside of the trash, and into it under the key of an entry."""
        if parse(destination) is None:
            require_outside(FOLDER, destination)
        return self.inner.assetstore_copy(source=source, destination=destination, options=options)

    @hookimpl
    def assetstore_list(self, prefix: str, options: ListOptions) -> ListPage | None:
        """List what is not in the trash, or what the prefix names there."""
        return list_outside(self.inner, FOLDER, prefix, options)

    @hookimpl
    def assetstore_delete(self, keys: Sequence[str], options: DeleteOptions) -> DeleteReport | None:
        """Copy each asset into the trash and delete it, those that are there already for good."""
        final = [key for key in keys if self._is_final(key, options)]
        kept = [key for key in keys if key not in set(final)]
        report = self.inner.assetstore_delete(keys=final, options=options) if final else DeleteReport()
        reports = [report, *for_each(kept, self._move).values()]
        return DeleteReport(
            deleted=tuple(key for each in reports if each for key in each.deleted),
            failed=tuple(failure for each in reports if each for failure in each.failed),
        )

    def _is_final(self, key: str, options: DeleteOptions) -> bool:
        # The bytes of direct uploads are no assets yet. What breaks the rules of keys could not be restored.
        return key.startswith((FOLDER, limits.PENDING)) or (options.foreign and not is_valid_key(key))

    def _move(self, key: str) -> DeleteReport | None:
        """Copy an asset into the trash and delete it at once: the longer it takes, the more could be written in between."""
        try:
            self._keep(key)
            return self.inner.assetstore_delete(keys=[key], options=DeleteOptions())
        except StoreNotFoundError:
            raise
        except NotFoundError:
            return DeleteReport(deleted=(key,))
        except AssetStoreError as error:
            return DeleteReport(failed=(DeleteFailure(key=key, error=error),))

    def _keep(self, key: str) -> None:
        """Copy an asset into the trash, and again if it was replaced meanwhile: no service can bind a delete to a version.

        Raises:
            PreconditionError: it was replaced again and again.
        """
        info = self.inner.assetstore_stat(key=key, options=StatOptions())
        for _ in range(ATTEMPTS):
            headers: dict[str, Any] = {}
            if is_long(key):
                headers = {"metadata": {**((info and info.metadata) or {}), KEY_NAME: key}}
            copied(self.inner, key, new_entry(key), CopyOptions(**headers))
            before, info = info, self.inner.assetstore_stat(key=key, options=StatOptions())
            if info is None or before is None or info.etag == before.etag:
                return
        raise PreconditionError("the asset was replaced again and again while it was deleted", hint="delete it again")

    @hookimpl
    def assetstore_presign(self, key: str, options: PresignOptions) -> PresignedRequest | None:
        """Sign what deletes nothing.

        Raises:
            UnsupportedError: a signed DELETE would go past the trash.
        """
        if options.method == "DELETE":
            raise UnsupportedError("a signed DELETE would go past the trash", hint="delete the asset through the store")
        if options.method == "PUT":
            require_outside(FOLDER, key)
        return self.inner.assetstore_presign(key=key, options=options)

    @hookimpl
    def assetstore_presign_many(self, keys: Sequence[str], options: PresignOptions) -> Sequence[PresignedRequest] | None:
        """Sign many reads at once."""
        if options.method not in ("GET", "HEAD"):
            return None
        return self.inner.assetstore_presign_many(keys=keys, options=options)

    @hookimpl
    def assetstore_commands(self) -> Sequence[Any]:
        """Offer ``trash list``, ``trash restore`` and ``trash empty``."""
        from assetstore_wrappers.trash.commands import commands  # click is for the command line alone

        return commands()
