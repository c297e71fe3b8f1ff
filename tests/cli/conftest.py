"""A command line that runs in this process and keeps all it writes, byte for byte."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest

from assetstore import AssetStore, open_store
from assetstore.cli.app import app

STUB = Path(__file__).parent.parent / "data" / "stub_store"


class Stream(io.TextIOWrapper):
    """A text stream over bytes in memory that may claim to be a terminal."""

    def __init__(self, data: bytes = b"", *, terminal: bool = False) -> None:
        super().__init__(io.BytesIO(data), encoding="utf-8", write_through=True)
        self.terminal = terminal

    def isatty(self) -> bool:
        """Tell what was claimed."""
        return self.terminal

    def text(self) -> bytes:
        """Return all that was written."""
        self.flush()
        return bytes(self.buffer.getvalue())  # type: ignore[attr-defined]  # it is a BytesIO


@attrs.frozen
class Done:
    """What became of a command."""

    code: int
    raw: bytes
    err: str

    @property
    def out(self) -> str:
        """Data as text."""
        return self.raw.decode()

    @property
    def lines(self) -> list[str]:
        """Data line by line."""
        return self.out.splitlines()

    @property
    def records(self) -> list[dict[str, Any]]:
        """Data as JSON, one object a line."""
        return [json.loads(line) for line in self.lines]


Run = Callable[..., Done]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give an empty working directory; the folder of the store ``file:assets`` is not yet in it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(STUB))
    monkeypatch.setenv("COLUMNS", "80")
    return tmp_path


@pytest.fixture
def run(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Give a function that runs a command; ``terminal`` says that stdin, stdout and stderr are one."""

    def run(*arguments: str, stdin: bytes = b"", terminal: bool = False) -> Done:
        out, err = Stream(terminal=terminal), Stream(terminal=terminal)
        monkeypatch.setattr("sys.stdin", Stream(stdin, terminal=terminal))
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), pytest.raises(SystemExit) as end:
            app(list(arguments), prog_name="assetstore")
        assert isinstance(end.value.code, int)
        return Done(end.value.code, out.text(), err.text().decode())

    return run


@pytest.fixture
def store(folder: Path) -> AssetStore:
    """Give the store ``file:assets``, open, with a few assets."""
    store = open_store("file:assets")
    for key in ("maps/deep/cave.webp", "maps/keep.webp", "maps/tower.png", "notes.txt"):
        store.upload(f"the bytes of {key}".encode(), key, metadata={"by": "gm"})
    return store
