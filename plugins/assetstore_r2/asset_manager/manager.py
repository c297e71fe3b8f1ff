"""``R2AssetManager``: the methods and results of the older class, on top of a store."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from os import PathLike
from pathlib import Path
from typing import Any, cast

from assetstore import AssetStore
from assetstore.plugin import (
    ConfigError,
    Event,
    Hooks,
    Method,
    NameOptions,
    PerProcess,
    StatsOptions,
    category_of,
    default_plugins,
    guess_content_type,
)
from assetstore_r2.asset_manager.results import (
    NOT_CONFIGURED,
    Attempt,
    DownloadResult,
    NotConfiguredError,
    UploadResult,
)
from assetstore_r2.asset_manager.settings import R2Settings, find_settings

logger = logging.getLogger("assetstore_r2")


class R2AssetManager:
    """Uploads, downloads and manages files in one R2 bucket. Each call reads the settings anew.

    No method raises an error of the store, the network or the settings: it logs the error once, to ``assetstore_r2``, and
    returns a result without success, ``None``, ``False`` or an empty list. Objects are safe to share between threads and
    usable after a fork.

    Example::

        manager = R2AssetManager({"R2_ENABLED": False})
        assert manager.upload_file("keep.webp", "images").error == "R2 configuration missing or invalid"
    """

    def __init__(self, settings: object = None) -> None:
        """Take the settings from a mapping or an object; by default ``find_settings`` looks for them.

        Raises:
            PluginError: the naming or the stats plugin is not installed, or is disabled.
        """
        # A closure, so that a dump of this object's attributes shows no secret.
        self._find: Callable[[], R2Settings] = lambda: find_settings(settings)
        # They outlive the store, so that a change of settings does not reset the counts.
        self._plugins = default_plugins()
        self._naming = cast(Hooks, self._plugins["naming"])
        self._stats = cast(Hooks, self._plugins["stats"])
        self._lock = PerProcess(threading.Lock)
        self._opened: tuple[R2Settings, AssetStore] | None = None

    def is_r2_configured(self) -> bool:
        """Return whether R2 is enabled and its settings are complete and well-formed; nothing is sent."""
        try:
            self._open()
        except NotConfiguredError as error:
            # Without a cause the settings are right, and R2 is disabled.
            logger.log(logging.WARNING if error.__cause__ else logging.INFO, "%s: %s", NOT_CONFIGURED, error)
            return False
        return True

    def upload_file(self, file_path: str | PathLike[str], file_type: str | None = None) -> UploadResult:
        """Store a file under a new key, made as by ``generate_file_key``."""
        with Attempt("Upload", file_path) as attempt:
            settings, store = self._open("upload")
            # A Path, because a store takes bytes as the content itself.
            info = store.upload(Path(file_path), category=_category(file_type))
            logger.info("Uploaded %r as %r, %d bytes", str(file_path), info.key, info.size)
            url = self._address(settings, store, info.key)
            return UploadResult(success=True, url=url, file_size=info.size, file_key=info.key)
        return UploadResult(success=False, error=attempt.error)

    def download_file(self, file_key: str, local_path: str | PathLike[str]) -> DownloadResult:
        """Write an asset to a file that appears whole and verified, or not at all; create missing folders."""
        with Attempt("Download", file_key) as attempt:
            _, store = self._open("download")
            info = store.download(file_key, local_path)
            logger.info("Downloaded %r to %r, %d bytes", file_key, str(local_path), info.size)
            return DownloadResult(success=True, local_path=str(local_path), file_size=info.size)
        return DownloadResult(success=False, error=attempt.error)

    def get_presigned_url(self, file_key: str, expiration: int = 3600) -> str | None:
        """Return a URL that reads the asset without credentials for ``expiration`` seconds, 1 to 604,800, or ``None``."""
        return self.generate_presigned_url(file_key, expiration=expiration)

    def get_link(self, file_key: str, expiration: int = 3600) -> str | None:
        """Return a URL as ``get_presigned_url`` does; this is its older name."""
        return self.get_presigned_url(file_key, expiration)

    def generate_presigned_url(self, key: str, method: str = "GET", expiration: int = 3600) -> str | None:
        """Return a URL for GET, HEAD, PUT or DELETE; boto3's names, for example ``get_object``, are accepted too.

        It lasts ``expiration`` seconds, 1 to 604,800; ``None`` is returned on failure. The asset need not exist.
        """
        with Attempt("Signing", key):
            _, store = self._open("presign")
            verb = cast(Method, method.upper().removesuffix("_OBJECT"))
            return store.presign(key, method=verb, expires=expiration).url
        return None

    def get_object_info(self, file_key: str) -> dict[str, Any] | None:
        """Return key, size, last_modified (aware UTC), content_type, etag and metadata of an asset, or ``None``."""
        with Attempt("Lookup", file_key):
            _, store = self._open("stat")
            info = store.stat(file_key)
            return {
                "key": info.key,
                "size": info.size,
                "last_modified": info.last_modified,
                "content_type": info.content_type,
                "etag": info.etag,
                "metadata": dict(info.metadata or {}),
            }
        return None

    def object_exists(self, key: str) -> bool:
        """Return whether there is an asset; a failure is logged as an error and returns ``False`` too."""
        with Attempt("Lookup", key):
            _, store = self._open("exists")
            return store.exists(key)
        return False

    def list_objects(self, prefix: str = "", max_keys: int = 1000) -> list[dict[str, Any]]:
        """Return key, size, last_modified and etag of at most ``max_keys`` assets, in the order of their keys.

        An empty list may mean a failure: then, and only then, an error is logged.
        """
        with Attempt("Listing", prefix):
            _, store = self._open("list")
            found = [
                {"key": info.key, "size": info.size, "last_modified": info.last_modified, "etag": info.etag}
                for info in store.list(prefix, limit=max_keys)
            ]
            logger.info("Listed %d assets under %r", len(found), prefix)
            return found
        return []

    def delete_file(self, file_key: str) -> bool:
        """Delete an asset; one that is not there counts as deleted."""
        with Attempt("Delete", file_key):
            _, store = self._open("delete")
            store.delete(file_key)
            logger.info("Deleted %r", file_key)
            return True
        return False

    def get_object_bytes(self, key: str, max_bytes: int) -> bytes | None:
        """Return the bytes of an asset, verified; ``None`` on failure, and for one that is larger than ``max_bytes``."""
        with Attempt("Read", key):
            _, store = self._open("read")
            with store.open(key, length=max_bytes) as reader:
                if reader.info.size <= max_bytes:
                    return reader.read()
                logger.error("Read of %r failed: it has %d bytes, more than %d", key, reader.info.size, max_bytes)
        return None

    def promote_file(self, source_key: str, destination_key: str, *, overwrite: bool = True) -> bool:
        """Move an asset, with its headers and metadata, to another key in the bucket.

        The original is deleted after the copy, so an interrupted promotion can be repeated. With ``overwrite=False`` it
        fails if the destination is taken.
        """
        with Attempt("Promotion", source_key):
            _, store = self._open("move")
            store.move(source_key, destination_key, overwrite=overwrite)
            logger.info("Promoted %r to %r", source_key, destination_key)
            return True
        return False

    def generate_file_key(self, filename: str | PathLike[str], file_type: str | None = None) -> str:
        """Return a new key, for example ``images/20250618_143022_a1b2c3d4_keep.webp``; no settings are needed.

        Args:
            filename: the file's name or path; only the last part is used.
            file_type: the start of the key; by default images, videos, audio, documents or other, depending on the suffix.

        Raises:
            InvalidOptionError: no key can begin with ``file_type``.
        """
        kind = guess_content_type(str(filename))
        category = _category(file_type) or category_of(kind)
        # The default scheme needs no digest.
        options = NameOptions(content_type=kind, category=category, size=None, digest=str)
        proposed = self._naming.assetstore_name(filename=str(filename), options=options)
        assert proposed is not None
        return proposed.key

    def add_pending_upload(self, file_path: str | PathLike[str], file_type: str) -> None:
        """Log the request and do nothing else; ``upload_file`` uploads."""
        logger.warning("Pending upload of %r as %r was requested; nothing is uploaded", str(file_path), file_type)

    def get_stats(self) -> dict[str, dict[str, float]]:
        """Return ``{"uploads": {"count", "bytes", "errors", "seconds"}, "downloads": …, …}`` since this object was made.

        Calls that failed because R2 was not configured count as errors.
        """
        stats = self._stats.assetstore_stats(options=StatsOptions()) or {}
        return {group: dict(values) for group, values in stats.items()}

    def reset_stats(self) -> None:
        """Set all counts to zero."""
        self._stats.assetstore_reset_stats(options=StatsOptions())

    def _open(self, op: str | None = None) -> tuple[R2Settings, AssetStore]:
        """Return the current settings and their store, which is opened again when they change.

        Raises:
            NotConfiguredError: there is no store; the operation ``op`` is counted as failed.
        """
        try:
            return self._current()
        except ConfigError as error:
            if op is not None:
                self._stats.assetstore_event(event=_failed(op, error))
            raise

    def _current(self) -> tuple[R2Settings, AssetStore]:
        try:
            found = self._find()
            if found.enabled:
                with self._lock.get():
                    if self._opened is None or self._opened[0] != found:
                        # The previous store stays open, because other threads may still use it.
                        self._opened = found, AssetStore(("r2", found.backend()), plugins=[*self._plugins.items()])
                    return self._opened
        except ConfigError as error:
            raise NotConfiguredError(error.message, hint=error.hint) from error
        raise NotConfiguredError("R2_ENABLED is not true")

    def _address(self, settings: R2Settings, store: AssetStore, key: str) -> str | None:
        # A failure to build the URL must not fail the upload.
        with Attempt("Signing", key):
            return store.url(key) if settings.public_url else store.presign(key).url
        return None


def _category(file_type: str | None) -> str | None:
    return (file_type or "").strip("/") or None


def _failed(op: str, error: Exception) -> Event:
    return Event(
        op=op,
        key=None,
        store="r2",
        bytes=0,
        seconds=0.0,
        outcome="error",
        error=type(error).__name__,
        attempts=1,
        time=datetime.now(UTC),
    )
