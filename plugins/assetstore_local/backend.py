"""The backend: assets are plain files in a folder, and files dropped into the folder by hand are assets."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, TypeVar
from urllib.parse import SplitResult, quote, unquote

import attrs

from assetstore import (
    ApplicationOptions,
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
    EndPartsOptions,
    IntegrityError,
    KeyRing,
    ListOptions,
    ListPage,
    NotFoundError,
    PartsOptions,
    PerProcess,
    PresignedRequest,
    PresignOptions,
    ReadOptions,
    SigningKeysOptions,
    Source,
    StatOptions,
    StoreNotFoundError,
    UploadedPart,
    UploadOptions,
    UrlOptions,
    hookimpl,
    is_valid_key,
    secret,
)
from assetstore_local import asgi, parts, signing, writing, wsgi
from assetstore_local.addresses import require_origins, require_server
from assetstore_local.checking import examine
from assetstore_local.failures import explained
from assetstore_local.gate import Gate
from assetstore_local.incoming import Incoming, changed
from assetstore_local.listing import list_page
from assetstore_local.names import Names
from assetstore_local.r2_rules import MAX_PAGE, R2Rules
from assetstore_local.reading import Run, look, opened
from assetstore_local.records import HEADERS, Facts
from assetstore_local.ring import load_ring, make_ring
from assetstore_local.scans import Scans
from assetstore_local.staging import StagedFile, sweep
from assetstore_local.tree import Tree, make_root
from assetstore_local.writing import Conditions

T = TypeVar("T")

_CHUNK_BYTES = 1 << 20
_SUPPORTS = """
    upload.content_type upload.cache_control upload.content_disposition upload.content_language upload.metadata
    upload.overwrite upload.if_match read.offset read.length read.if_match list.cursor list.limit list.recursive
    list.start_after delete.foreign copy.content_type copy.cache_control copy.content_disposition copy.content_language
    copy.metadata copy.if_match
    presign.method presign.expires presign.content_type presign.download_as presign.content_length presign.sha256
    presign.metadata presign.cache_control presign.overwrite presign.window presign.part
    begin_parts.content_type begin_parts.cache_control begin_parts.content_disposition begin_parts.content_language
    begin_parts.metadata list_parts.upload_id end_parts.upload_id end_parts.parts application.interface
    application.max_size copy.overwrite
