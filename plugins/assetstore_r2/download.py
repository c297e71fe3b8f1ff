"""Downloads an asset to a file: by ranges, several at a time, each written at its place, verified as a whole."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

from assetstore.plugin import AssetInfo, AssetStream, DownloadOptions, IntegrityError, ReadOptions, Verifier
from assetstore_r2.bucket import Bucket
from assetstore_r2.parallel import in_parallel
from assetstore_r2.read import read

_BUFFER = 1 << 20
_FLAGS = os.O_RDWR | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)


def download(bucket: Bucket, key: str, path: Path, options: DownloadOptions) -> AssetInfo:
    """Fill the empty file at ``path``; an asset of up to the size of a part takes one request.

    Raises:
        IntegrityError: the bytes do not match the stored digest.
        PreconditionError: the asset was replaced meanwhile.
    """
    first = read(bucket, key, ReadOptions(length=bucket.part_size))
    info = first.info
    digest = _Digest(info)
    report = _one_at_a_time(options.progress or (lambda _: None))
    target = os.open(path, _FLAGS)
    try:
        _write(first, target, 0, report)
        digest.update(target, first.length)

        def fetch(offset: int) -> int:
            length = min(bucket.part_size, info.size - offset)
            # Ctrl-C does not wait for us long: then the number of ``target`` may already be that of another file.
            own = os.open(path, _FLAGS)
            try:
                run = read(bucket, key, ReadOptions(offset=offset, length=length, if_match=info.etag))
                _write(run, own, offset, report)
            finally:
                os.close(own)
            return length

        rest = range(first.length, info.size, bucket.part_size)
        for length in in_parallel(fetch, rest, bucket.max_concurrency) if rest else ():
            digest.update(target, length)
    finally:
        os.close(target)
    digest.verify()
    return info


def _write(run: AssetStream, target: int, offset: int, report: Callable[[int], None]) -> None:
    """Write a run of the asset at its place in the file."""
    end = offset + run.length
    try:
        while offset < end:
            data = memoryview(run.body.read(min(_BUFFER, end - offset)))
            if not data:
                raise IntegrityError("the store sent fewer bytes than it announced", hint="download it again")
            report(len(data))
            while data:
                written = os.pwrite(target, data, offset)
                offset, data = offset + written, data[written:]
    finally:
        run.body.close()


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
