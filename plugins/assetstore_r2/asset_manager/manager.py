"""``R2AssetManager``: the methods and results of the older class, on top of a store."""

from __future__ import annotations

import functools
import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from os import PathLike
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, cast

import attrs

from assetstore import AssetStore
from assetstore.plugin import (
    AlreadyExistsError,
    ConfigError,
    Event,
    Hooks,
    InvalidOptionError,
    Method,
    NameOptions,
    NotFoundError,
    PerProcess,
    StatsOptions,
    category_of,
    default_plugins,
    guess_content_type,
    limits,
)
from assetstore_r2.asset_manager.results import (
    NOT_CONFIGURED,
    Attempt,
    DownloadResult,
    NotConfiguredError,
    UploadResult,
)
from assetstore_r2.asset_manager.settings import R2Settings, find_settings
from assetstore_r2.backend import R2Backend
from assetstore_r2.presign import public_url

P = ParamSpec("P")
T = TypeVar("T")

logger: logging.Logger = logging.getLogger("assetstore_r2")


def _also_key(method: Callable[P, T]) -> Callable[P, T]:
    """Let callers write ``key=`` for ``file_key=``, as earlier versions had it."""

    @functools.wraps(method)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        if "key" in kwargs and "file_key" not in kwargs:
            kwargs["file_key"] = kwargs.pop("key")
        return method(*args, **kwargs)

    return call


@attrs.frozen
class _Opened:
    """The store that some settings describe, and its backend."""

    settings: R2Settings
    backend: R2Backend
    store: AssetStore

    def url(self, key: str) -> str:
        """Return the public URL of an asset or, without ``R2_PUBLIC_URL``, its unsigned address at the endpoint."""
        base = self.settings.public_url or f"{self.backend.client.meta.endpoint_url.rstrip('/')}/{self.backend.bucket}"
        return public_url(base, key)


