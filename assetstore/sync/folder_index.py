"""Remembers in the user's cache which bytes a folder's files had, so that unchanged files need not be read again."""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from collections.abc import Generator, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from assetstore.sync.sides import FileInfo, Stamp

if TYPE_CHECKING:
    from assetstore.store import AssetStore
    from assetstore.sync.spool import Spool

_HEAD = "assetstore folder index 2"
TICK_NS = 20_000_000
"""Nanoseconds: a file system may give two writes within so long one time, so a digest read that soon is not kept."""

MAX_GONE = 100_000
Line = tuple[str, str, str, str]
"""A key, the stamp of its file as text, its digest, and the ETag of the store's asset that has the same bytes; or ``""``."""


def kept_etag(etag: str | None) -> str:
    """Return an ETag as it is kept; one that would break the line is not."""
    return etag if etag is not None and etag.isprintable() else ""


def written(stamp: Stamp) -> str:
    """Return a stamp as it is kept."""
    return f"{stamp[0]} {stamp[1]} {stamp[2]} {stamp[3]}"


@attrs.define(eq=False)
class FolderIndex:
    """What is known of a folder's files beside one store, in a file that is sorted as the folder is walked.

    To lose it costs time only.

    Attributes:
        folder: the folder.
        file: where it is kept.
        gone: the keys whose files are missing.
    """

    folder: Path
    file: Path
    gone: set[str] = attrs.field(factory=set)

    @classmethod
    def of(cls, folder: Path, store: AssetStore) -> FolderIndex:
        """Return the index of a folder beside a store, in the user's cache."""
        cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
        both = os.fsencode(os.path.realpath(folder)) + b"\0" + repr(store).encode()  # which says also what it is scoped to
        name = hashlib.sha256(both).hexdigest()[:32]
        return cls(folder, Path(cache, "assetstore", "folders", f"{name}.index"))

    def known(self, walk: Iterable[FileInfo]) -> Generator[FileInfo]:
        """Yield the files of a walk with the digests and ETags of those that were not touched since."""
        with contextlib.closing(self._lines()) as lines:
            line = next(lines, None)
            for info in walk:
                while line is not None and line[0] < info.key:
                    self._lose(line[0])
                    line = next(lines, None)
                if line is None or line[0] != info.key:
                    yield info
                    continue
                fields = vars(info)  # nobody else has it yet, and attrs.evolve would make each anew, field by field
                if line[1] == written(info.stamp):
                    fields["digest"], fields["far_etag"] = line[2] or None, line[3] or None
                else:
                    fields["stale"] = True
                yield info
                line = next(lines, None)
            while line is not None:
                self._lose(line[0])
                line = next(lines, None)

    def _lose(self, key: str) -> None:
        if len(self.gone) < MAX_GONE:  # the others are found at the next run
            self.gone.add(key)

    def cuts(self, step: int) -> Iterator[str]:
        """Yield every ``step``-th key, if at least two come after it."""
        before = cut = ""
        for number, line in enumerate(self._texts(), 1):
            if number % step == 0:
                cut = line.partition("\t")[0]
            elif number % step == 2 and cut:
                if cut <= before:
                    return
                yield cut
                before = cut

    def note(self, spool: Spool, file: FileInfo, digest: str, etag: str | None) -> None:
        """Keep what is known of a file, unless it was touched so lately that it may change unnoticed."""
        if max(file.stamp[1], file.stamp[2]) + TICK_NS < time.time_ns():
            spool.note_file((file.key, written(file.stamp), digest, kept_etag(etag)))

    def save(self, changes: Iterator[Line]) -> None:
        """Write the index anew with changes, which are sorted by key. Without any, nothing is written."""
        first = next(changes, None)
        if first is None and not self.gone:
            return
        import tempfile  # slow to load, and an unchanged folder is not written

        with contextlib.suppress(OSError):  # a full or read-only disk costs time at the next run
            self.file.parent.mkdir(parents=True, exist_ok=True)
            descriptor, temporary = tempfile.mkstemp(dir=self.file.parent, prefix=f"{self.file.stem}.")
            try:
                with open(descriptor, "w", encoding="utf-8", newline="\n") as out:
                    out.write(f"{_HEAD}\n")
                    lines = self._merged(first, changes)
                    out.writelines("\t".join(line) + "\n" for line in lines)
                os.replace(temporary, self.file)
            except BaseException:
                with contextlib.suppress(OSError):
                    os.unlink(temporary)
                raise

    def _merged(self, change: Line | None, changes: Iterator[Line]) -> Iterator[Line]:
        for line in self._lines():
            while change is not None and change[0] < line[0]:
                yield change
                change = next(changes, None)
            if change is not None and change[0] == line[0]:
                yield change
                change = next(changes, None)
            elif line[0] not in self.gone:
                yield line
        while change is not None:
            yield change
            change = next(changes, None)

    def _lines(self) -> Generator[Line]:
        """Yield what was kept, up to the first line that is not as we write it."""
        before = ""
        for line in self._texts():
            fields = line[:-1].split("\t")
            if len(fields) != 4 or line[-1] != "\n" or fields[0] <= before:
                return
            before = fields[0]
            yield before, fields[1], fields[2], fields[3]

    def _texts(self) -> Generator[str]:
        """Yield the lines behind the first one; none if that is not as we write it."""
        with contextlib.suppress(OSError, ValueError), self.file.open(encoding="utf-8", newline="\n") as lines:
            if next(lines, "").rstrip("\n") == _HEAD:
                yield from lines
