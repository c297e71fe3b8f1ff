"""Reads from a log of strace what an operation did to the disk, as the calls of ``score.power_failure``."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from score.power_failure import Call

_TRACED = (
    *("openat", "creat", "close", "lseek", "write", "pwrite64", "writev", "fsync", "fdatasync", "sync", "syncfs"),
    *("rename", "renameat", "renameat2", "link", "linkat", "unlink", "unlinkat", "mkdir", "mkdirat", "rmdir"),
    *("ftruncate", "utimensat", "copy_file_range", "sendfile"),
)
OPTIONS = ("-y", "-xx", "-s", str(1 << 24), "-e", "trace=" + ",".join(f"?{call}" for call in _TRACED))
_CALL = re.compile(r"(\w+)\((.*)\)\s+= (-?\d+)(?:<(.*)>)?", re.DOTALL)
_ARGUMENT = re.compile(r'\[(?:[^\]]*)\]|"[^"]*"|[^,\s][^,]*')
_PATH = re.compile(r"(?:AT_FDCWD|\d+)<([^>]*)>")
_DATA = re.compile(r'iov_base="([^"]*)"')
_TIME = re.compile(r"tv_sec=(\d+), tv_nsec=(\d+)")


def tree(path: Path, numbers: Iterator[int] | None = None) -> dict[str, Any]:
    """Return a folder and all in it, as ``Disk.load`` takes it."""
    numbers = itertools.count() if numbers is None else numbers
    number = next(numbers)
    if path.is_dir():
        return {"id": number, "entries": {entry.name: tree(entry, numbers) for entry in sorted(path.iterdir())}}
    return {"id": number, "data": path.read_bytes().decode("latin-1"), "mtime": path.stat().st_mtime_ns}


def calls_of(lines: Iterable[str], base: Path, before: Mapping[str, Any]) -> list[Call]:
    """Return the calls that changed something below ``base`` or flushed it, in their order."""
    return _Reader(base, before).read(lines)


class _Reader:
    def __init__(self, base: Path, before: Mapping[str, Any]) -> None:
        self.numbers: dict[str, int] = {}
        self.sizes: dict[int, int] = {}
        self.contents: dict[int, str] = {}
        self._load(str(base), before)
        self.base = str(base)
        self.next = itertools.count(max(self.numbers.values()) + 1)
        self.open: dict[str, int] = {}
        self.positions: dict[str, int | None] = {}
        self.calls: list[Call] = []

    def _load(self, path: str, node: Mapping[str, Any]) -> None:
        self.numbers[path] = node["id"]
        self.contents[node["id"]] = node.get("data", "")
        for name, child in node.get("entries", {}).items():
            self._load(f"{path}/{name}", child)

    def read(self, lines: Iterable[str]) -> list[Call]:
        waiting: dict[str, str] = {}
        for line in lines:
            process, _, text = line.partition(" ")
            text = text.lstrip()
            if text.endswith("<unfinished ...>"):
                waiting[process] = text.removesuffix("<unfinished ...>")
                continue
            if text.startswith("<... "):
                text = waiting.pop(process, "") + text.partition("resumed>")[2]
            match = _CALL.match(text)
            if match and int(match[3]) >= 0:
                # Of one call there may be several names: rename, renameat and renameat2.
                handler = getattr(self, f"_{re.sub(r'(at2?|64)$', '', match[1])}", None)
                if handler:
                    handler(_ARGUMENT.findall(match[2]), int(match[3]))
        return self.calls

    def _place(self, path: str) -> tuple[int, str]:
        return self.numbers[os.path.dirname(path)], os.path.basename(path)

    def _inside(self, path: str) -> bool:
        return path.startswith(f"{self.base}/") and os.path.dirname(path) in self.numbers

    def _of(self, descriptor: str) -> int | None:
        """Return the number of an open file or folder."""
        number = self.open.get(descriptor.partition("<")[0])
        match = _PATH.match(descriptor)
        return number if number is not None or match is None else self.numbers.get(_plain(match[1]))

    def _openat(self, arguments: list[str], result: int) -> None:
        path, flags = _joined(arguments)[0], next((each for each in arguments if each.startswith("O_")), "")
        self._opened(path, flags, result)

    _open = _openat

    def _creat(self, arguments: list[str], result: int) -> None:
        self._opened(_joined(arguments)[0], "O_CREAT|O_TRUNC", result)

    def _opened(self, path: str, flags: str, result: int) -> None:
        self.open.pop(str(result), None)
        self.positions[str(result)] = None if "O_APPEND" in flags else 0
        if "O_CREAT" in flags and self._inside(path) and path not in self.numbers:
            self._made(path, "file")
        elif "O_TRUNC" in flags and path in self.numbers:
            self._size(self.numbers[path], 0)
        if path in self.numbers:
            self.open[str(result)] = self.numbers[path]

    def _made(self, path: str, kind: str) -> None:
        number = self.numbers[path] = next(self.next)
        self.contents[number] = ""
        self.calls.append(("make", number, *self._place(path), kind))

    def _mkdir(self, arguments: list[str], result: int) -> None:
        path = _joined(arguments)[0]
        if self._inside(path):
            self._made(path, "folder")

    def _close(self, arguments: list[str], result: int) -> None:
        self.open.pop(arguments[0].partition("<")[0], None)

    def _lseek(self, arguments: list[str], result: int) -> None:
        self.positions[arguments[0].partition("<")[0]] = result

    def _written(self, descriptor: str, text: str, offset: int | None) -> None:
        number = self._of(descriptor)
        if number is None:
            return
        name = descriptor.partition("<")[0]
        position = self.positions.get(name)
        start = offset if offset is not None else position
        data = self.contents[number]
        start = len(data) if start is None else start
        self.contents[number] = data[:start].ljust(start, "\0") + text + data[start + len(text) :]
        self.calls.append(("write", number, text, start))
        if offset is None and position is not None:
            self.positions[name] = start + len(text)

    def _write(self, arguments: list[str], result: int) -> None:
        self._written(arguments[0], _plain(arguments[1])[:result], None)

    def _writev(self, arguments: list[str], result: int) -> None:
        self._written(arguments[0], "".join(map(_plain, _DATA.findall(",".join(arguments))))[:result], None)

    def _pwrite(self, arguments: list[str], result: int) -> None:
        self._written(arguments[0], _plain(arguments[1])[:result], int(arguments[3]))

    def _copy_file_range(self, arguments: list[str], result: int) -> None:
        self._copied(arguments[0], arguments[1], arguments[2], arguments[3], result)

    def _sendfile(self, arguments: list[str], result: int) -> None:
        self._copied(arguments[1], arguments[2], arguments[0], "NULL", result)

    def _copied(self, source: str, at: str, target: str, to: str, count: int) -> None:
        number, name = self._of(source), source.partition("<")[0]
        start = int(at.strip("[]")) if at != "NULL" else self.positions.get(name) or 0
        if number is not None and count:
            offset = None if to == "NULL" else int(to.strip("[]"))
            self._written(target, self.contents[number][start : start + count], offset)
        if at == "NULL":
            self.positions[name] = start + count

    def _size(self, number: int, size: int) -> None:
        self.contents[number] = self.contents[number][:size].ljust(size, "\0")
        self.calls.append(("size", number, size))

    def _ftruncate(self, arguments: list[str], result: int) -> None:
        number = self._of(arguments[0])
        if number is not None:
            self._size(number, int(arguments[1]))

    def _utimens(self, arguments: list[str], result: int) -> None:
        number = self._of(arguments[0]) if arguments[1] == "NULL" else self.numbers.get(_joined(arguments)[0])
        times = _TIME.findall(",".join(arguments))
        if number is not None and len(times) == 2:
            self.calls.append(("stamp", number, int(times[1][0]) * 10**9 + int(times[1][1])))

    def _fsync(self, arguments: list[str], result: int) -> None:
        number = self._of(arguments[0])
        if number is not None:
            self.calls.append(("sync", number))

    _fdatasync = _fsync

    def _sync(self, arguments: list[str], result: int) -> None:
        self.calls.append(("sync", None))

    _syncfs = _sync

    def _rename(self, arguments: list[str], result: int) -> None:
        source, target = _joined(arguments)
        if source in self.numbers and self._inside(target):
            number = self.numbers.pop(source)
            self.calls.append(("rename", number, *self._place(source), *self._place(target)))
            below = [path for path in self.numbers if path.startswith(f"{source}/")]
            self.numbers |= {target: number, **{target + path[len(source) :]: self.numbers.pop(path) for path in below}}

    def _link(self, arguments: list[str], result: int) -> None:
        source, target = _joined(arguments)
        if source in self.numbers and self._inside(target):
            self.numbers[target] = self.numbers[source]
            self.calls.append(("link", self.numbers[source], *self._place(target)))

    def _unlink(self, arguments: list[str], result: int) -> None:
        path = _joined(arguments)[0]
        if path in self.numbers:
            self.calls.append(("remove", self.numbers.pop(path), *self._place(path)))

    _rmdir = _unlink


def _plain(text: str) -> str:
    """Return what strace wrote in hexadecimal digits, a character a byte."""
    return bytes.fromhex(text.strip('"').replace("\\x", "")).decode("latin-1")


def _joined(arguments: list[str]) -> list[str]:
    """Return the paths among the arguments of a call, each made absolute by the folder before it."""
    folder, found = "", []
    for argument in arguments:
        if argument.startswith('"'):
            found.append(os.path.normpath(os.path.join(folder, os.fsdecode(_plain(argument).encode("latin-1")))))
        elif match := _PATH.match(argument):
            folder = os.fsdecode(_plain(match[1]).encode("latin-1"))
    return found