class R2AssetManager:
    """Uploads, downloads and manages files in one R2 bucket. Each call reads the settings anew.

    ``get_object_bytes`` and ``s3_client`` raise errors of the store, the network or the settings. Every other method logs
    the error once, to ``assetstore_r2``, and returns a result without success, ``None``, ``False`` or an empty list. A log
    record has a field ``event_name``, for example ``r2.object.promoted``. Objects are safe to share between threads and
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
        self._opened: _Opened | None = None

    @property
    def s3_client(self) -> Any:
        """Botocore's S3 client, for what this class has no method for: the one that the store uses, with its settings.

        Raises:
            ConfigError: R2 is not enabled, or its settings are missing or wrong.
        """
        return self._open().backend.client

    def is_r2_configured(self) -> bool:
        """Return whether R2 is enabled and its settings are complete and well-formed; nothing is sent."""
        try:
            self._open()
        except NotConfiguredError as error:
            # Without a cause the settings are right, and R2 is disabled.
            level = logging.WARNING if error.__cause__ else logging.INFO
            logger.log(level, "%s: %s", NOT_CONFIGURED, error, extra={"event_name": "r2.not_configured"})
            return False
        return True

    def upload_file(self, file_path: str | PathLike[str], file_type: str | None = None) -> UploadResult:
        """Store a file under a new key, made as by ``generate_file_key``."""
        with Attempt("Upload", file_path) as attempt:
            opened = self._open("upload")
            # A Path, because a store takes bytes as the content itself.
            info = opened.store.upload(Path(file_path), category=_category(file_type))
            _log("r2.object.uploaded", "Uploaded %r as %r, %d bytes", str(file_path), info.key, info.size)
            url = self._readable(opened, info.key)
            return UploadResult(success=True, url=url, file_size=info.size, file_key=info.key)
        return UploadResult(success=False, error=attempt.error)

    def download_file(self, file_key: str, local_path: str | PathLike[str]) -> DownloadResult:
        """Write an asset to a file that appears whole and verified, or not at all; create missing folders."""
        with Attempt("Download", file_key) as attempt:
            info = self._open("download").store.download(file_key, local_path)
            _log("r2.object.downloaded", "Downloaded %r to %r, %d bytes", file_key, str(local_path), info.size)
            return DownloadResult(success=True, local_path=str(local_path), file_size=info.size)
        return DownloadResult(success=False, error=attempt.error)

    def get_presigned_url(self, file_key: str, expiration: int = 3600) -> str | None:
        """Return a URL that reads the asset without credentials, as ``generate_presigned_url`` does."""
        return self.generate_presigned_url(file_key, expiration=expiration)

    def get_link(self, file_key: str, expiration: int = 3600) -> str | None:
        """Return a URL as ``get_presigned_url`` does; this is its older name."""
        return self.get_presigned_url(file_key, expiration)

    @_also_key
    def generate_presigned_url(self, file_key: str, method: str = "GET", expiration: int = 3600) -> str | None:
        """Return a URL for GET, HEAD, PUT or DELETE; boto3's names, for example ``get_object``, are accepted too.

        It lasts ``expiration`` seconds, at least 1; more than 604,800 become 604,800, with a warning in the log. ``None`` is
        returned on failure. The asset need not exist.
        """
        with Attempt("Signing", file_key):
            store = self._open("presign").store
            verb = cast(Method, method.upper().removesuffix("_OBJECT"))
            expires = _clamped(file_key, expiration)
            url = store.presign(file_key, method=verb, expires=expires).url
            fields = {"http_method": verb, "expires_in_seconds": expires, "outcome": "success"}
            _log("asset.presigned_url.generated", "Signed a %s of %r", verb, file_key, **fields)
            return url
        return None

    def generate_presigned_upload_url(
        self, file_key: str, xxhash: str, content_type: str | None = None, expiration: int = 3600
    ) -> str | None:
        """Return a URL for a PUT that must send the header ``x-amz-meta-xxhash`` with this hash; ``None`` on failure.

        Args:
            file_key: the key to upload to; an asset that it names is overwritten.
            xxhash: the hash that the uploader computed; ``get_object_hash`` returns it. The store does not verify it.
            content_type: the ``Content-Type`` that the PUT must send, or ``None`` to leave it to the uploader.
            expiration: seconds, as for ``generate_presigned_url``.
        """
        with Attempt("Signing", file_key):
            store = self._open("presign").store
            expires = _clamped(file_key, expiration)
            request = store.presign(
                file_key, method="PUT", expires=expires, content_type=content_type or None, metadata={"xxhash": xxhash}
            )
            _log("asset.presigned_upload.generated", "Signed an upload of %r", file_key, outcome="success")
            return request.url
        return None

    def get_object_info(self, file_key: str) -> dict[str, Any] | None:
        """Return key, size, last_modified (aware UTC), content_type, etag, metadata and url of an asset, or ``None``.

        Without ``R2_PUBLIC_URL``, ``url`` is the address at the endpoint, which answers only signed requests;
        ``get_presigned_url`` signs one.
        """
        with Attempt("Lookup", file_key):
            opened = self._open("stat")
            info = opened.store.stat(file_key)
            return {
                "key": info.key,
                "size": info.size,
                "last_modified": info.last_modified,
                "content_type": info.content_type,
                "etag": info.etag,
                "metadata": dict(info.metadata or {}),
                "url": opened.url(info.key),
            }
        return None

    def get_object_hash(self, file_key: str) -> str | None:
        """Return the hash that the upload was signed with, its metadata ``xxhash``; ``None`` without one, or on failure."""
        with Attempt("Lookup", file_key):
            return (self._open("stat").store.stat(file_key).metadata or {}).get("xxhash")
        return None

    @_also_key
    def object_exists(self, file_key: str) -> bool:
        """Return whether there is an asset; a failure is logged as an error and returns ``False`` too."""
        with Attempt("Lookup", file_key):
            return self._open("exists").store.exists(file_key)
        return False

    def list_objects(self, prefix: str = "", max_keys: int = 1000) -> list[dict[str, Any]]:
        """Return key, size, last_modified, etag and url of at most ``max_keys`` assets, in the order of their keys.

        ``url`` is that of ``get_object_info``. An empty list may mean a failure: then, and only then, an error is logged.
        """
        with Attempt("Listing", prefix):
            opened = self._open("list")
            found = [
                {
                    "key": info.key,
                    "size": info.size,
                    "last_modified": info.last_modified,
                    "etag": info.etag,
                    "url": opened.url(info.key),
                }
                for info in opened.store.list(prefix, limit=max_keys)
            ]
            _log("r2.objects.listed", "Listed %d assets under %r", len(found), prefix)
            return found
        return []

    def delete_file(self, file_key: str) -> bool:
        """Delete an asset; one that is not there counts as deleted."""
        with Attempt("Delete", file_key):
            self._open("delete").store.delete(file_key)
            _log("r2.object.deleted", "Deleted %r", file_key)
            return True
        return False

    @_also_key
    def get_object_bytes(self, file_key: str, max_bytes: int) -> bytes:
        """Return the bytes of an asset, verified.

        Raises:
            InvalidOptionError: the asset is larger than ``max_bytes``; it is a ``ValueError`` too.
            NotFoundError: there is no such asset; it is a ``FileNotFoundError`` too.
            ConfigError: R2 is not enabled, or its settings are missing or wrong.
            AssetStoreError: the store failed.
        """
        store = self._open("read").store
        with store.open(file_key, length=max_bytes) as reader:
            if reader.info.size <= max_bytes:
                return reader.read()
            raise InvalidOptionError(
                f"the asset has {reader.info.size} bytes, more than max_bytes ({max_bytes})",
                hint="raise max_bytes, or use download_file",
                op="read",
                key=file_key,
                store=store.name,
            )

    def promote_file(self, source_key: str, destination_key: str, *, overwrite: bool | None = None) -> bool:
        """Move an asset, with its headers and metadata, to another key in the bucket; ``True`` if it is there afterwards.

        The original is deleted after the copy, so an interrupted promotion can be repeated, and so can a finished one.

        Args:
            source_key: the key of the pending asset.
            destination_key: its lasting key.
            overwrite: what to do about a destination that is taken. By default it is kept as it is and the original is
                deleted, which suits keys made of a hash. ``True`` replaces it; ``False`` fails and keeps both. With either,
                a missing original is a failure.
        """
        with Attempt("Promotion", source_key):
            store = self._open("move").store
            try:
                store.move(source_key, destination_key, overwrite=overwrite is True)
            except AlreadyExistsError:
                if overwrite is not None:
                    raise
                store.delete(source_key)
            except NotFoundError:
                if overwrite is not None or not store.exists(destination_key):
                    raise
            _log("r2.object.promoted", "Promoted %r to %r", source_key, destination_key)
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
        message = "Pending upload of %r as %r was requested; nothing is uploaded"
        logger.warning(message, str(file_path), file_type, extra={"event_name": "r2.upload.not_supported"})

    def get_stats(self) -> dict[str, dict[str, float]]:
        """Return ``{"uploads": {"count", "bytes", "errors", "seconds"}, "downloads": …, …}`` since this object was made.

        Calls that failed because R2 was not configured count as errors.
        """
        stats = self._stats.assetstore_stats(options=StatsOptions()) or {}
        return {group: dict(values) for group, values in stats.items()}

    def reset_stats(self) -> None:
        """Set all counts to zero."""
        self._stats.assetstore_reset_stats(options=StatsOptions())

    def _open(self, op: str | None = None) -> _Opened:
        """Return the store of the current settings, which is opened again when they change.

        Raises:
            NotConfiguredError: there is no store; the operation ``op`` is counted as failed.
        """
        try:
            return self._current()
        except ConfigError as error:
            if op is not None:
                self._stats.assetstore_event(event=_failed(op, error))
            raise

    def _current(self) -> _Opened:
        try:
            found = self._find()
            if found.enabled:
                with self._lock.get():
                    if self._opened is None or self._opened.settings != found:
                        backend = found.backend()
                        # The previous store stays open, because other threads may still use it.
                        self._opened = _Opened(found, backend, AssetStore(("r2", backend), plugins=[*self._plugins.items()]))
                    return self._opened
        except ConfigError as error:
            raise NotConfiguredError(error.message, hint=error.hint) from error
        raise NotConfiguredError("R2_ENABLED is not true")

    def _readable(self, opened: _Opened, key: str) -> str | None:
        # A failure to build the URL must not fail the upload.
        with Attempt("Signing", key):
            return opened.url(key) if opened.settings.public_url else opened.store.presign(key).url
        return None


def _log(event_name: str, message: str, *args: object, **fields: object) -> None:
    logger.info(message, *args, extra={"event_name": event_name, **fields})


def _clamped(key: str, expiration: int) -> int:
    """Return the seconds that a signed URL for ``key`` may last, 604,800 at most."""
    if expiration <= limits.MAX_EXPIRES:
        return expiration
    message = "A signed URL for %r lasts %d seconds, the most that R2 allows, instead of %d"
    extra = {"event_name": "r2.expiration.clamped"}
    logger.warning(message, key, limits.MAX_EXPIRES, expiration, extra=extra)
    return limits.MAX_EXPIRES


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