"""
_SUPPORTED = frozenset(_SUPPORTS.split())


@attrs.define(eq=False, kw_only=True)
class LocalBackend:
    """Assets in a folder. Nothing outside of it is read or written, and symlinks in it are not followed.

    Conditions are exact among all processes that use assetstore on one machine, but not against changes by hand.

    Attributes:
        root: the folder; a relative one is relative to the working directory at the time of making the backend.
        create: whether a missing folder is made by the first write and is empty until then; StoreNotFoundError otherwise.
        durable: whether a write returns only when it would survive a power failure.
        public_url: where a web server offers the folder, if one does.
        serve_url: where signed URLs lead: to ``assetstore serve``, or to the application mounted in your own. What asks
            for another Host is refused; the test clients of many frameworks ask for ``http://testserver``.
        signing_keys: secrets of 32 or more characters, the newest first, for servers that share the folder; without them a
            random one is kept in the folder, readable by this user alone.
        origins: web pages that may use signed URLs from their scripts (CORS), as ``https://app.example``; ``*`` is any.
        profile: ``r2`` refuses what Cloudflare R2 refuses, as ``R2Rules`` tells; ``None`` is only as strict as the disk.
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
    _path: str = attrs.field(init=False, repr=False)
    _swept: PerProcess[bool] = attrs.field(init=False, repr=False)
    _ring: PerProcess[KeyRing] = attrs.field(init=False, repr=False)
    _scans: Scans = attrs.field(init=False, repr=False, factory=Scans)

    def __attrs_post_init__(self) -> None:
        """Check the settings and the platform.

        Raises:
            ConfigError: a setting is wrong, the platform cannot open files relative to a folder, or its file names are
                not UTF-8.
        """
        if self.profile not in (None, "r2"):
            raise ConfigError(f"there is no profile {self.profile!r}", hint="did you mean 'r2'? There is no other one")
        require_server(self.serve_url)
        require_origins(self.origins)
        if self.signing_keys:
            KeyRing.of(self.signing_keys)
        if os.open not in os.supports_dir_fd or os.scandir not in os.supports_fd:
            raise ConfigError("the local plugin needs Linux, macOS or another Unix", hint="use another backend")
        if sys.getfilesystemencoding() != "utf-8":
            raise ConfigError("file names are not UTF-8 in this locale", hint="set PYTHONUTF8=1")
        self._path = os.path.abspath(self.root)
        self._swept = PerProcess(self._sweep)
        self._ring = PerProcess(self._load_ring)

    @classmethod
    def from_url(cls, parts: SplitResult) -> dict[str, str]:
        """Return the settings that ``file:assets`` or ``file:///srv/assets`` stands for.

        Raises:
            ConfigError: the URL names another machine, or no folder.
        """
        if parts.netloc not in ("", "localhost"):
            raise ConfigError(
                f"file://{parts.netloc}/… names a machine", hint="write file:folder or file:///absolute/folder"
            )
        try:
            path = unquote(parts.path, errors="strict")
        except UnicodeDecodeError as error:
            raise ConfigError("the path of the URL is not UTF-8") from error
        if not path or "\0" in path:
            raise ConfigError("the URL names no folder", hint="write file:folder or file:///absolute/folder")
        return {"root": path}

    @property
    def supports(self) -> frozenset[str]:
        """The option fields that are honoured."""
        return _SUPPORTED

    @property
    def location(self) -> str:
        """Where the assets are, in a few words."""
        return f"folder {self.root}, local{f', as {self.profile}' if self.profile else ''}"

    @hookimpl
    def assetstore_upload(self, key: str, source: Source, options: UploadOptions) -> AssetInfo | None:
        """Stage the bytes, then rename them into place under the key's lock."""
        self._admit(source.size, options)
        with self.incoming() as incoming:
            for chunk in source.chunks():
                incoming.write(chunk)
            return incoming.commit(key, options)

    @hookimpl
    def assetstore_read(self, key: str, options: ReadOptions) -> AssetStream | None:
        """Open the file; it stays the same version whatever is written meanwhile."""
        with explained(), self._open() as tree, opened(tree, key) as (info, descriptor):
            writing.require_match(options.if_match, info.etag)
            left = max(info.size - options.offset, 0)
            length = left if options.length is None else min(left, options.length)
            file = io.FileIO(os.dup(descriptor), "rb")
            file.seek(options.offset if length else 0)
            return AssetStream(info=info, body=Run(file, length), length=length)

    @hookimpl
    def assetstore_stat(self, key: str, options: StatOptions) -> AssetInfo | None:
        """Look at the file and its record."""
        with explained(), self._open() as tree:
            return look(tree, key)

    @hookimpl
    def assetstore_list(self, prefix: str, options: ListOptions) -> ListPage | None:
        """Walk the folders as far as one page needs; headers and digests are not known here."""
        if self._is_missing():
            return ListPage(items=())
        with explained(), self._open() as tree:
            if self._rules and options.limit > MAX_PAGE:
                options = attrs.evolve(options, limit=MAX_PAGE)
            return list_page(tree, self._scans, prefix, options)

    @hookimpl
    def assetstore_delete(self, keys: Sequence[str], options: DeleteOptions) -> DeleteReport | None:
        """Remove the files and the folders that are empty then."""
        if self._is_missing():
            return DeleteReport(deleted=tuple(keys))
        deleted: list[str] = []
        failed: list[DeleteFailure] = []
        removed: dict[str, Names] = {}
        with explained(), self._open() as tree:
            for key in keys:
                try:
                    # A key that breaks the rules has no file here.
                    with explained():
                        folder = writing.remove(tree, key) if is_valid_key(key) else None
                except AssetStoreError as error:
                    failed.append(DeleteFailure(key=key, error=error))
                else:
                    deleted.append(key)
                    removed |= {} if folder is None else {key: folder}
            for folder in set(removed.values()):
                with contextlib.suppress(FileNotFoundError):
                    tree.sync(tree.folder(folder))
            for key in removed:
                writing.forget(tree, key)
            for folder in set(removed.values()):
                tree.prune(folder)
        return DeleteReport(deleted=tuple(deleted), failed=tuple(failed))

    @hookimpl
    def assetstore_copy(self, source: str, destination: str, options: CopyOptions) -> AssetInfo | None:
        """Copy the bytes of one version, or change only the facts when both keys are the same."""
        self._admit(None, options)
        with explained(), self._open() as tree:
            if source == destination:
                if not options.overwrite:
                    writing.require_absent(options.overwrite, look(tree, source))
                conditions = Conditions(if_match=options.if_match, rules=self._rules)
                change = partial(changed, options=options)
                return self._patiently(lambda: writing.update(tree, source, change, conditions))
            conditions = Conditions(overwrite=options.overwrite, rules=self._rules)
            with opened(tree, source) as (info, descriptor), StagedFile(tree) as staged:
                writing.require_match(options.if_match, info.etag)
                while chunk := os.read(descriptor, _CHUNK_BYTES):
                    staged.write(chunk)
                if staged.size != info.size or staged.digest != (info.digest or staged.digest):
                    raise IntegrityError("the source is damaged or changed while it was copied", hint="read it again")
                facts = changed(_facts(info, staged.digest), options)
                return self._patiently(lambda: writing.put(tree, destination, staged, facts, conditions))

    @hookimpl
    def assetstore_presign(self, key: str, options: PresignOptions) -> PresignedRequest | None:
        """Sign a URL of the application, which need not run now."""
        return signing.presign(self.ring(), self.serve_url, key, options)

    @hookimpl
    def assetstore_signing_keys(self, options: SigningKeysOptions) -> KeyRing | None:
        """Hand out the keys of this folder."""
        return self.ring()

    @hookimpl
    def assetstore_application(self, options: ApplicationOptions) -> Any | None:
        """Make the application that answers at ``serve_url``."""
        make = asgi.application if options.interface == "asgi" else wsgi.application
        return make(Gate(self) if options.max_size is None else Gate(self, max_body=options.max_size))

    @hookimpl
    def assetstore_commands(self) -> Sequence[Any] | None:
        """Say of ``cors`` and ``lifecycle``, which buckets have, what a folder has instead."""
        from assetstore_local.commands import commands

        return commands()

    @hookimpl
    def assetstore_begin_parts(self, key: str, options: UploadOptions) -> str | None:
        """Make a folder for the parts, apart from the assets."""
        self._admit(None, options)
        with self._writing() as tree, explained():
            return parts.begin(tree, key, options)

    @hookimpl
    def assetstore_list_parts(self, key: str, options: PartsOptions) -> Sequence[UploadedPart] | None:
        """List the files of the parts."""
        with explained(), self._open() as tree:
            return parts.listed(tree, key, options.upload_id)

    @hookimpl
    def assetstore_end_parts(self, key: str, options: EndPartsOptions) -> AssetInfo | None:
        """Write the parts one after the other to a new file, and put that into place."""
        if options.parts is None:
            with self._writing() as tree, explained():
                parts.drop(tree, key, options.upload_id)
            return AssetInfo(key=key, size=0)
        with self.incoming() as incoming, explained(), parts.held(incoming.tree, key, options.upload_id) as headers:
            parts.put_together(incoming, options.upload_id, options.parts)
            info = incoming.commit(key, headers)
            # The asset is there; what cannot be removed now is swept later.
            with contextlib.suppress(OSError):
                parts.remove(incoming.tree, options.upload_id)
            return info

    def ring(self) -> KeyRing:
        """Return the keys by which URLs are signed."""
        return self._ring.get()

    @contextlib.contextmanager
    def incoming(self) -> Iterator[Incoming]:
        """Yield what takes the bytes of a new asset; what was not committed at the end is gone."""
        with self._writing() as tree, StagedFile(tree) as staged:
            yield Incoming(tree, staged, self._rules)

    def opened(self, key: str) -> tuple[AssetInfo, int]:
        """Return what is known of an asset, and a descriptor of its file that the caller closes."""
        with explained(), self._open() as tree, opened(tree, key) as (info, descriptor):
            return info, os.dup(descriptor)

    def free_bytes(self) -> int:
        """Return how much fits on the disk."""
        place = self._path
        while not os.path.lexists(place):
            place = os.path.dirname(place)
        with explained():
            status = os.statvfs(place)
        return status.f_bavail * status.f_frsize

    @hookimpl
    def assetstore_url(self, key: str, options: UrlOptions) -> str | None:
        """Put the quoted key behind ``public_url``."""
        return f"{self.public_url.rstrip('/')}/{quote(key)}" if self.public_url else None

    @hookimpl
    def assetstore_check(self, options: CheckOptions) -> CheckReport | None:
        """Look at the folder, the right to write to it, and whether its names tell capitals from small letters."""
        return examine(self._path, create=self.create)

    @property
    def _rules(self) -> R2Rules | None:
        return self.rules if self.profile else None

    def _admit(self, size: int | None, options: UploadOptions | CopyOptions) -> None:
        if self._rules:
            self._rules.require_size(size)
            self._rules.require_metadata(options.metadata)

    def _patiently(self, write: Callable[[], T]) -> T:
        return self._rules.patiently(write) if self._rules else write()

    def _open(self, *, make: bool = False) -> Tree:
        try:
            return Tree(self._path, durable=self.durable)
        except FileNotFoundError as error:
            if not self.create:
                hint = "make it, or set create = true"
                raise StoreNotFoundError("the store's folder is missing", hint=hint) from error
            if not make:
                raise NotFoundError("there is no asset under this key") from error
        except NotADirectoryError as error:
            raise StoreNotFoundError("the store's root is no folder", hint="name a folder as root") from error
        make_root(self._path, durable=self.durable)
        return Tree(self._path, durable=self.durable)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[Tree]:
        with explained():
            self._swept.get()
            tree = self._open(make=True)
        with tree:
            yield tree

    def _is_missing(self) -> bool:
        return self.create and not os.path.lexists(self._path)

    def _sweep(self) -> bool:
        with self._open(make=True) as tree:
            sweep(tree)
            parts.sweep(tree)
        return True

    def _load_ring(self) -> KeyRing:
        if self.signing_keys:
            return KeyRing.of(self.signing_keys)
        with self._writing() as tree, explained():
            return load_ring(tree) or make_ring(tree)


def _facts(info: AssetInfo, digest: str) -> Facts:
    headers = {name: getattr(info, name) for name in HEADERS if getattr(info, name) is not None}
    return {**headers, "metadata": dict(info.metadata or {}), "digest": digest}
