"""``AssetStoreFileSystem``: the methods of fsspec by those of a store, in as few requests as they take."""

from __future__ import annotations

import errno
import functools
import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from glob import has_magic
from typing import IO, Any, TypeVar

from fsspec.callbacks import DEFAULT_CALLBACK
from fsspec.spec import AbstractFileSystem
from fsspec.utils import other_paths, tokenize

from assetstore import AlreadyExistsError, AssetInfo, AssetStore, InvalidKeyError, NotFoundError, open_store
from assetstore.plugin import HEADERS
from assetstore_fsspec import listing, paths, ranges
from assetstore_fsspec.errors import as_os_errors
from assetstore_fsspec.files import CachedFile, CompressedFile, ReadFile, TextFile, WriteFile
from assetstore_fsspec.listing import Entry

T = TypeVar("T")

THREADS = 16
_COPIED = (*HEADERS, "metadata")


class AssetStoreFileSystem(AbstractFileSystem):  # type: ignore[misc]  # fsspec has no types
    """A store as a file system. A path in it is a key; from outside it is ``assetstore://NAME/key``.

    A folder is there as long as a key begins with its path: ``mkdir`` does nothing, and ``rmdir`` refuses one with assets in
    it. Listings come from the store each time, unless ``use_listings_cache`` is set. In a transaction, what is written is
    held back to its end, and copying, moving and removing is refused, since that could not be undone.

    It goes to other processes as its store does: opened by a name or URL, without secrets.

    Attributes:
        store: the store.
    """

    protocol = paths.PROTOCOL
    # The store is shared as it is; an instance of fsspec's cache is one thread's alone, and ignores the working directory.
    cachable = False

    def __init__(
        self, store: AssetStore | str | None = None, *, use_listings_cache: bool = False, **options: Any
    ) -> None:
        """Make a file system of a store.

        Args:
            store: a store, or what ``open_store`` opens: a name of the configuration or a URL; by default its default.
            use_listings_cache: keep what ``ls`` and ``walk`` found until this file system changes something.
            **options: ``listings_expiry_time`` and ``max_paths`` of such a cache.

        Raises:
            ConfigError: there is no such store; the message lists those that exist.
        """
        super().__init__(use_listings_cache=use_listings_cache, **options)
        self.store: AssetStore = store if isinstance(store, AssetStore) else _shared(store)
        self._names = {"", self.store.name, store if isinstance(store, str) else self.store.name}
        # fsspec calls the class for a URL and the instance for a path; only the latter knows which store is meant.
        self._strip_protocol = self._folder_path  # type: ignore[method-assign]  # as fsspec's own wrappers do

    # Paths

    @classmethod
    def _strip_protocol(cls, path: Any) -> Any:
        if isinstance(path, list):
            return [cls._strip_protocol(one) for one in path]
        return paths.split_url(path)[1].rstrip("/")

    @staticmethod
    def _get_kwargs_from_urls(path: str) -> dict[str, str]:
        name = paths.split_url(path)[0]
        return {"store": name} if name else {}

    @classmethod
    def _parent(cls, path: Any) -> str:
        return paths.split_url(path)[1].rstrip("/").rpartition("/")[0]

    def unstrip_protocol(self, name: str) -> str:
        """Return the URL of a path."""
        return paths.url(self.store.name, self._key(name))

    def _key(self, path: Any) -> str:
        name, key = paths.split_url(path)
        if name not in self._names:
            raise ValueError(f"the path is of the store {name!r}, but this file system is of {self.store.name!r}")
        return key

    def _folder_path(self, path: Any) -> Any:
        return [self._folder_path(one) for one in path] if isinstance(path, list) else self._key(path).rstrip("/")

    def _file_key(self, path: Any) -> str:
        return paths.require_file(path, self._key(path))

    # What there is

    def info(self, path: Any, **_: Any) -> Entry:
        """Return the entry of a file or a folder.

        Raises:
            FileNotFoundError: there is neither.
        """
        path = self._folder_path(path)
        if not path:
            return listing.folder_entry("")
        with as_os_errors():
            try:
                return listing.file_entry(self.store.stat(path))
            except NotFoundError:
                if next(iter(self.store.list(f"{path}/", limit=1)), None) is None:
                    raise
                return listing.folder_entry(path)

    def exists(self, path: Any, **_: Any) -> bool:
        """Return whether there is such a file or folder. A store that fails raises."""
        return self._type(path) is not None

    def isdir(self, path: Any) -> bool:
        """Return whether there is such a folder, and no file of this name."""
        return self._type(path) == "directory"

    def isfile(self, path: Any) -> bool:
        """Return whether there is such a file."""
        return self._type(path) == "file"

    def _type(self, path: Any) -> str | None:
        try:
            return str(self.info(path)["type"])
        except (NotFoundError, InvalidKeyError):
            return None

    def ls(self, path: Any, detail: bool = True, refresh: bool = False, **_: Any) -> list[Any]:
        """Return what is in a folder, or the entry of a file.

        Raises:
            FileNotFoundError: there is neither.
        """
        files, folders = self._children(self._folder_path(path), refresh)
        # In the order of the keys, in which a folder is its path and a slash.
        entries = sorted([*files, *folders], key=lambda entry: entry["name"] + "/" * (entry["type"] == "directory"))
        return entries if detail else [entry["name"] for entry in entries]

    def _children(self, path: str, refresh: bool = False) -> tuple[list[Entry], list[Entry]]:
        found = None if refresh else self.dircache.get(path)
        if found is None:
            with as_os_errors():
                found = listing.children(self.store, path)
            found = ([self.info(path)], []) if found is None else found
            self.dircache[path] = found
        return found

    def find(
        self, path: Any, maxdepth: int | None = None, withdirs: bool = False, detail: bool = False, **_: Any
    ) -> Any:
        """Return the files below a folder, with ``withdirs`` its folders too, or the file of this name."""
        _require_depth(maxdepth)
        path = self._folder_path(path)
        with as_os_errors():
            found = listing.children(self.store, path) if maxdepth == 1 else listing.descendants(self.store, path, maxdepth)
        files, folders = found or ([], [])
        if not files and not folders:
            entries = {path: self.info(path)} if self.isfile(path) else {}
        else:
            upper = [listing.folder_entry(path)] if path else []
            entries = {entry["name"]: entry for entry in ([*upper, *folders, *files] if withdirs else files)}
        return dict(sorted(entries.items())) if detail else sorted(entries)

    def walk(
        self, path: Any, maxdepth: int | None = None, topdown: bool = True, on_error: Any = "omit", **kwargs: Any
    ) -> Iterator[tuple[str, Any, Any]]:
        """Yield ``(path, folders, files)`` of a folder and of those below it, as ``os.walk`` does.

        A name is what follows the folder's path and ``/``, so the file ``a//b`` has the name ``/b`` in ``a``.
        """
        _require_depth(maxdepth)
        path = self._folder_path(path)
        detail = kwargs.pop("detail", False)
        try:
            found = self._children(path, kwargs.get("refresh", False))
        except OSError as error:
            if on_error == "raise":
                raise
            if callable(on_error):
                on_error(error)
            return
        start = len(paths.folder_prefix(path))
        files, folders = ({entry["name"][start:]: entry for entry in entries} for entries in found)
        step: tuple[str, Any, Any] = (path, folders if detail else list(folders), files if detail else list(files))
        if topdown:
            yield step
        if maxdepth is None or maxdepth > 1:
            for name in step[1]:
                below = paths.folder_prefix(path) + name
                yield from self.walk(below, maxdepth and maxdepth - 1, topdown, on_error, detail=detail, **kwargs)
        if not topdown:
            yield step

    def du(
        self, path: Any, total: bool = True, maxdepth: int | None = None, withdirs: bool = False, **kwargs: Any
    ) -> int | dict[str, int]:
        """Return the bytes of all files below a folder, or with ``total=False`` those of each; a folder itself has none."""
        found = self.find(path, maxdepth=maxdepth, withdirs=withdirs, detail=True, **kwargs)
        sizes: dict[str, int] = {name: entry["size"] for name, entry in found.items()}
        return sum(sizes.values()) if total else sizes

    def expand_path(
        self, path: Any, recursive: bool = False, maxdepth: int | None = None, assume_literal: bool = False, **_: Any
    ) -> list[str]:
        """Return the paths that a path stands for. A name that is there is itself, even if it could be a pattern.

        Raises:
            FileNotFoundError: there are none.
        """
        _require_depth(maxdepth)
        found: set[str] = set()
        for one in map(self._folder_path, [path] if isinstance(path, str | os.PathLike) else path):
            is_pattern = not assume_literal and self._is_pattern(one)
            names = self.glob(one, maxdepth=maxdepth) if is_pattern else [one]
            # The glob went one level down.
            left = maxdepth if maxdepth is None or not is_pattern else maxdepth - 1
            below = names if recursive and left != 0 else ()
            inner = {name for folder in below for name in self.find(folder, maxdepth=left, withdirs=True)}
            found |= inner
            found.update(name for name in names if not recursive or is_pattern or name in inner or self.exists(name))
        if not found:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
        return sorted(found)

    def _is_pattern(self, path: str) -> bool:
        return has_magic(path) and not self.exists(path)

    def created(self, path: Any) -> datetime:
        """Return what ``modified`` returns: a store does not edit assets, each write makes a new one."""
        return self.modified(path)

    def modified(self, path: Any) -> datetime:
        """Return when the file was written."""
        modified = self._stat(path).last_modified
        if modified is None:
            raise NotImplementedError(f"the store {self.store.name!r} does not tell when an asset was written")
        return modified

    def checksum(self, path: Any) -> int:
        """Return a number that changes with the bytes: of the digest where the store knows one, of the ETag otherwise."""
        return int(self.ukey(path), 16)

    def ukey(self, path: Any) -> str:
        """Return a text that changes with the bytes, as ``checksum`` does."""
        info = self._stat(path)
        return hashlib.sha256(str(info.digest or info.etag).encode()).hexdigest()

    def _stat(self, path: Any) -> AssetInfo:
        with as_os_errors():
            return self.store.stat(self._file_key(path))

    def sign(self, path: Any, expiration: int = 100, **options: Any) -> str:
        """Return a URL by which its holder may read the file for ``expiration`` seconds.

        Args:
            path: the file, which need not exist.
            expiration: seconds, 1 to 604,800.
            **options: keywords of ``AssetStore.presign``, for example ``download_as``.
        """
        with as_os_errors():
            return self.store.presign(self._file_key(path), expires=expiration, **options).url

    # Reading

    def cat_file(
        self, path: Any, start: int | None = None, end: int | None = None, if_match: str | None = None, **_: Any
    ) -> bytes:
        """Return the bytes of a file, or its slice ``[start:end]``, which may be empty or count from the end."""
        key = self._file_key(path)
        with as_os_errors():
            if start is None and end is None:
                return self.store.read(key, if_match=if_match)
            if (start or 0) < 0 or (end or 0) < 0:
                info = self.store.stat(key)
                start, end, _step = slice(start, end).indices(info.size)
                if_match = info.etag if self.store.can("read.if_match") else None
            offset = start or 0
            length = None if end is None else max(0, end - offset)
            return self.store.read(key, offset=offset, length=length, if_match=if_match)

    def cat_ranges(
        self, paths: list[Any], starts: Any, ends: Any, max_gap: int | None = None, on_error: str = "return", **_: Any
    ) -> list[Any]:
        """Return many slices, read at once; those that lie close together by one request.

        Args:
            paths: the file of each slice.
            starts: the start of each slice, or one for all.
            ends: the end of each slice, or one for all.
            max_gap: the most bytes between two slices of one request, by default 64 KiB.
            on_error: ``"return"`` gives the error in the place of the bytes, anything else raises the first.
        """
        if not isinstance(paths, list):
            raise TypeError(f"the paths must be a list, got {type(paths).__name__}")
        bounds = [list(each) if isinstance(each, Iterable) else [each] * len(paths) for each in (starts, ends)]
        slices = list(zip(paths, *bounds, strict=True))
        runs = ranges.runs(slices, ranges.NEAR if max_gap is None else max_gap)
        contents = _at_once(lambda run: self.cat_file(run.path, run.start, run.end), runs, on_error == "return")
        results: dict[int, Any] = {}
        for run, data in zip(runs, contents, strict=True):
            for index in run.members:
                results[index] = data if isinstance(data, Exception) else run.cut(data, slices[index])
        return [results[index] for index in range(len(slices))]

    def cat(self, path: Any, recursive: bool = False, on_error: str = "raise", **kwargs: Any) -> Any:
        """Return the bytes of a file, or of many, read at once, as a dict by their paths.

        Args:
            path: a path, a pattern or a list of them.
            recursive: read all files of a folder.
            on_error: ``"raise"``, ``"omit"`` a file that fails, or ``"return"`` the error in the place of its bytes.
            **kwargs: ``start`` and ``end`` of every slice.
        """
        found = self.expand_path(path, recursive=recursive)
        if len(found) == 1 and not isinstance(path, list) and found[0] == self._folder_path(path):
            return self.cat_file(found[0], **kwargs)
        if recursive:
            found = [name for name in found if self.isfile(name)]
        contents = _at_once(lambda name: self.cat_file(name, **kwargs), found, on_error != "raise")
        pairs = zip(found, contents, strict=True)
        return {name: data for name, data in pairs if on_error == "return" or not isinstance(data, Exception)}

    def get(self, rpath: Any, lpath: Any, recursive: bool = False, **kwargs: Any) -> None:
        """Write files, or with ``recursive`` folders, to local ones, each whole and verified.

        Args:
            rpath: a path, a pattern or a list of them.
            lpath: where to; a folder if it ends with ``/`` or is one.
            recursive: fetch folders too.
            **kwargs: ``callback`` and ``maxdepth`` of fsspec.
        """
        if isinstance(rpath, str) and isinstance(lpath, str) and not recursive and has_magic(rpath) and self.isfile(rpath):
            # fsspec would take the name for a pattern, and the target for a folder.
            into = lpath.endswith("/") or os.path.isdir(lpath)
            rpath, lpath = [rpath], [os.path.join(lpath, rpath.rpartition("/")[2]) if into else lpath]
        super().get(rpath, lpath, recursive=recursive, **kwargs)

    def get_file(
        self, rpath: Any, lpath: Any = None, callback: Any = DEFAULT_CALLBACK, outfile: Any = None, **_: Any
    ) -> None:
        """Write a file to a local one, which appears whole and verified or not at all, or to a file object."""
        target = outfile if outfile is not None else lpath
        with as_os_errors():
            if not self._key(rpath):
                os.makedirs(target, exist_ok=True)
                return
            key = self._file_key(rpath)
            try:
                if hasattr(target, "write"):
                    self._stream(key, target, callback)
                else:
                    self.store.download(key, target, progress=callback.relative_update)
            except NotFoundError:
                if hasattr(target, "write") or not self.isdir(rpath):
                    raise
                os.makedirs(target, exist_ok=True)

    def _stream(self, key: str, target: IO[bytes], callback: Any) -> None:
        with self.store.open(key) as reader:
            callback.set_size(reader.info.size)
            for chunk in reader.chunks():
                target.write(chunk)
                callback.relative_update(len(chunk))

    # Writing

    def pipe_file(self, path: Any, value: Any, mode: str = "overwrite", **options: Any) -> None:
        """Write bytes to a file.

        Args:
            path: the file.
            value: the bytes.
            mode: ``"overwrite"``, or ``"create"``, which the store refuses when the file is there.
            **options: keywords of ``AssetStore.upload``, for example ``metadata``.

        Raises:
            FileExistsError: the mode is ``"create"``, and the file is there.
        """
        overwrite = _overwrites(mode)
        data = value if isinstance(value, bytes) else bytes(memoryview(value))
        if self._intrans:
            with self.open(path, "wb" if overwrite else "xb", **options) as file:
                file.write(data)
        else:
            self._upload(self._file_key(path), data, overwrite=overwrite, **options)

    def pipe(self, path: Any, value: Any = None, **options: Any) -> None:
        """Write bytes to a file, or those of a dict of paths to many files at once. Options are those of ``pipe_file``."""
        if isinstance(path, dict):
            _at_once(lambda one: self.pipe_file(*one, **options), list(path.items()), False)
        else:
            self.pipe_file(path, value, **options)

    def put_file(
        self, lpath: Any, rpath: Any, callback: Any = DEFAULT_CALLBACK, mode: str = "overwrite", **options: Any
    ) -> None:
        """Write a local file to one here, whose name tells its type; ``mode`` and ``options`` as for ``pipe_file``."""
        overwrite = _overwrites(mode)
        if os.path.isdir(lpath):
            return
        callback.set_size(os.path.getsize(lpath))
        if self._intrans:
            with open(lpath, "rb") as source, self.open(rpath, "wb" if overwrite else "xb", **options) as file:
                while data := source.read(self.blocksize):
                    file.write(data)
                    callback.relative_update(len(data))
        else:
            options["progress"] = callback.relative_update
            self._upload(self._file_key(rpath), os.fspath(lpath), overwrite=overwrite, **options)

    def _upload(self, key: str, source: Any, **options: Any) -> None:
        with as_os_errors():
            self.store.upload(source, key, filename=key.rpartition("/")[2], **options)
        self.invalidate_cache()

    def open(
        self,
        path: Any,
        mode: str = "rb",
        block_size: int | None = None,
        cache_options: Any = None,
        compression: str | None = None,
        **kwargs: Any,
    ) -> Any:
        """Return a file object. What is written is stored when it is closed, not after an exception in its ``with`` block.

        Args:
            path: the file.
            mode: ``r``, ``w``, ``x``, which the store refuses when the file is there, or ``a``, which writes all of it anew
                and fails when another has changed it meanwhile; with ``b`` for bytes.
            block_size: for a reader with ``cache_type``.
            cache_options: as ``block_size``.
            compression: the name of a compression of fsspec, or ``"infer"`` from the path.
            **kwargs: ``encoding``, ``errors`` and ``newline`` for text; to write, keywords of ``AssetStore.upload``; to
                read, ``cache_type``, a cache of fsspec in place of the store's own read-ahead.
        """
        if "r" in mode:
            return super().open(path, mode, block_size, cache_options, compression, **kwargs)
        text = {name: kwargs.pop(name) for name in ("encoding", "errors", "newline") if name in kwargs}
        autocommit = kwargs.pop("autocommit", not self._intrans)
        written = self._writer(path, mode.replace("t", "").replace("b", "") + "b", autocommit, **kwargs)
        if not autocommit:
            self.transaction.files.append(written)
        file: Any = written
        if compression is not None:
            from fsspec.compression import compr
            from fsspec.core import get_compression

            name = get_compression(written.path, compression)
            file = CompressedFile(written, compr[name]) if name else written
        return file if "b" in mode else TextFile(file, **text)

    def _open(
        self, path: Any, mode: str = "rb", block_size: int | None = None, autocommit: bool = True, **kwargs: Any
    ) -> Any:
        if mode != "rb":
            return self._writer(path, mode, autocommit, **kwargs)
        key = self._file_key(path)
        cache_type = kwargs.pop("cache_type", None)
        if cache_type not in (None, "none"):
            return CachedFile(self, key, mode, block_size or "default", cache_type=cache_type, **kwargs)
        with as_os_errors():
            reader = self.store.open(key)
        return ReadFile(self, key, reader, listing.file_entry(reader.info))

    def _writer(self, path: Any, mode: str, autocommit: bool, **options: Any) -> WriteFile:
        key = self._file_key(path)
        for name in ("block_size", "cache_options", "cache_type"):
            options.pop(name, None)
        if mode == "xb":
            if self.isfile(key):
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), key)
            options["overwrite"] = False
        elif mode == "ab":
            return self._appender(key, autocommit, options)
        elif mode != "wb":
            raise NotImplementedError(f"a file opens to read (r), to write (w, x) or to append (a), not by {mode!r}")
        return WriteFile(key, mode, lambda source: self._upload(key, source, **options), autocommit=autocommit)

    def _appender(self, key: str, autocommit: bool, options: dict[str, Any]) -> WriteFile:
        """Return a writer that has the bytes of the file already, and stores them only in place of that version."""
        file = WriteFile(key, "ab", lambda source: self._upload(key, source, **options), autocommit=autocommit)
        try:
            with as_os_errors(), self.store.open(key) as reader:
                headers = {name: getattr(reader.info, name) for name in _COPIED}
                options.update({name: value for name, value in headers.items() if value and name not in options})
                options["if_match"] = reader.info.etag
                for chunk in reader.chunks():
                    file.write(chunk)
        except NotFoundError:
            options["overwrite"] = False
        except BaseException:
            file.discard()
            raise
        return file

    def touch(self, path: Any, truncate: bool = True, **options: Any) -> None:
        """Make an empty file of it, or with ``truncate=False`` only a new time where there is one."""
        if truncate:
            self.pipe_file(path, b"", **options)
            return
        self._refuse_in_transaction("touch with truncate=False")
        key = self._file_key(path)
        try:
            self._upload(key, b"", overwrite=False, **options)
        except AlreadyExistsError:
            with as_os_errors():
                self.store.update(key, metadata=dict(self.store.stat(key).metadata or {}))

    def mkdir(self, path: Any, create_parents: bool = True, **_: Any) -> None:
        """Do nothing: a folder is there once something is in it."""

    def makedirs(self, path: Any, exist_ok: bool = False) -> None:
        """Do nothing: a folder is there once something is in it."""

    def rmdir(self, path: Any) -> None:
        """Remove the marker of an empty folder, where it has one.

        Raises:
            OSError: something is in the folder.
        """
        self._refuse_in_transaction("rmdir")
        path = self._folder_path(path)
        with as_os_errors():
            found = list(self.store.list(paths.folder_prefix(path), limit=2))
            if any(not listing.is_marker(info) or info.key != f"{path}/" for info in found):
                raise OSError(errno.ENOTEMPTY, os.strerror(errno.ENOTEMPTY), path)
            if not found and self.isfile(path):
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path)
            self._delete(found)

    # Removing and copying

    def rm_file(self, path: Any) -> None:
        """Remove a file.

        Raises:
            FileNotFoundError: it is not there.
        """
        self._refuse_in_transaction("rm")
        key = self._file_key(path)
        with as_os_errors():
            self.store.stat(key)
            self._delete([key])

    _rm = rm_file

    def rm(self, path: Any, recursive: bool = False, maxdepth: int | None = None) -> None:
        """Remove files, with ``recursive`` folders and all that is in them. A name that is there is not taken as a pattern.

        An empty folder and none are the same, so with ``recursive`` there may be nothing to remove.

        Raises:
            FileNotFoundError: a file is not there, or a pattern matches nothing; nothing is removed then.
            IsADirectoryError: one of them is a folder, and ``recursive`` is not set; nothing is removed then.
        """
        self._refuse_in_transaction("rm")
        ones = [path] if isinstance(path, str | os.PathLike) else path
        found: list[str] = []
        keys: dict[str, str | AssetInfo] = {}
        for one in ones:
            names = self.expand_path(one, recursive and maxdepth is not None, maxdepth)
            # A path that ends with "/" is a folder; a file of its name stays.
            is_folder = self._key(one).endswith("/")
            if is_folder and not recursive:
                raise IsADirectoryError(errno.EISDIR, f"{os.strerror(errno.EISDIR)}, pass recursive=True", os.fspath(one))
            found += names
            kept = (names if maxdepth is None else [self._folder_path(one)]) if is_folder else [""]
            keys |= {name: name for name in names if name not in kept}
        with as_os_errors():
            if not recursive:
                for name, kind in zip(found, _at_once(self._type, found, False), strict=True):
                    if kind is None:
                        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)
                    if kind != "file":
                        raise IsADirectoryError(errno.EISDIR, f"{os.strerror(errno.EISDIR)}, pass recursive=True", name)
            elif maxdepth is None:
                inside = (info for name in found for info in self.store.list(paths.folder_prefix(name)))
                keys |= {info.key: info for info in inside}
            self._delete(keys.values())

    def _delete(self, keys: Iterable[str | AssetInfo]) -> None:
        report = self.store.delete_many(keys)
        self.invalidate_cache()
        for failure in report.failed:
            raise failure.error

    def cp_file(self, path1: Any, path2: Any, **_: Any) -> None:
        """Copy a file, with its headers and metadata, inside the store. Of a folder nothing is copied."""
        self._refuse_in_transaction("cp")
        self._transfer(self.store.copy, path1, path2)

    def _transfer(self, run: Callable[[str, str], object], path1: Any, path2: Any) -> None:
        with as_os_errors():
            try:
                run(self._file_key(path1), self._file_key(path2))
            except NotFoundError:
                if not self.isdir(path1):
                    raise
        self.invalidate_cache()

    def copy(
        self,
        path1: Any,
        path2: Any,
        recursive: bool = False,
        maxdepth: int | None = None,
        on_error: str | None = None,
        **_: Any,
    ) -> None:
        """Copy files or folders inside the store, many at once.

        Where two would become one file, or one would replace another that is still to be copied, nothing is copied.

        Args:
            path1: a path, a pattern or a list of them.
            path2: where to; a folder if it ends with ``/`` or is one.
            recursive: copy folders too.
            maxdepth: how many levels of them.
            on_error: ``"ignore"`` passes over files that are gone, the default where ``recursive``, or ``"raise"``.
        """
        ignore = on_error == "ignore" or (on_error is None and recursive)
        pairs = self._pairs(path1, path2, recursive, maxdepth)
        for result in _at_once(lambda pair: self.cp_file(*pair), pairs, True):
            if isinstance(result, Exception) and not (ignore and isinstance(result, FileNotFoundError)):
                raise result

    def mv(self, path1: Any, path2: Any, recursive: bool = False, maxdepth: int | None = None, **_: Any) -> None:
        """Move files or folders inside the store: each file is removed once its copy is there; else as ``copy``."""
        self._refuse_in_transaction("mv")
        pairs = self._pairs(path1, path2, recursive, maxdepth)
        _at_once(lambda pair: self._transfer(self.store.move, *pair), pairs, False)

    def _pairs(self, path1: Any, path2: Any, recursive: bool, maxdepth: int | None) -> list[tuple[Any, Any]]:
        """Return from where to where, by the rules of fsspec's "Copying files and directories"."""
        if isinstance(path1, list) and isinstance(path2, list):
            pairs = zip(map(self._file_key, path1), map(self._file_key, path2), strict=True)
            return _require_apart(list(pairs))
        one = isinstance(path1, str)
        is_pattern = one and self._is_pattern(self._folder_path(path1))
        found = self.expand_path(path1, recursive=recursive, maxdepth=maxdepth)
        if one and (not recursive or maxdepth is not None):
            found = [name for name in found if not self.isdir(name)]
        if not found:
            return []
        into = isinstance(path2, str) and (path2.endswith("/") or self.isdir(path2))
        exists = one and ((is_pattern and len(found) == 1) or (not is_pattern and into and not path1.endswith("/")))
        target = self._folder_path(path2)
        targets = other_paths(found, target, exists=exists, flatten=not one)
        return _require_apart([(name, target) for name, target in zip(found, targets, strict=True) if name])

    def _refuse_in_transaction(self, name: str) -> None:
        if self._intrans:
            raise NotImplementedError(f"{name} cannot be held back to the end of a transaction; call it outside")

    # The file system itself

    def invalidate_cache(self, path: Any = None) -> None:
        """Forget all listings that were kept."""
        self.dircache.clear()
        super().invalidate_cache(path)

    @property
    def fsid(self) -> str:
        """A text that is the same for file systems of the same store, in any process."""
        return f"{paths.PROTOCOL}_{self._fs_token}"

    @functools.cached_property
    def _fs_token(self) -> str:
        try:
            recipe = repr(self.store.__reduce__()[1:])
        except TypeError:
            # A store that does not go to other processes is equal to itself alone.
            recipe = str(id(self.store))
        return str(tokenize(type(self).__qualname__, recipe))

    def __repr__(self) -> str:
        # fsspec compares what wraps a file system by this text.
        return f"<{type(self).__name__} {self.store.name} {self._fs_token}>"

    def __reduce__(self) -> tuple[object, ...]:
        return _opened, (type(self), {**self.storage_options, "store": self.store})


