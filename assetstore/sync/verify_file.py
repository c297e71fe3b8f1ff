"""The report of ``verify``: a line for each asset in the order of keys, so that its last line says where to go on."""

from __future__ import annotations

import contextlib
import csv
import errno
import io
import json
import os
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Literal, Self, TypeAlias, get_args

import attrs

from assetstore.content.atomic_file import writing_errors
from assetstore.errors import AlreadyExistsError, InvalidOptionError

VerifyState: TypeAlias = Literal["ok", "damaged", "no_digest", "unreadable"]
STATES: tuple[VerifyState, ...] = get_args(VerifyState)
_JSON = (".json", ".jsonl", ".ndjson")


@attrs.frozen(kw_only=True)
class Verified:
    """What became of one asset.

    Attributes:
        key: its key.
        state: ``ok``, ``damaged``, ``no_digest`` or ``unreadable``.
        size: its bytes.
        etag: the version that was read, if known.
        digest: what the store keeps, or ``None``.
        error: why it is damaged or unreadable; otherwise empty.
    """

    key: str
    state: VerifyState
    size: int
    etag: str | None = None
    digest: str | None = None
    error: str = ""


COLUMNS = ("store", *(field.name for field in attrs.fields(Verified)), "time")


class VerifyFile:
    """Writes a report; as a context manager it begins one, or goes on with the unfinished one that is there.

    Attributes:
        last: the last key of the unfinished report, or ``None``.
        counts: how many assets of each state that one has.
        size: their bytes.
    """

    def __init__(self, path: Path, store: str) -> None:
        """Name the report.

        Args:
            path: the file that a finished report has.
            store: the name of the store, which each line repeats.
        """
        self.last: str | None = None
        self.counts: dict[VerifyState, int] = dict.fromkeys(STATES, 0)
        self.size: int = 0
        self._path = path
        self._part = path.with_name(f"{path.name}.part")
        self._store = store
        self._as_json = path.suffix.lower() in _JSON
        self._file: BinaryIO | None = None

    def look(self) -> str | None:
        """Return the last key of an unfinished report, and change nothing."""
        with contextlib.suppress(FileNotFoundError), self._part.open("rb") as file:
            self._read(file)
        return self.last

    def __enter__(self) -> Self:
        with writing_errors(repr(str(self._part))):
            self._file = self._part.open("a+b", buffering=0)
        try:
            _lock(self._file, self._part)
            self._file.seek(0)
            whole = self._read(self._file)
            # A killed process may have left half a line.
            self._file.truncate(whole)
            self._file.seek(whole)
            if not whole and not self._as_json:
                self._file.write(_row(COLUMNS))
        except BaseException:
            self._file.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()

    def write(self, verified: Verified) -> None:
        """Write the line of the next asset; it outlives the process."""
        values = {"store": self._store, **attrs.asdict(verified), "time": datetime.now(UTC).isoformat(timespec="seconds")}
        line = f"{json.dumps(values)}\n".encode() if self._as_json else _row(values[name] for name in COLUMNS)
        assert self._file is not None
        with writing_errors(repr(str(self._part))):
            if self._file.write(line) != len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def finish(self) -> None:
        """Give the finished report its name."""
        assert self._file is not None
        with writing_errors(repr(str(self._path))):
            os.fsync(self._file.fileno())
            os.replace(self._part, self._path)

    def _read(self, file: BinaryIO) -> int:
        """Take in what a report has, and return how many bytes of it are whole lines.

        Raises:
            InvalidOptionError: it is the report of another store, or something else.
        """
        begin = b'{"store": ' if self._as_json else _row(COLUMNS)
        if not begin.startswith(file.read(len(begin))):
            raise self._foreign()
        file.seek(0)
        position = 0
        for row, end in _json_rows(file) if self._as_json else _csv_rows(file):
            if row["store"] != self._store:
                raise InvalidOptionError(
                    f"the report {str(self._part)!r} is of {row['store']!r}, and not of {self._store!r}",
                    hint="name another file, or remove it to begin anew",
                )
            try:
                self.counts[row["state"]] += 1
                self.size += int(row["size"])
                self.last, position = row["key"], end
            except (KeyError, ValueError) as error:
                raise self._foreign() from error
        return position

    def _foreign(self) -> InvalidOptionError:
        message = f"{str(self._part)!r} is there, and is not an unfinished report of verify"
        return InvalidOptionError(message, hint="name another file")


def _json_rows(file: BinaryIO) -> Iterator[tuple[Any, int]]:
    """Yield each whole line, and the position behind it."""
    whole = 0
    for line in file:
        whole += len(line)
        with contextlib.suppress(ValueError):
            if line.endswith(b"\n"):
                yield json.loads(line), whole


def _csv_rows(file: BinaryIO) -> Iterator[tuple[Any, int]]:
    """Yield each whole row, and the position behind it; the key of an asset may have line feeds."""
    position = 0

    def lines() -> Iterator[str]:
        nonlocal position
        for line in file:
            position += len(line)
            if line.endswith(b"\n"):
                yield line.decode("utf-8", "surrogatepass")

    for row in csv.reader(lines()):
        if len(row) == len(COLUMNS) and row != list(COLUMNS):
            yield dict(zip(COLUMNS, row, strict=True)), position


def _row(values: Iterable[object]) -> bytes:
    return f"{csv_line(values)}\n".encode("utf-8", "surrogatepass")


def csv_line(values: Iterable[object]) -> str:
    """Return a row of CSV without its end. Line breaks in it are quoted."""
    text = io.StringIO()
    csv.writer(text).writerow(values)  # it quotes line breaks only if they end its own lines
    return text.getvalue().removesuffix("\r\n")


def _lock(file: BinaryIO, path: Path) -> None:
    """Let no other process write to a report, as long as the file is open.

    Raises:
        AlreadyExistsError: one does, or has just finished it.
    """
    try:
        import fcntl
    except ImportError:  # Windows
        return
    with contextlib.suppress(BlockingIOError, FileNotFoundError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(file.fileno()), path.stat()):
            return
    raise AlreadyExistsError(
        f"another process is writing {str(path)!r}", hint="wait for it, or name another file for the report"
    )
