"""Stores of local files behind the same few calls: assetstore's and those of the peers.

Runs with the Python of each peer, so it imports no package at the top. Each library is used as its documentation shows, with
the safest of its documented options: transactions of fsspec, ``atomic_write_dir`` of OpenDAL, ``allow_overwrite`` of Django.
cloudpathlib's store of local files is meant for tests of programs. ``label`` is metadata, which the others do not keep.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

PART = 5 << 20
Failures = dict[str, BaseException]


class LocalStore:
    """What the harness calls. A call that a library does not have is not overridden.

    Attributes:
        errors: what the library says that its calls raise.
        forks: whether a process that used it may be forked; not where it has threads of its own.
    """

    errors: tuple[type[BaseException], ...] = (OSError,)
    forks = True

    def __init__(self, root: Path) -> None:
        self.root = root
        self.open()

    @classmethod
    def can(cls, call: str) -> bool:
        """Whether the library has a call."""
        return getattr(cls, call) is not getattr(LocalStore, call)

    def open(self) -> None:
        """Make the library's own object."""

    def put(self, key: str, data: bytes, label: str = "") -> None:
        """Store bytes."""
        raise NotImplementedError

    def create(self, key: str, data: bytes) -> None:
        """Store bytes where there are none."""
        raise NotImplementedError

    def put_many(self, items: Mapping[str, bytes]) -> Failures:
        """Store bytes under several keys in one call; return what failed."""
        raise NotImplementedError

    def put_parts(self, key: str, parts: Sequence[bytes]) -> None:
        """Store parts, and join them."""
        raise NotImplementedError

    def get(self, key: str) -> bytes:
        """Return the bytes of an asset."""
        raise NotImplementedError

    def label(self, key: str) -> str:
        """Return the metadata of an asset."""
        return ""

    def size(self, key: str) -> int:
        """Return the size of an asset."""
        raise NotImplementedError

    def download(self, key: str, path: Path) -> None:
        """Write an asset to a file."""
        raise NotImplementedError

    def list_keys(self) -> list[str]:
        """Return all keys."""
        raise NotImplementedError

    def copy(self, source: str, target: str) -> None:
        """Copy an asset."""
        raise NotImplementedError

    def move(self, source: str, target: str) -> None:
        """Move an asset."""
        raise NotImplementedError

    def update(self, key: str, label: str) -> None:
        """Replace the metadata of an asset."""
        raise NotImplementedError

    def delete(self, key: str) -> None:
        """Delete an asset."""
        raise NotImplementedError

    def delete_many(self, keys: Sequence[str]) -> Failures:
        """Delete several assets in one call; return what failed."""
        raise NotImplementedError

    def hidden(self) -> list[str]:
        """Return the files that no key shows: what is left over."""
        shown = {os.path.normpath(self.root / key) for key in self.list_keys()}
        files = (os.path.join(folder, name) for folder, _, names in os.walk(self.root) for name in names)
        return sorted(os.path.relpath(path, self.root) for path in files if path not in shown)


class Assetstore(LocalStore):
    """assetstore's local plugin."""

    def open(self) -> None:
        from assetstore import AssetStore, AssetStoreError
        from assetstore_local import LocalBackend

        self.errors = (AssetStoreError,)
        self.store: Any = AssetStore(LocalBackend(root=self.root))

    def put(self, key: str, data: bytes, label: str = "") -> None:
        self.store.upload(data, key, metadata={"label": label})

    def create(self, key: str, data: bytes) -> None:
        self.store.upload(data, key, overwrite=False)

    def put_many(self, items: Mapping[str, bytes]) -> Failures:
        pairs = [(data, key) for key, data in items.items()]
        return {result.key: result.error for result in self.store.upload_many(pairs) if result.error}

    def put_parts(self, key: str, parts: Sequence[bytes]) -> None:
        size = sum(len(part) for part in parts)
        token = self.store.begin_upload(key=key, size=size, part_size=PART).token
        application = self.store.application("wsgi")
        requests = self.store.presign_parts(token, range(1, len(parts) + 1))
        for data, (_, request) in zip(parts, sorted(requests.items()), strict=True):
            answer: list[str] = []
            body = application(_request(request, data), lambda status, headers, answer=answer: answer.append(status))
            list(body)
            body.close() if hasattr(body, "close") else None
            if not answer[0].startswith("200"):
                raise self.errors[0](f"the server answered {answer[0]}")
        self.store.finish_upload(token)

    def get(self, key: str) -> bytes:
        return bytes(self.store.read(key))

    def label(self, key: str) -> str:
        return str((self.store.stat(key).metadata or {}).get("label", ""))

    def size(self, key: str) -> int:
        return int(self.store.stat(key).size)

    def download(self, key: str, path: Path) -> None:
        self.store.download(key, path)

    def list_keys(self) -> list[str]:
        # What is pending is not an asset yet.
        return [item.key for item in self.store.list() if not item.key.startswith("pending/")]

    def copy(self, source: str, target: str) -> None:
        self.store.copy(source, target)

    def move(self, source: str, target: str) -> None:
        self.store.move(source, target)

    def update(self, key: str, label: str) -> None:
        self.store.update(key, metadata={"label": label})

    def delete(self, key: str) -> None:
        self.store.delete(key)

    def delete_many(self, keys: Sequence[str]) -> Failures:
        return {failure.key: failure.error for failure in self.store.delete_many(keys).failed}

    def hidden(self) -> list[str]:
        """Return the staged files; what else lies in ``.assetstore`` belongs to assets."""
        own = self.root / ".assetstore"
        return sorted(str(path.relative_to(self.root)) for path in own.glob("tmp/*"))


