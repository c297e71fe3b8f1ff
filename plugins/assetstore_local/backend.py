"""The local backend: keeps assets as plain files in a folder, where a file put in by hand is an asset too."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import SplitResult, unquote

import attrs

from assetstore.plugin import (
    ApplicationOptions,
    AssetInfo,
    AssetStream,
    BeginPartsOptions,
    CheckOptions,
    CheckReport,
    CollectOptions,
    CollectReport,
    ConfigError,
    Container,
    ContainerOptions,
    CopyOptions,
    DeleteOptions,
    DeleteReport,
    EndPartsOptions,
    ListOptions,
    ListPage,
    NewAsset,
    PartsOptions,
    PathOptions,
    PerProcess,
    PresignedRequest,
    PresignOptions,
    ReadOptions,
    SigningKeys,
    SigningKeysOptions,
    Source,
    StatOptions,
    UploadedPart,
    UploadManyOptions,
    UploadOptions,
    UrlOptions,
    every,
    hookimpl,
    is_web_url,
    secret,
)
from assetstore_local import copy, delete, listing, multipart_direct, presign, read, upload, upload_many
from assetstore_local.disk.root import Root
from assetstore_local.disk.scan_cache import ScanCache
from assetstore_local.disk.signing_key_file import load_keys, make_keys
from assetstore_local.errors import explained
from assetstore_local.r2_rules import R2Rules
from assetstore_local.server_url import require_origins, require_server

if TYPE_CHECKING:
    from assetstore_local.http.server import Server

_SUPPORTED = every(
    *("upload", "upload_many", "read", "list", "delete", "copy", "update", "presign"),
    *("begin_parts", "list_parts", "end_parts", "application", "collect"),
) - {"copy.known", "begin_parts.overwrite", "begin_parts.if_match"}


@attrs.define(eq=False, kw_only=True)
class LocalBackend:
    """Keeps assets in a folder. Never reads or writes outside it, and never follows symlinks in it.

    Conditions hold exactly among all processes on one machine that use assetstore, but not against changes by hand.
    ``.assetstore`` in the folder holds headers, metadata and digests, which survive ``cp -r``, ``git clone``, ``zip`` and
    ``rsync``, and the signing key, which its ``.gitignore`` keeps out of git. Do not let a web server hand it out.

    Attributes:
        root: the folder; a relative path is resolved when the backend is made.
        create: whether a missing folder counts as empty until the first write makes it; StoreNotFoundError otherwise.
        durable: whether a write returns only when it would survive a power failure.
        public_url: the URL under which a web server offers the folder, if one does.
        serve_url: the URL of ``assetstore serve``, or of the application mounted in your own; signed URLs begin with it.
            Requests for another Host are refused; the test clients of many frameworks send ``http://testserver``.
        signing_keys: secrets of 32 or more characters, the newest first, for servers that share the folder. Without them
            the folder keeps a random one that only this user can read.
        origins: web pages whose scripts may use signed URLs (CORS), for example ``https://app.example``; ``*`` allows any.
        profile: ``r2`` enforces the limits of Cloudflare R2, see ``R2Rules``; ``None`` only those of the disk.
    """

    rules: ClassVar[R2Rules] = R2Rules()

    root: Path = attrs.field(converter=Path)
    create: bool = True
    durable: bool = True
    public_url: str | None = None
    serve_url: str = "http://127.0.0.1:8420"
    signing_keys: tuple[str, ...] = secret(default=())
    origins: tuple[str, ...] = ()
    profile: str | None = None
    _root: Root = attrs.field(init=False, repr=False)
    _keys: PerProcess[SigningKeys] = attrs.field(init=False, repr=False)
    _scans: ScanCache = attrs.field(init=False, repr=False, factory=ScanCache)

    def __attrs_post_init__(self) -> None:
        """Check the settings and the platform.

        Raises:
            ConfigError: a setting is wrong, the platform cannot open files relative to a folder, or its file names are
                not UTF-8.
        """
        if self.profile not in (None, "r2"):
            raise ConfigError(f"profile must be 'r2' or left out, got {self.profile!r}", hint="did you mean 'r2'?")
        require_server(self.serve_url)
        require_origins(self.origins)
        if self.public_url and not is_web_url(self.public_url):
            raise ConfigError("public_url must begin with https:// and a host, and have no blanks")
        if self.signing_keys:
            SigningKeys.of(self.signing_keys)
        if os.open not in os.supports_dir_fd or os.scandir not in os.supports_fd:
            raise ConfigError("the local plugin needs Linux, macOS or another Unix", hint="use another backend")
        if sys.getfilesystemencoding() != "utf-8":
            raise ConfigError("file names are not UTF-8 in this locale", hint="set PYTHONUTF8=1")
        self._root = Root(
            path=os.path.abspath(self.root),
            create=self.create,
            durable=self.durable,
            rules=self.rules if self.profile else None,
        )
        self._keys = PerProcess(self._load_keys)

    @classmethod
    def from_url(cls, parts: SplitResult) -> dict[str, str]:
        """Return the settings for a URL such as ``file:assets`` or ``file:///srv/assets``.

        Raises:
            ConfigError: the URL names another machine, or no folder.
        """
        if parts.netloc not in ("", "localhost"):
            raise ConfigError(
                f"the URL must not name a machine, got {parts.netloc!r}",
                hint="write file:folder or file:///absolute/folder",
            )
        try:
            path = unquote(parts.path, errors="strict")
        except UnicodeDecodeError as error:
            raise ConfigError("the path of the URL must be UTF-8") from error
        if not path or "\0" in path:
            raise ConfigError("the URL must name a folder", hint="write file:folder or file:///absolute/folder")
        return {"root": path}

    @property
    def supports(self) -> frozenset[str]:
        """The option fields that this backend honours."""
        # The ETags of R2 are of the bytes alone, so it cannot tell updates apart.
        return _SUPPORTED - every("update") if self.profile == "r2" else _SUPPORTED

    @property
    def location(self) -> str:
        """A short description of where the assets are."""
        return f"folder {self.root}, local{f', as {self.profile}' if self.profile else ''}"

    @hookimpl
    def assetstore_upload(self, key: str, source: Source, options: UploadOptions) -> AssetInfo | None:
        """Write the bytes to a new file, then rename it into place under the key's lock."""
        return upload.upload(self._root, key, source, options)

    @hookimpl
    def assetstore_upload_many(
        self, items: Sequence[NewAsset], options: UploadManyOptions
    ) -> Sequence[AssetInfo | Exception] | None:
        """Write all to new files, flush them together, then rename each into place under its key's lock."""
        return upload_many.upload_many(self._root, items)

    @hookimpl
    def assetstore_read(self, key: str, options: ReadOptions) -> AssetStream | None:
        """Open the file; the stream keeps its version whatever is written meanwhile."""
        return read.read(self._root, key, options)

    @hookimpl
    def assetstore_stat(self, key: str, options: StatOptions) -> AssetInfo | None:
        """Look up the file and its record."""
        return read.stat(self._root, key)

    @hookimpl
    def assetstore_list(self, prefix: str, options: ListOptions) -> ListPage | None:
        """Walk the folders as far as one page needs; entries have no headers or digests."""
        return listing.list_page(self._root, self._scans, prefix, options)

    @hookimpl
    def assetstore_delete(self, keys: Sequence[str], options: DeleteOptions) -> DeleteReport | None:
        """Remove the files, and the folders that this leaves empty."""
        return delete.delete(self._root, keys)

    @hookimpl
    def assetstore_copy(self, source: str, destination: str, options: CopyOptions) -> AssetInfo | None:
        """Copy the bytes of one version; when both keys are the same, change only headers and metadata."""
        return copy.copy(self._root, source, destination, options)

    @hookimpl
    def assetstore_presign(self, key: str, options: PresignOptions) -> PresignedRequest | None:
        """Sign a URL of the application, which need not be running."""
        return presign.presign(self._keys.get(), self.serve_url, key, options)

    @hookimpl
    def assetstore_url(self, key: str, options: UrlOptions) -> str | None:
        """Append the quoted key to ``public_url``."""
        return presign.public_url(self.public_url, key) if self.public_url else None

    @hookimpl
    def assetstore_path(self, key: str, options: PathOptions) -> Path | None:
        """Return the path of the asset's file; none with a profile, because a bucket has no files."""
        return None if self.profile else read.path(self._root, key)

    @hookimpl
    def assetstore_container(self, options: ContainerOptions) -> Container | None:
        """Return the folder; links on the way to it are followed, so that one folder has one name."""
        return Container(service=Container.FOLDERS, account="", name=os.path.realpath(self._root.path))

    @hookimpl
    def assetstore_begin_parts(self, key: str, options: BeginPartsOptions) -> str | None:
        """Make a folder for the parts, apart from the assets."""
        return multipart_direct.begin(self._root, key, options)

    @hookimpl
    def assetstore_list_parts(self, key: str, options: PartsOptions) -> Sequence[UploadedPart] | None:
        """List the files of the parts."""
        return multipart_direct.listed(self._root, key, options.upload_id)

    @hookimpl
    def assetstore_end_parts(self, key: str, options: EndPartsOptions) -> AssetInfo | None:
        """Join the parts, or drop them."""
        if options.parts is not None:
            return multipart_direct.end(self._root, key, options.upload_id, options.parts)
        multipart_direct.drop(self._root, key, options.upload_id)
        return AssetInfo(key=key, size=0)

    @hookimpl
    def assetstore_application(self, options: ApplicationOptions) -> Any | None:
        """Return the application that serves ``serve_url``."""
        # Slow to load: asgi needs asyncio.
        from assetstore_local.http import asgi, wsgi

        server = self.server(options)
        return asgi.application(server) if options.interface == "asgi" else wsgi.application(server)

    def server(self, options: ApplicationOptions | None = None) -> Server:
        """Return the server of the signed requests, which both interfaces call."""
        from assetstore_local.http.server import Server

        options = options or ApplicationOptions()
        return Server(
            root=self._root,
            keys=self._keys.get,
            serve_url=self.serve_url,
            origins=self.origins,
            max_body=options.max_size,
            begin=options.begin,
        )

    @hookimpl
    def assetstore_signing_keys(self, options: SigningKeysOptions) -> SigningKeys | None:
        """Return the keys of this folder."""
        return self._keys.get()

    @hookimpl
    def assetstore_check(self, options: CheckOptions) -> CheckReport | None:
        """Check the folder: existence, rights, upper and lower case, records, and whether others may get the signing key."""
        from assetstore_local import check  # slow to load: it asks the web server of public_url

        return check.check(self._root, self.public_url)

    @hookimpl
    def assetstore_collect(self, options: CollectOptions) -> CollectReport | None:
        """Find unfinished files, uploads in parts, records and digests without an asset, and emptied folders."""
        from assetstore_local import collect  # most programs never collect

        return collect.collect(self._root, options)

    @hookimpl
    def assetstore_commands(self) -> Sequence[Any] | None:
        """Return ``cors`` and ``lifecycle``, which explain what a folder has instead."""
        from assetstore_local.commands import commands

        return commands()

    def _load_keys(self) -> SigningKeys:
        if self.signing_keys:
            return SigningKeys.of(self.signing_keys)
        with self._root.writing() as tree, explained():
            return load_keys(tree) or make_keys(tree)
