"""Downloads an asset to a file: by ranges, several at a time, each written at its place, verified as a whole."""

from __future__ import annotations

import os
import threading
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from assetstore.plugin import AssetInfo, AssetStream, DownloadOptions, IntegrityError, ReadOptions, Verifier
from assetstore_r2.bucket import Bucket
from assetstore_r2.parallel import in_parallel
from assetstore_r2.read import read, stat

if TYPE_CHECKING:
    from assetstore.plugin import Checkpoint

_BUFFER = 1 << 20
_FLAGS = os.O_RDWR | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)


def download(bucket: Bucket, key: str, path: Path, options: DownloadOptions) -> AssetInfo:
    """Fill the file at ``path``; an asset of up to the size of a part takes one request.

    The file is empty, or has what the notes in ``options.checkpoint`` tell: ranges of the asset with this ETag.

    Raises:
        IntegrityError: the bytes do not match the stored digest.
        PreconditionError: the asset was replaced meanwhile.
    """
    earlier = EarlierDownload(options.checkpoint, path)
    first, info = _begin(bucket, key, earlier)
    digest = _Digest(info)
    report = _one_at_a_time(options.progress or (lambda _: None))

    def fetch(offset: int) -> int:
        length = min(bucket.part_size, info.size - offset)
        there = earlier.find(offset, length)
        if there.length:
            report(there.length)
        if there.length < length:
            rest = ReadOptions(offset=there.end, length=length - there.length, if_match=info.etag)
            _write(read(bucket, key, rest), path, there, report, earlier)
        return length

    target = os.open(path, _FLAGS)
    try:
        begin = 0
        if first is not None:
            begin = first.length
            _write(first, path, There(), report, earlier)
            digest.update(target, begin)
        rest = range(begin, info.size, bucket.part_size)
        for length in in_parallel(fetch, rest, bucket.max_concurrency) if rest else ():
            digest.update(target, length)
    finally:
        os.close(target)
    digest.verify()
    return info


def _begin(bucket: Bucket, key: str, earlier: EarlierDownload) -> tuple[AssetStream | None, AssetInfo]:
    """Open the first range, unless an earlier process fetched some; return it and what the store knows of the asset."""
    if earlier.is_begun:
        info = stat(bucket, key)
        if earlier.fits(info):
            return None, info
    first = read(bucket, key, ReadOptions(length=bucket.part_size))
    earlier.begin(first.info)
    return first, first.info


def _write(
    run: AssetStream, path: Path, there: There, report: Callable[[int], None], earlier: EarlierDownload
) -> None:
    """Write a run of the asset behind what is there of its range, and note as it comes how much is."""
    position, end = there.end, there.end + run.length
    noted, checksum = position, there.checksum
    try:
        # Ctrl-C does not wait for us long: then the number of the file that others use may already be that of another.
        target = os.open(path, _FLAGS)
        try:
            while position < end:
                data = memoryview(run.body.read(min(_BUFFER, end - position)))
                if not data:
                    raise IntegrityError("the store sent fewer bytes than it announced", hint="download it again")
                report(len(data))
                checksum = zlib.crc32(data, checksum) if earlier.is_begun else 0
                while data:
                    written = os.pwrite(target, data, position)
                    position, data = position + written, data[written:]
                if position == end or position - noted >= _BUFFER:
                    earlier.note(There(there.offset, position - there.offset, checksum))
                    noted = position
        finally:
            os.close(target)
    finally:
        run.body.close()


@attrs.frozen
class There:
    """What is in the file of a range of the asset.

    Attributes:
        offset: where the range begins.
        length: how many of its first bytes are there.
        checksum: their CRC-32.
    """

    offset: int = 0
    length: int = 0
    checksum: int = 0

    @property
    def end(self) -> int:
        """Where the bytes that are there end."""
        return self.offset + self.length

    @property
    def noted(self) -> str:
        """What the notes have of it, under its offset."""
        return f"{self.length} {self.checksum:08x}"


class EarlierDownload:
    """The notes of a download, if there are to be any, and its unfinished file: what an earlier process fetched."""

    def __init__(self, checkpoint: Checkpoint | None, path: Path) -> None:
        self._checkpoint = checkpoint
        self._path = path

    @property
    def is_begun(self) -> bool:
        """Whether there are notes, of this process or an earlier one."""
        return self._checkpoint is not None and bool(self._checkpoint.begun)

    def fits(self, info: AssetInfo) -> bool:
        """Return whether the notes are of this version, and report how much of it is there."""
        assert self._checkpoint is not None
        begun = self._checkpoint.begun
        if info.etag is None or (info.etag, str(info.size)) != (begun.get("etag"), begun.get("bytes")):
            return False
        there = sum(map(_length, self._checkpoint.parts.values()))
        self._checkpoint.resumed(there, info.size)
        os.truncate(self._path, info.size)  # what is missing of it then has a wrong checksum
        return True

    def begin(self, info: AssetInfo) -> None:
        """Begin with an empty file; nothing is noted of what has no ETag."""
        if self._checkpoint is None:
            return
        os.truncate(self._path, 0)
        if info.etag is None:
            self._checkpoint.forget()
        else:
            self._checkpoint.begin(info.size, etag=info.etag, bytes=str(info.size))

    def find(self, offset: int, length: int) -> There:
        """Return what the file has of a range of ``length`` bytes; it was noted with a checksum, which is compared."""
        nothing = There(offset)
        noted = "" if self._checkpoint is None else self._checkpoint.parts.get(offset, "")
        count = _length(noted)
        if not 0 < count <= length:
            return nothing
        with self._path.open("rb", buffering=0) as file:
            file.seek(offset)
            checksum, left = 0, count
            while left and (data := file.read(min(_BUFFER, left))):
                checksum, left = zlib.crc32(data, checksum), left - len(data)
        found = There(offset, count, checksum)
        return found if found.noted == noted else nothing

    def note(self, there: There) -> None:
        """Note how much of a range is in the file."""
        if self._checkpoint is not None:
            self._checkpoint.note(there.offset, there.noted)


def _length(noted: str) -> int:
    """Return how many bytes of a range are there, by its note."""
    count = noted.partition(" ")[0]
    return int(count) if count.isdecimal() else 0


class _Digest:
    """Hashes a file in order, behind the threads that write it, if the digest of the asset is known."""

    def __init__(self, info: AssetInfo) -> None:
        self._verifier = Verifier(info.digest)
        self._position = 0

    def update(self, target: int, length: int) -> None:
        if not self._verifier.knows:
            return
        end = self._position + length
        while self._position < end:
            data = os.pread(target, min(_BUFFER, end - self._position), self._position)
            self._verifier.update(data)
            self._position += len(data)

    def verify(self) -> None:
        self._verifier.verify()


def _one_at_a_time(progress: Callable[[int], None]) -> Callable[[int], None]:
    lock = threading.Lock()

    def report(count: int) -> None:
        with lock:
            progress(count)

    return report