def _request(request: Any, data: bytes) -> dict[str, Any]:
    """Return a signed request as a web server passes it to an application."""
    import io

    url = urlsplit(request.url)
    headers = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in request.headers.items()}
    return {
        **headers,
        "HTTP_HOST": url.netloc,
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": url.path,
        "QUERY_STRING": url.query,
        "RAW_URI": f"{url.path}?{url.query}",
        "CONTENT_LENGTH": str(len(data)),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.input": io.BytesIO(data),
        "wsgi.url_scheme": url.scheme,
    }


class Obstore(LocalStore):
    """obstore's LocalStore."""

    forks = False

    def open(self) -> None:
        import obstore
        from obstore.exceptions import BaseError
        from obstore.store import LocalStore as Store

        self.errors = (BaseError, OSError)
        self.library: Any = obstore
        self.store = Store(self.root, mkdir=True)

    def put(self, key: str, data: bytes, label: str = "") -> None:
        self.store.put(key, data)

    def create(self, key: str, data: bytes) -> None:
        self.store.put(key, data, mode="create")

    def put_parts(self, key: str, parts: Sequence[bytes]) -> None:
        self.store.put(key, iter(parts), use_multipart=True, chunk_size=PART)

    def get(self, key: str) -> bytes:
        return bytes(self.store.get(key).bytes())

    def size(self, key: str) -> int:
        return int(self.store.head(key)["size"])

    def list_keys(self) -> list[str]:
        return [str(item["path"]) for page in self.store.list() for item in page]

    def copy(self, source: str, target: str) -> None:
        self.store.copy(source, target)

    def move(self, source: str, target: str) -> None:
        self.store.rename(source, target)

    def delete(self, key: str) -> None:
        self.store.delete(key)

    def delete_many(self, keys: Sequence[str]) -> Failures:
        self.store.delete(list(keys))
        return {}


class Opendal(LocalStore):
    """OpenDAL's ``fs``, whose writes are staged."""

    forks = False

    def open(self) -> None:
        import opendal

        self.errors = (OSError, *(each for each in vars(opendal.exceptions).values() if isinstance(each, type)))
        staging = self.root.parent / f"{self.root.name}-staging"
        self.operator: Any = opendal.Operator("fs", root=str(self.root), atomic_write_dir=str(staging))

    def put(self, key: str, data: bytes, label: str = "") -> None:
        self.operator.write(key, data)

    def create(self, key: str, data: bytes) -> None:
        self.operator.write(key, data, if_not_exists=True)

    def get(self, key: str) -> bytes:
        return bytes(self.operator.read(key))

    def size(self, key: str) -> int:
        return int(self.operator.stat(key).content_length)

    def list_keys(self) -> list[str]:
        return [entry.path for entry in self.operator.scan("") if not entry.path.endswith("/")]

    def copy(self, source: str, target: str) -> None:
        self.operator.copy(source, target)

    def move(self, source: str, target: str) -> None:
        self.operator.rename(source, target)

    def delete(self, key: str) -> None:
        self.operator.delete(key)

    def hidden(self) -> list[str]:
        staging = self.root.parent / f"{self.root.name}-staging"
        return [*super().hidden(), *sorted(f"staging/{path.name}" for path in staging.rglob("*") if path.is_file())]


