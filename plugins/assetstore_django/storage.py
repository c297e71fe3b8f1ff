"""``AssetStorage``: Django's storage interface over one store."""

from __future__ import annotations

import contextlib
import io
import os
import posixpath
import threading
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from tempfile import SpooledTemporaryFile
from typing import Any

from django.conf import settings
from django.core.exceptions import SuspiciousFileOperation
from django.core.files import File
from django.core.files.storage import Storage
from django.core.files.uploadedfile import InMemoryUploadedFile
from django.core.signals import setting_changed
from django.utils.deconstruct import deconstructible

from assetstore import AlreadyExistsError, AssetInfo, AssetStore, InvalidKeyError, NotFoundError, Prefix, open_store
from assetstore.plugin import join_key, normalize_key
from assetstore_django.files import AssetFile

CONFIG_SETTING = "ASSETSTORE_CONFIG"
"""The setting that names the configuration file, where it is not the nearest ``assetstore.toml``."""
_ATTEMPTS = 100
_IN_MEMORY = 1 << 20
_PER_PAGE = 20
"""How many files must be asked for that another page of a listing is worth its request."""
_OPENING = threading.Lock()
# What Django's own chunks() yield is what the file holds; then the store may read the file itself, and knows its size.
_PLAIN_CHUNKS = (File.chunks, InMemoryUploadedFile.chunks)


class NoPathError(FileNotFoundError, NotImplementedError):
    """The file is missing. Applications ask for the path of any name, and take NotImplementedError for a remote storage."""


@deconstructible
class _Deconstructible(Storage):  # type: ignore[misc]  # Django has no types
    """Remembers the arguments of a storage, for migrations."""