def _opened(cls: type[AssetStoreFileSystem], options: Mapping[str, Any]) -> AssetStoreFileSystem:
    return cls(**options)


def _shared(store: str | None) -> AssetStore:
    if not (store is None or isinstance(store, str)):
        raise TypeError(f"the store must be an AssetStore, a name or a URL, got {type(store).__name__}")
    return _open_once(store, os.getcwd(), *map(os.environ.get, ("ASSETSTORE_STORE", "ASSETSTORE_CONFIG")))


@functools.lru_cache(maxsize=64)
def _open_once(store: str | None, *surroundings: str | None) -> AssetStore:
    """Open a store that all file systems of its name share; what a name means depends on the surroundings."""
    return open_store(store)


def _require_depth(maxdepth: int | None) -> None:
    if maxdepth is not None and maxdepth < 1:
        raise ValueError(f"maxdepth must be at least 1, got {maxdepth}")


def _require_apart(pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the pairs; refuse those of which one would overwrite what another reads or writes, as all run at once."""
    sources = {source for source, _ in pairs}
    seen: set[str] = set()
    for source, target in pairs:
        if target in seen or (target in sources and target != source):
            raise ValueError(f"each file must have a target of its own that is not to be copied too, got {target!r}")
        seen.add(target)
    return pairs


def _overwrites(mode: str) -> bool:
    if mode not in ("overwrite", "create"):
        raise ValueError(f"the mode must be 'overwrite' or 'create', got {mode!r}")
    return mode == "overwrite"


def _at_once(run: Callable[[Any], T], items: Sequence[Any], returns_errors: bool) -> list[Any]:
    """Return the results of a function, in the order of its items; an error in the place of its result, or raised."""

    def caught(item: Any) -> T | Exception:
        try:
            return run(item)
        except Exception as error:  # the caller's to see
            if not returns_errors:
                raise
            return error

    if len(items) < 2:
        return [caught(item) for item in items]
    with ThreadPoolExecutor(min(THREADS, len(items)), thread_name_prefix="assetstore-fsspec") as pool:
        return list(pool.map(caught, items))
