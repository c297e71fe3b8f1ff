"""Runs commands with plugins that break out of their role, and tells whether the rest still works.

The plugins are installed from ``data/hostile_plugins``. Everything runs in this process, where a plugin that ends,
interrupts or hangs a command would do the same to its caller.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from unittest import mock

import attrs

from assetstore import open_store, plugin_faults
from assetstore.cli.app import app

DATA = Path(__file__).parent / "data" / "hostile_plugins"
DISTRIBUTION = "hostile-plugins 1.2"
PATIENCE = 0.2

PLUGINS = (
    *("exit-at-import", "hang-at-import", "raise-when-made", "exit-in-event", "interrupt-in-event", "hang-in-event"),
    *("odd-stats", "odd-name", "odd-commands", "print-everywhere"),
)
SLOTS = {"odd-stats": "stats", "odd-name": "naming"}
"""The slots of the plugins that are not among ``plugins``."""

COMMANDS: Mapping[str, tuple[str, ...]] = {
    "upload": ("--json", "upload", "new.txt", "--category", "new"),
    "download": ("--json", "download", "kept.txt", "-o", "got.txt"),
    "list": ("--json", "list", "-r"),
    "delete": ("--json", "delete", "-y", "old.txt"),
    "doctor": ("--json", "doctor"),
    "help": ("--help",),
}

WITH_STORE = frozenset(COMMANDS) - {"help"}

STOPPED = {
    **dict.fromkeys(("exit-at-import", "raise-when-made"), WITH_STORE),
    "odd-name": {"upload"},
    "odd-stats": {"doctor"},
}
"""The commands that cannot do their work with a plugin, and say whose fault it is; all others must do it."""

NAMED = {
    **dict.fromkeys(("exit-in-event", "hang-at-import"), frozenset(COMMANDS)),
    **dict.fromkeys(("interrupt-in-event", "hang-in-event"), WITH_STORE),
    "odd-commands": {"help"},
}
"""The commands that do their work and name a plugin all the same."""


@attrs.frozen
class Ended:
    """How a command ended.

    Attributes:
        code: its exit code, or the exception that escaped.
        out: its data.
        err: its messages.
    """

    code: object
    out: str
    err: str


class _Stderr(io.TextIOWrapper):
    """Releases the plugins that hang as soon as they are named."""

    def write(self, text: str, /) -> int:
        if "has not returned" in text:
            sys.modules["hostile"].released.set()
        return super().write(text)


def matrix(folder: Path | None = None) -> dict[tuple[str, str], str]:
    """Run each command with each plugin, in a new folder below ``folder``; return a verdict for each pair.

    The verdicts are ``works``, or ``stopped`` for a command that did nothing but name the plugin, or else what went wrong.
    """
    with contextlib.ExitStack() as stack:
        top = folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        stack.enter_context(mock.patch.object(sys, "path", [str(DATA), *sys.path]))
        stack.enter_context(mock.patch.object(plugin_faults, "PATIENCE", PATIENCE))
        return {(plugin, command): _verdict(top, plugin, command) for plugin in PLUGINS for command in COMMANDS}


def _verdict(top: Path, plugin: str, command: str) -> str:
    folder = top / plugin / command
    with _store(folder, plugin):
        before = _contents(folder)
        ended = run(*COMMANDS[command])
        problems = [*_output_problems(command, ended), *_name_problems(plugin, command, ended)]
        if command in STOPPED.get(plugin, ()):
            problems += [] if ended.code in (1, 2) else [f"exit code {ended.code!r}"]
            problems += [] if _contents(folder) == before else ["the store is not as it was"]
            return "; ".join(problems) or "stopped"
        problems += [] if ended.code == 0 else [f"exit code {ended.code!r}: {ended.err}"]
        problems += [] if _is_done(folder, command) else ["the work is not done"]
        return "; ".join(problems) or "works"


@contextlib.contextmanager
def _store(folder: Path, plugin: str) -> Iterator[None]:
    """Make a folder with a store, whose configuration names a plugin, the working directory."""
    folder.mkdir(parents=True)
    (folder / "new.txt").write_text("new")
    with open_store(f"file://{folder}/assets") as store:
        store.upload(b"kept", "kept.txt")
        store.upload(b"old", "old.txt")
    used = f'{SLOTS[plugin]} = "{plugin}"' if plugin in SLOTS else f'plugins = ["{plugin}"]'
    (folder / "assetstore.toml").write_text(f'default = "dev"\n[stores.dev]\nurl = "./assets"\n{used}\n')
    for name in [name for name in sys.modules if name.partition(".")[0] == "hostile"]:
        del sys.modules[name]
    variables = {name: value for name, value in os.environ.items() if not name.startswith("ASSETSTORE_")}
    with contextlib.chdir(folder), mock.patch.dict(os.environ, variables, clear=True):
        yield


def _contents(folder: Path) -> dict[str, bytes]:
    with open_store(f"file://{folder}/assets") as store:
        return {info.key: store.read(info.key) for info in store.list()}


def run(*arguments: str) -> Ended:
    """Run a command in this process."""
    importlib.import_module("hostile").released.clear()
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
    err = _Stderr(io.BytesIO(), encoding="utf-8", write_through=True)
    code: object = None
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            app(list(arguments), prog_name="assetstore")
        except SystemExit as end:
            code = end.code
        except BaseException as error:  # what escapes is a verdict
            code = error
    return Ended(code, *(stream.buffer.getvalue().decode() for stream in (out, err)))  # type: ignore[attr-defined]  # BytesIO


def _output_problems(command: str, ended: Ended) -> Iterator[str]:
    if command == "help":
        if ended.code == 0 and not ended.out.startswith("Usage: assetstore"):
            yield f"the help begins with {ended.out[:40]!r}"
        return
    for line in ended.out.splitlines():
        try:
            json.loads(line)
        except ValueError:
            yield f"{line!r} is among the data"


def _name_problems(plugin: str, command: str, ended: Ended) -> Iterator[str]:
    lines = (ended.out + ended.err).splitlines()
    if not plugin.startswith("hang"):
        lines = [line for line in lines if "has not returned" not in line]  # this machine is slow
    is_named = any(f"plugin '{plugin}' ({DISTRIBUTION})" in line for line in lines)
    must_be = command in STOPPED.get(plugin, set()) | NAMED.get(plugin, set())
    if is_named != must_be:
        yield "the plugin is not named" if must_be else "the plugin is named"


def _is_done(folder: Path, command: str) -> bool:
    contents = _contents(folder)
    whole = {"kept.txt": b"kept", "old.txt": b"old"}
    match command:
        case "upload":
            return len(contents) == 3 and b"new" in contents.values()
        case "download":
            got = folder / "got.txt"
            return contents == whole and got.exists() and got.read_bytes() == b"kept"
        case "delete":
            return contents == {"kept.txt": b"kept"}
        case _:
            return contents == whole


if __name__ == "__main__":
    found = matrix()
    for (plugin, command), verdict in found.items():
        sys.stdout.write(f"{plugin:20} {command:10} {verdict}\n")
    sys.stdout.write(f"{sum(verdict in ('works', 'stopped') for verdict in found.values())}/{len(found)}\n")