class AssetStorage(_Deconstructible):
    """Keeps the files of Django in a store: ``{"BACKEND": "assetstore_django.AssetStorage", "OPTIONS": {"store": "prod"}}``.

    The store is opened when it is first used. Errors are Django's and Python's own, with those of assetstore as the cause or
    as themselves: a missing file is FileNotFoundError, a name that leads outside SuspiciousFileOperation, what the store
    cannot do NotImplementedError, and any other failure an AssetStoreError.

    Attributes:
        location: the beginning of all keys, ``""`` or ending in ``/``.
        public: whether ``url`` returns public URLs, see ``__init__``.
        expires: how long a signed URL lives at least.
        window: for how long ``url`` returns the same signed URL.
        overwrite: whether ``save`` replaces a file of the same name.
    """

    def __init__(
        self,
        store: str | Mapping[str, Any] | AssetStore | None = None,
        *,
        location: str | os.PathLike[str] = "",
        public: bool | None = None,
        expires: Any = 3600,
        window: Any = 3600,
        overwrite: bool = False,
    ) -> None:
        """Describe a storage.

        Args:
            store: the name of a store in the configuration, its URL, a table of settings, or a store that is open. By
                default the one that ``assetstore.open_store()`` opens.
            location: the folder of the store to which this storage is confined; by default all of the store.
            public: ``True`` for public URLs, ``False`` for signed ones; by default public ones where the store has them.
            expires: how long a signed URL lives at least, in seconds or for example ``"1h"``.
            window: all calls within one such span of the clock return the same signed URL, so that browsers may cache the
                file; ``None`` signs anew each time.
            overwrite: ``True`` replaces a file of the same name; otherwise ``save`` finds a name that is free.
        """
        self._store = store
        self.location: str = f"{folder}/" if (folder := join_key(os.fspath(location).replace("\\", "/"))) else ""
        self.public = public
        self.expires = expires
        self.window = window
        self.overwrite = overwrite
        self._opened: AssetStore | None = None
        setting_changed.connect(self._forget_store)

    @property
    def store(self) -> AssetStore:
        """The part of the store below ``location``, as a store of its own.

        Raises:
            ConfigError: the store cannot be opened; ``problems`` lists every mistake.
        """
        if self._opened is None:
            with _OPENING:
                if self._opened is None:
                    self._opened = self._open_store()
        return self._opened

    def _open_store(self) -> AssetStore:
        given = self._store
        config = getattr(settings, CONFIG_SETTING, None)
        store = given if isinstance(given, AssetStore) else open_store(given, config=config)
        return store.scoped(self.location) if self.location else store

    def _forget_store(self, *, setting: str, **_: object) -> None:
        """Open the store anew after a test changed where its configuration is."""
        if setting == CONFIG_SETTING:
            self._opened = None

    def key(self, name: str | os.PathLike[str]) -> str:
        """Return the key of a file, spelled as the store does.

        Raises:
            SuspiciousFileOperation: no file can have this name.
        """
        text = os.fspath(name).replace("\\", "/")
        try:
            key = normalize_key(posixpath.normpath(text))
            normalize_key(self.location + key)  # for its length
        except InvalidKeyError as error:
            raise SuspiciousFileOperation(f"the name {text!r} cannot be a file of the storage: {error.message}") from error
        return key

    def _folder(self, path: str | os.PathLike[str]) -> str:
        """Return the prefix of a folder; ``""`` for all of the storage."""
        text = posixpath.normpath(os.fspath(path).replace("\\", "/") or ".")
        return "" if text in (".", "/") else f"{self.key(text)}/"

    def _open(self, name: str, mode: str = "rb") -> AssetFile:
        """Open a file to read it (``r``), write it (``w``) or write it if it is new (``x``), as bytes or as text."""
        return AssetFile(self.store, self.key(name), name, mode)

    def save(self, name: str | None, content: Any, max_length: int | None = None) -> str:
        """Store a new file and return its name, which is another one if the name is taken, also by another process.

        Args:
            name: the name; by default that of ``content``.
            content: a file of Django or of Python; it is read from its beginning.
            max_length: the most characters of the name.

        Raises:
            SuspiciousFileOperation: no file can have this name.
        """
        name = content.name if name is None else name
        with self._again(content, name) as content:
            for _ in range(_ATTEMPTS):
                try:
                    return str(super().save(name, content, max_length))
                except AlreadyExistsError as error:
                    taken = error
        raise taken

    def _save(self, name: str, content: Any) -> str:
        key = self.key(name)
        with self._again(content, name) as source:
            given = source.temporary_file_path() if hasattr(source, "temporary_file_path") else source
            return self.store.upload(given, key, overwrite=self.overwrite).key

    @contextlib.contextmanager
    def _again(self, content: Any, name: str | None) -> Iterator[Any]:
        """Give a file that can be read again for another name: the file itself or, where it cannot, a copy of its bytes."""
        content = content if hasattr(content, "chunks") else File(content, name)
        if hasattr(content, "temporary_file_path"):
            yield content
            return
        is_plain = getattr(content.chunks, "__func__", None) in _PLAIN_CHUNKS
        if is_plain and content.seekable() and not _is_text(content):
            content.seek(0)
            yield content
            return
        with SpooledTemporaryFile(max_size=_IN_MEMORY) as copy:
            for chunk in content.chunks():
                copy.write(chunk.encode() if isinstance(chunk, str) else chunk)
            copy.seek(0)
            yield File(copy, content.name or name)  # a file of Django without a name counts as false

    def get_available_name(self, name: str, max_length: int | None = None) -> str:
        """Return the name or one like it that is free, spelled as it will be stored: NFC may lengthen a name."""
        return str(super().get_available_name(unicodedata.normalize("NFC", os.fspath(name)), max_length))

    def is_name_available(self, name: str, max_length: int | None = None) -> bool:
        """Return whether ``save`` may use a name: it is free, or may be overwritten, and is not too long."""
        fits = not (max_length and len(name) > max_length)
        return fits and (self.overwrite or not self.exists(name))

    def get_alternative_name(self, file_root: str, file_ext: str) -> str:
        """Return the name to try next: with seven more letters, or, to overwrite, only as short as it must be."""
        return file_root + file_ext if self.overwrite else str(super().get_alternative_name(file_root, file_ext))

    def delete(self, name: str) -> None:
        """Delete a file; a missing one counts as deleted.

        Raises:
            ValueError: the name is empty.
        """
        if not name:
            raise ValueError("The name must be given to delete().")  # Django's words
        self.store.delete(self.key(name))

    def exists(self, name: str) -> bool:
        """Return whether there is such a file. The storage itself, ``""``, always exists; other folders are none."""
        return self._is_root(name) or self.store.exists(self.key(name))

    def listdir(self, path: str) -> tuple[list[str], list[str]]:
        """Return the names of the folders and of the files in a folder; none for a folder that does not exist."""
        prefix = self._folder(path)
        folders, files = [], []
        for entry in self.store.list(prefix, recursive=False):
            name = entry.key[len(prefix) :]
            if isinstance(entry, Prefix):
                folders.append(name.rstrip("/"))
            elif name and entry.valid:
                files.append(name)
        return [name for name in folders if name], files

    def size(self, name: str) -> int:
        """Return the number of bytes of a file."""
        return self.store.stat(self.key(name)).size

    def sizes(self, names: Iterable[str]) -> dict[str, int]:
        """Return the sizes of many files by their names, without those that are missing.

        A page of a listing tells a thousand of them by one request, so ``size`` for each would take many more.
        """
        keys = {name: self.key(name) for name in names}
        wanted = sorted(set(keys.values()))
        found, rest = self._listed_sizes(wanted) if wanted else ({}, [])
        for result in self.store.stat_many(rest):
            if result.value is not None:
                found[result.value.key] = result.value.size
            elif result.error is not None and not isinstance(result.error, FileNotFoundError):
                raise result.error
        return {name: found[key] for name, key in keys.items() if key in found}

    def _listed_sizes(self, wanted: list[str]) -> tuple[dict[str, int], list[str]]:
        """Return what a listing tells of some sorted keys, and those that it did not reach in a few pages."""
        prefix = os.path.commonprefix(wanted)  # noqa: RUF071 - a key is a text, not a path
        found: dict[str, int] = {}
        cursor, last = None, ""
        for _ in range(1 + len(wanted) // _PER_PAGE):
            # What a key begins with comes before it.
            page = self.store.list_page(prefix, cursor=cursor, start_after=None if cursor else wanted[0][:-1] or None)
            found.update((info.key, info.size) for info in page.items)
            cursor, last = page.next_cursor, page.items[-1].key if page.items else last
            if cursor is None or last >= wanted[-1]:
                return found, []
        return found, [key for key in wanted if key > last]

    def url(self, name: str | os.PathLike[str] | None) -> str:
        """Return the URL of a file, which need not exist: the public one, or a signed one that is the same for a while.

        Raises:
            ValueError: there is no name.
            NotImplementedError: the store has no URLs of this kind.
        """
        if not name:
            raise ValueError("the name of the file must not be empty to have a URL")
        key = self.key(name) + ("/" if os.fspath(name).endswith("/") else "")  # of a folder, to which a template adds names
        if self.public or (self.public is None and self.store.can("url")):
            return self.store.url(key)
        return self.store.presign(key, expires=self.expires, window=self.window).url

    def path(self, name: str) -> str:
        """Return the path of a file that is stored as a file. Only read it: what is written to it damages the asset.

        Raises:
            NotImplementedError: the store has no files; and the storage itself has no path.
        """
        if self._is_root(name):
            raise NotImplementedError("a storage of assets has no path of its own, only each of its files may have one")
        try:
            return str(self.store.path(self.key(name)))
        except NotFoundError as error:
            raise NoPathError(f"there is no file {name!r}, and only a file that is stored has a path") from error

    def get_modified_time(self, name: str) -> datetime:
        """Return when a file was stored, aware if ``USE_TZ`` is set, otherwise in local time."""
        stored = self._stored_at(self.store.stat(self.key(name)))
        return stored if settings.USE_TZ else datetime.fromtimestamp(stored.timestamp())

    def get_created_time(self, name: str) -> datetime:
        """Return when a file was stored, as ``get_modified_time``: files are stored whole and never changed."""
        return self.get_modified_time(name)

    def get_accessed_time(self, name: str) -> datetime:
        """Return when a file was last read, as its file system says, aware if ``USE_TZ`` is set.

        Raises:
            NotImplementedError: the store has no files, and does not tell.
        """
        seconds = os.stat(self.path(name)).st_atime
        return datetime.fromtimestamp(seconds, tz=UTC if settings.USE_TZ else None)

    @staticmethod
    def _stored_at(info: AssetInfo) -> datetime:
        if info.last_modified is None:
            raise NotImplementedError("the store does not tell when a file was stored")
        return info.last_modified

    @staticmethod
    def _is_root(name: str | os.PathLike[str]) -> bool:
        return posixpath.normpath(os.fspath(name).replace("\\", "/") or ".") == "."

    def deconstruct(self) -> tuple[str, Any, dict[str, Any]]:
        """Return how a migration writes this storage.

        Raises:
            ValueError: the store is an object or a table, which may hold secrets.
        """
        if not isinstance(self._store, str | None):
            raise ValueError(
                "a migration must not hold a table of settings or an open store: give the storage a store's name, or give"
                " the field a function that returns the storage, for example storage=lambda: storages['private']"
            )
        path, arguments, options = super().deconstruct()
        return "assetstore_django.AssetStorage" if type(self) is AssetStorage else path, arguments, options

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_opened": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        setting_changed.connect(self._forget_store)

    def __repr__(self) -> str:
        # A URL may hold what is nobody's business, and a table secrets.
        name = self._store if isinstance(self._store, str) and ":" not in self._store else "…"
        return f"<{type(self).__name__} {name} {self.location!r}>"


def _is_text(content: Any) -> bool:
    """Return whether a file yields text, or any file that it wraps."""
    while content is not None and not isinstance(content, io.TextIOBase):
        content = getattr(content, "file", None)
    return content is not None
