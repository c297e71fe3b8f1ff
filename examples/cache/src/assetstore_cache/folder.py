"""The folder: one file for each version of an asset, which holds its bytes and then their SHA-256."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, BinaryIO

from assetstore.plugin import AssetInfo

SUFFIX = ".asset"
DIGEST_BYTES = 32
CHUNK_BYTES = 1 << 20


class Folder:
    """A folder of bounded size that several processes may write to. It leaves files that are not its own alone."""

    def __init__(self, path: Path, max_bytes: int) -> None:
        self.path = path
        # The folder is scanned once for each hundredth of its size, so it is emptied to a hundredth less.
        self._slack = max_bytes // 100
        self._bound = max_bytes - self._slack
        self._added = max_bytes

    def open(self, info: AssetInfo) -> BinaryIO | None:
        """Return the verified file of a version, at its beginning, or ``None``. A damaged file is removed."""
        path = self._path(info)
        try:
            file = path.open("rb")
        except OSError:
            return None
        if _is_sound(file, info):
            with contextlib.suppress(OSError):
                os.utime(path)
            file.seek(0)
            return file
        file.close()
        _remove(path)
        return None

    def draft(self, info: AssetInfo) -> Draft:
        """Return a draft to write the bytes of a version to."""
        return Draft(self, self._path(info), info.size)

    def make_room(self, added: int) -> None:
        """Remove the least recently read files after ``added`` bytes were added. Drafts count as well."""
        self._added += added
        if self._added <= self._slack:
            return
        self._added = 0
        found = sorted(self._files())
        surplus = sum(size for _, size, _ in found) - self._bound
        for _, size, path in found:
            if surplus <= 0:
                return
            _remove(path)
            surplus -= size

    def _files(self) -> Iterator[tuple[int, int, Path]]:
        """Yield for each file when it was read last, its size and its path."""
        for path in self.path.glob(f"*{SUFFIX}"):
            with contextlib.suppress(OSError):  # another process may have removed it meanwhile
                status = path.stat()
                yield status.st_mtime_ns, status.st_size, path

    def _path(self, info: AssetInfo) -> Path:
        # Neither half has a control character, so no two versions give the same text.
        version = f"{info.key}\0{info.etag}"
        return self.path / f"{hashlib.sha256(version.encode()).hexdigest()}{SUFFIX}"


class Draft:
    """A version that is being written to the folder. It never raises: after an error the version is not cached."""

    def __init__(self, folder: Folder, path: Path, size: int) -> None:
        self._folder = folder
        self._path = path
        self._left = size
        self._hash = hashlib.sha256()
        self._file: IO[bytes] | None = None
        with contextlib.suppress(OSError):
            folder.path.mkdir(parents=True, exist_ok=True)
            self._file = tempfile.NamedTemporaryFile(  # noqa: SIM115 - lives until discard()
                dir=folder.path, prefix="draft-", suffix=SUFFIX, delete=False
            )

    def write(self, data: bytes) -> None:
        """Write bytes; with the last ones the file appears in the folder."""
        if self._file is None:
            return
        self._hash.update(data)
        self._left -= len(data)
        try:
            self._file.write(data)
            if self._left == 0:
                self._commit(self._file)
        except OSError:
            self.discard()

    def discard(self) -> None:
        """Remove the draft unless the file is complete."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.close()
            _remove(Path(self._file.name))
            self._file = None

    def _commit(self, file: IO[bytes]) -> None:
        file.write(self._hash.digest())
        size = file.tell()
        file.close()
        Path(file.name).replace(self._path)
        self._file = None
        self._folder.make_room(size)


def _is_sound(file: BinaryIO, info: AssetInfo) -> bool:
    """Return whether the bytes match the digest in the file, and the backend's digest if there is one."""
    digest = hashlib.sha256()
    left = info.size
    try:
        if os.fstat(file.fileno()).st_size != left + DIGEST_BYTES:
            return False
        while left and (chunk := file.read(min(left, CHUNK_BYTES))):
            digest.update(chunk)
            left -= len(chunk)
        expected = file.read()
    except OSError:
        return False
    known = info.digest or ""
    same = not known.startswith("sha256:") or known == f"sha256:{expected.hex()}"
    return same and digest.digest() == expected


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()