class Fsspec(LocalStore):
    """fsspec's files below a folder, written in transactions, whose temporary files lie beside the folder."""

    def open(self) -> None:
        import tempfile

        from fsspec.implementations.dirfs import DirFileSystem
        from fsspec.implementations.local import LocalFileSystem

        self.temporary = self.root.parent / f"{self.root.name}-temporary"
        self.temporary.mkdir(exist_ok=True)
        tempfile.tempdir = str(self.temporary)
        self.local: Any = LocalFileSystem(auto_mkdir=True, skip_instance_cache=True)
        self.fs: Any = DirFileSystem(path=str(self.root), fs=self.local)

    def put(self, key: str, data: bytes, label: str = "") -> None:
        with self.local.transaction, self.fs.open(key, "wb") as file:
            file.write(data)

    def create(self, key: str, data: bytes) -> None:
        self.fs.pipe_file(key, data, mode="create")

    def put_many(self, items: Mapping[str, bytes]) -> Failures:
        with self.local.transaction:
            self.fs.pipe(dict(items))
        return {}

    def get(self, key: str) -> bytes:
        return bytes(self.fs.cat_file(key))

    def size(self, key: str) -> int:
        return int(self.fs.size(key))

    def download(self, key: str, path: Path) -> None:
        self.fs.get_file(key, str(path))

    def list_keys(self) -> list[str]:
        return [str(key) for key in self.fs.find("")]

    def copy(self, source: str, target: str) -> None:
        self.fs.cp_file(source, target)

    def move(self, source: str, target: str) -> None:
        self.fs.mv(source, target)

    def delete(self, key: str) -> None:
        self.fs.rm_file(key)

    def hidden(self) -> list[str]:
        return [*super().hidden(), *sorted(f"temporary/{path.name}" for path in self.temporary.iterdir())]


class Django(LocalStore):
    """Django's FileSystemStorage."""

    def open(self) -> None:
        from django.conf import settings
        from django.core.exceptions import SuspiciousFileOperation
        from django.core.files.base import ContentFile
        from django.core.files.storage import FileSystemStorage

        if not settings.configured:
            settings.configure()
        self.errors = (OSError, SuspiciousFileOperation)
        self.content: Any = ContentFile
        self.storage: Any = FileSystemStorage(location=str(self.root), allow_overwrite=True)

    def put(self, key: str, data: bytes, label: str = "") -> None:
        self.storage.save(key, self.content(data))

    def get(self, key: str) -> bytes:
        with self.storage.open(key) as file:
            return bytes(file.read())

    def size(self, key: str) -> int:
        return int(self.storage.size(key))

    def list_keys(self) -> list[str]:
        return list(self._below("")) if self.root.exists() else []

    def _below(self, folder: str) -> Iterator[str]:
        folders, names = self.storage.listdir(folder)
        yield from (f"{folder}{name}" for name in names)
        for name in folders:
            yield from self._below(f"{folder}{name}/")

    def delete(self, key: str) -> None:
        self.storage.delete(key)


class Cloudpathlib(LocalStore):
    """cloudpathlib's LocalS3Client."""

    def open(self) -> None:
        from cloudpathlib.exceptions import CloudPathException
        from cloudpathlib.local import LocalS3Client

        self.errors = (OSError, CloudPathException)
        # By default a client has a folder of its own, in the system's folder for temporary files.
        cache = self.root.parent / f"{self.root.name}-cache" / str(os.getpid())
        self.client: Any = LocalS3Client(local_storage_dir=self.root, local_cache_dir=cache)

    def _path(self, key: str) -> Any:
        return self.client.CloudPath(f"s3://bucket/{key}")

    def put(self, key: str, data: bytes, label: str = "") -> None:
        self._path(key).write_bytes(data)

    def get(self, key: str) -> bytes:
        return bytes(self._path(key).read_bytes())

    def size(self, key: str) -> int:
        return int(self._path(key).stat().st_size)

    def download(self, key: str, path: Path) -> None:
        self._path(key).download_to(path)

    def list_keys(self) -> list[str]:
        start = len("s3://bucket/")
        if not (self.root / "bucket").exists():
            return []
        return [str(path)[start:] for path in self._path("").glob("**/*") if path.is_file()]

    def copy(self, source: str, target: str) -> None:
        self._path(source).copy(self._path(target), force_overwrite_to_cloud=True)

    def move(self, source: str, target: str) -> None:
        self._path(source).replace(self._path(target))

    def delete(self, key: str) -> None:
        self._path(key).unlink()

    def hidden(self) -> list[str]:
        return [name for name in super().hidden() if name.removeprefix("bucket/") not in self.list_keys()]


STORES: Mapping[str, type[LocalStore]] = {
    "assetstore": Assetstore,
    "obstore": Obstore,
    "opendal": Opendal,
    "fsspec": Fsspec,
    "django": Django,
    "cloudpathlib": Cloudpathlib,
}


def look(store: LocalStore, target: Path) -> dict[str, Any]:
    """Return what a store says of each of its keys, as digest and metadata, and what a folder of downloads holds."""
    seen: dict[str, Any] = {}
    for key in store.list_keys():
        try:
            data = store.get(key)
            size = store.size(key)
            seen[key] = [hashlib.sha256(data).hexdigest()[:16], store.label(key)] if size == len(data) else "another size"
        except Exception as error:
            seen[key] = f"cannot be read: {type(error).__name__}"
    for path in target.rglob("*") if target.exists() else ():
        if path.is_file():
            with contextlib.suppress(OSError):
                seen[f"file:{path.relative_to(target)}"] = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    return seen
