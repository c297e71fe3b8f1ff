"""``R2AssetManager``: the older class of that name, its methods and results, over a store."""

from __future__ import annotations

import dataclasses
import logging
import threading
from datetime import UTC, datetime
from os import PathLike
from types import TracebackType
from typing import Any, Self, cast

from assetstore import (
    AssetStore,
    AssetStoreError,
    ConfigError,
    Event,
    Hooks,
    NameOptions,
    NotFoundError,
    PerProcess,
    SourceError,
    StatsOptions,
    category_of,
    guess_content_type,
)
from assetstore.models import Method
from assetstore_r2.settings import R2Settings, default_plugins, find_settings

NOT_CONFIGURED = "R2 configuration missing or invalid"

logger = logging.getLogger("assetstore_r2")


@dataclasses.dataclass
class UploadResult:
    """What became of an upload.

    Attributes:
        success: whether the file is stored.
        url: the public URL where ``R2_PUBLIC_URL`` is set, otherwise a signed one, hidden in the repr, that lasts an hour.
        error: what went wrong.
        file_size: bytes stored.
        file_key: the key to keep; unlike a signed URL it does not end.
    """

    success: bool
    url: str | None = None
    error: str | None = None
    file_size: int = 0
    file_key: str | None = None

    def __repr__(self) -> str:
        shown = dataclasses.asdict(self) | {"url": "***" if self.url and "?" in self.url else self.url}
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in shown.items())})"


@dataclasses.dataclass
class DownloadResult:
    """What became of a download.

    Attributes:
        success: whether the file is there, whole and verified.
        local_path: where it is.
        error: what went wrong; a file that was there before is then as it was.
        file_size: its bytes.
    """

    success: bool
    local_path: str | None = None
    error: str | None = None
    file_size: int = 0


