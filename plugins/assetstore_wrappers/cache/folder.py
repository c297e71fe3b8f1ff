"""The folder: one file for each version of an asset, which holds its bytes and then the SHA-256 of each of their blocks."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, BinaryIO

from assetstore.plugin import AssetInfo, IntegrityError, Verifier

SUFFIX = ".asset"
_OWN = re.compile(r"[0-9a-f]{64}(-[a-z0-9_]{8})?\.asset", re.ASCII)
"""The names of versions, and of their drafts as ``tempfile`` makes them: other programs have files ``*.asset`` too."""

DIGEST_BYTES = 32
BLOCK_BYTES = 1 << 18
"""A read verifies whole blocks, so a range costs at most two more than it has."""


class Folder:
    """A folder of bounded size that several processes may write to. It leaves files that are not its own alone."""

    def __init__(self, path: Path, max_bytes: int) -> None:
        self.path = path
        # The folder is scanned once for each hundredth of its size, so it is emptied to a hundredth less.
        self._slack = max_bytes // 100
        self._bound = max_bytes - self._slack
        self._added = max_bytes

    def open(self, info: AssetInfo) -> Kept | None:
        """Return the file of a version, or ``None``. One of another length is removed."""
        path = self._path(info)
        try:
            file = path.open("rb")
        except OSError:
            return None
        kept = Kept(file, path, info.size)
        with contextlib.suppress(OSError):
            if os.fstat(file.fileno()).st_size == info.size + blocks_of(info.size) * DIGEST_BYTES:
                os.utime(path)
                return kept
        kept.close()
        kept.remove()
        return None

    def draft(self, info: AssetInfo) -> Draft:
        """Return a draft to write the bytes of a version to."""
        return Draft(self, self._path(info), info)

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
            if _OWN.fullmatch(path.name) is None:
                continue
            with contextlib.suppress(OSError):  # another process may have removed it meanwhile
                status = path.stat()
                yield status.st_mtime_ns, status.st_size, path

    def _path(self, info: AssetInfo) -> Path:
        # Neither half has a control character, so no two versions give the same text.
        version = f"{info.key}\0{info.etag}"
        return self.path / f"{hashlib.sha256(version.encode()).hexdigest()}{SUFFIX}"


class Kept:
    """The open file of a version, whose blocks are verified one by one."""

    def __init__(self, file: BinaryIO, path: Path, size: int) -> None:
        self._file = file
        self._path = path
        self._size = size

    def block(self, number: int) -> bytes | None:
        """Return a block, or ``None`` if its bytes are not those that were written."""
        try:
            self._file.seek(number * BLOCK_BYTES)
            data = self._file.read(min(BLOCK_BYTES, self._size - number * BLOCK_BYTES))
            self._file.seek(self._size + number * DIGEST_BYTES)
            expected = self._file.read(DIGEST_BYTES)
        except OSError:
            return None
        return data if hashlib.sha256(data).digest() == expected else None

    def remove(self) -> None:
        """Remove the file; what is open stays readable."""
        _remove(self._path)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class Draft:
    """A version that is being written to the folder. It never raises: after an error the version is not cached."""

    def __init__(self, folder: Folder, path: Path, info: AssetInfo) -> None:
        self._folder = folder
        self._path = path
        self._left = info.size
        self._verifier = Verifier(info.digest)
        self._digests: list[bytes] = []
        self._block = bytearray()
        self._file: IO[bytes] | None = None
        with contextlib.suppress(OSError):
            folder.path.mkdir(parents=True, exist_ok=True)
            self._file = tempfile.NamedTemporaryFile(  # noqa: SIM115 - lives until discard()
                dir=folder.path, prefix=f"{path.stem}-", suffix=SUFFIX, delete=False
            )

    def write(self, data: bytes) -> None:
        """Write bytes; with the last ones the file appears in the folder, if they match the digest of the asset."""
        if self._file is None:
            return
        self._verifier.update(data)
        self._left -= len(data)
        self._block += data
        while len(self._block) >= BLOCK_BYTES:
            self._digests.append(hashlib.sha256(self._block[:BLOCK_BYTES]).digest())
            del self._block[:BLOCK_BYTES]
        try:
            self._file.write(data)
            if self._left == 0:
                self._commit(self._file)
        except (OSError, IntegrityError):
            self.discard()

    def discard(self) -> None:
        """Remove the draft unless the file is complete."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.close()
            _remove(Path(self._file.name))
            self._file = None

    def _commit(self, file: IO[bytes]) -> None:
        self._verifier.verify()
        rest = [hashlib.sha256(self._block).digest()] if self._block else []
        file.write(b"".join([*self._digests, *rest]))
        size = file.tell()
        file.close()
        Path(file.name).replace(self._path)
        self._file = None
        self._folder.make_room(size)


def blocks_of(size: int) -> int:
    """Return how many blocks so many bytes have."""
    return -(-size // BLOCK_BYTES)


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()
