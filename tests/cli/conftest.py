"""Fixtures that run the command line in this process."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

import pytest
from running import Done, Run, Stream

from assetstore import AssetStore, open_store
from assetstore.cli.app import app

STUB = Path(__file__).parent.parent / "data" / "stub_store"


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
def stopped_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no time pass, so that no command takes long."""
    monkeypatch.setattr(time, "monotonic", lambda: 0.0)


@pytest.fixture
def store(folder: Path) -> AssetStore:
    """Give the store ``file:assets``, open, with a few assets."""
    store = open_store("file:assets")
    for key in ("maps/deep/cave.webp", "maps/keep.webp", "maps/tower.png", "notes.txt"):
        store.upload(f"the bytes of {key}".encode(), key, metadata={"by": "gm"})
    return store