class R2AssetManager:
    """Uploads, downloads and looks after files in one bucket of R2, whose settings are read anew at each use.

    No method raises for what goes wrong with the store, the network or the settings: it logs to ``assetstore_r2`` and returns
    a result without success, ``None``, ``False`` or an empty list. Objects are safe to share between threads and usable
    after a fork.

    Example::

        manager = R2AssetManager({"R2_ENABLED": False})
        assert manager.upload_file("keep.webp", "images").error == "R2 configuration missing or invalid"
    """

    def __init__(self, settings: object = None) -> None:
        """Take the settings from a mapping or an object; without one from where ``find_settings`` looks.

        Raises:
            PluginError: the naming or the stats plugin is not installed, or is disabled.
        """
        self._settings = settings
        # They outlive the store, so that counts do not begin anew when a setting changes.
        self._plugins = default_plugins()
        self._naming, self._stats = (cast(Hooks, plugin) for _, plugin in self._plugins)
        self._lock = PerProcess(threading.Lock)
        self._opened: tuple[R2Settings, AssetStore] | None = None

    def is_r2_configured(self) -> bool:
        """Tell whether R2 is enabled and its settings are complete and well-formed; nothing is sent."""
        try:
            self._open()
        except _NotConfiguredError as error:
            logger.log(error.level, "%s", error)
            return False
        return True

    def upload_file(self, file_path: str | PathLike[str], file_type: str | None = None) -> UploadResult:
        """Store a file under a new key, as ``generate_file_key`` makes them."""
        with _Attempt("Upload", file_path) as attempt:
            settings, store = self._open("upload")
            if not isinstance(file_path, str | PathLike):
                raise SourceError(f"a path is a str or PathLike, not {type(file_path).__name__}")
            info = store.upload(file_path, category=_category(file_type))
            logger.info("Uploaded %r as %r, %d bytes", str(file_path), info.key, info.size)
            url = self._address(settings, store, info.key)
            return UploadResult(success=True, url=url, file_size=info.size, file_key=info.key)
        return UploadResult(success=False, error=attempt.error)

    def download_file(self, file_key: str, local_path: str | PathLike[str]) -> DownloadResult:
        """Write an asset to a file that appears whole and verified, or not at all; missing folders are made."""
        with _Attempt("Download", file_key) as attempt:
            _, store = self._open("download")
            info = store.download(file_key, local_path)
            logger.info("Downloaded %r to %r, %d bytes", file_key, str(local_path), info.size)
            return DownloadResult(success=True, local_path=str(local_path), file_size=info.size)
        return DownloadResult(success=False, error=attempt.error)

    def get_presigned_url(self, file_key: str, expiration: int = 3600) -> str | None:
        """Return a URL that anyone can read the asset by for ``expiration`` seconds, at most 604,800; ``None`` on failure."""
        return self.generate_presigned_url(file_key, expiration=expiration)

    def get_link(self, file_key: str, expiration: int = 3600) -> str | None:
        """Do what ``get_presigned_url`` does, under its older name."""
        return self.get_presigned_url(file_key, expiration)

    def generate_presigned_url(self, key: str, method: str = "GET", expiration: int = 3600) -> str | None:
        """Return a URL for one method, GET, HEAD, PUT or DELETE, also as boto3 names it: ``get_object``.

        It lasts ``expiration`` seconds, 1 to 604,800; ``None`` is returned on failure. The asset need not exist.
        """
        with _Attempt("Signing", key):
            _, store = self._open("presign")
            verb = cast(Method, method.upper().removesuffix("_OBJECT"))
            return store.presign(key, method=verb, expires=expiration).url
        return None

    def get_object_info(self, file_key: str) -> dict[str, Any] | None:
        """Return key, size, last_modified (aware UTC), content_type, etag and metadata of an asset, or ``None``."""
        with _Attempt("Lookup", file_key):
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
        """Tell whether there is an asset; ``False`` also when that could not be found out, and an error is then logged."""
        with _Attempt("Lookup", key):
            _, store = self._open("exists")
            return store.exists(key)
        return False

    def list_objects(self, prefix: str = "", max_keys: int = 1000) -> list[dict[str, Any]]:
        """Return key, size, last_modified and etag of at most ``max_keys`` assets, in the order of their keys.

        An empty list may mean a failure: then, and only then, an error is logged.
        """
        with _Attempt("Listing", prefix):
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
        with _Attempt("Delete", file_key):
            _, store = self._open("delete")
            store.delete(file_key)
            logger.info("Deleted %r", file_key)
            return True
        return False

    def get_object_bytes(self, key: str, max_bytes: int) -> bytes | None:
        """Return the bytes of an asset, verified; ``None`` on failure, and for one that is larger than ``max_bytes``."""
        with _Attempt("Read", key):
            _, store = self._open("read")
            with store.open(key, length=max_bytes) as reader:
                if reader.info.size <= max_bytes:
                    return reader.read()
                logger.error("Read of %r failed: it has %d bytes, more than %d", key, reader.info.size, max_bytes)
        return None

    def promote_file(self, source_key: str, destination_key: str, *, overwrite: bool = True) -> bool:
        """Move an asset to another key inside the bucket, its headers and metadata with it.

        The original is deleted once the copy stands, so that a promotion that broke off can be repeated. With
        ``overwrite=False`` it fails where the destination is taken.
        """
        with _Attempt("Promotion", source_key):
            _, store = self._open("move")
            store.move(source_key, destination_key, overwrite=overwrite)
            logger.info("Promoted %r to %r", source_key, destination_key)
            return True
        return False

    def generate_file_key(self, filename: str | PathLike[str], file_type: str | None = None) -> str:
        """Return a new key, as ``images/20250618_143022_a1b2c3d4_keep.webp``; settings are not needed for it.

        Args:
            filename: the file's name or path, of which the last part is used.
            file_type: what the key begins with; left out, images, videos, audio, documents or other, by the file's suffix.

        Raises:
            InvalidOptionError: no key can begin with ``file_type``.
        """
        kind = guess_content_type(str(filename))
        category = _category(file_type)
        options = NameOptions(
            content_type=kind, category=category_of(kind) if category is None else category, size=None, digest=str
        )
        proposed = self._naming.assetstore_name(filename=str(filename), options=options)
        return cast(str, proposed.key) if proposed is not None else str(filename)

    def add_pending_upload(self, file_path: str | PathLike[str], file_type: str) -> None:
        """Log the request and do nothing else; ``upload_file`` uploads."""
        logger.warning("Pending upload of %r as %r was requested; nothing is uploaded", str(file_path), file_type)

    def get_stats(self) -> dict[str, dict[str, float]]:
        """Return ``{"uploads": {"count", "bytes", "errors", "seconds"}, "downloads": …, …}`` since this object was made.

        What failed because R2 was not configured is counted among the errors.
        """
        stats = self._stats.assetstore_stats(options=StatsOptions()) or {}
        return {group: dict(values) for group, values in stats.items()}

    def reset_stats(self) -> None:
        """Set all counts to zero."""
        self._stats.assetstore_reset_stats(options=StatsOptions())
