"""A page of documentation as its reader uses it: each block is typed, each output shown is compared with what was printed.

Blocks are told apart by the word behind their three backticks: ``python`` runs, in one namespace for the whole page;
``python NAME`` and ``toml NAME`` are files; ``toml`` alone must open every store in it; ``sh`` runs in a shell; ``text`` is
what the block before it prints, where ``…`` stands for what is left out.
"""

from __future__ import annotations
import __future__

import contextlib
import io
import os
import re
import subprocess
import sys
import tomllib
from datetime import timedelta
from pathlib import Path
from typing import Any

import attrs
import pytest

from assetstore.config import StoreConfig, build_store

ROOT = Path(__file__).parent.parent
SHOWN_FOLDER = "/home/you/game"
"""What the pages call the folder in which the commands run."""
VARIABLES = {"R2_ACCOUNT_ID": "a" * 32, "R2_ACCESS_KEY": "b" * 32, "R2_SECRET_KEY": "c" * 64}

_BLOCK = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_STUB = re.compile(r"def \w+\(.*\) -> .*: \.\.\.\n", re.DOTALL)
_VARYING = (
    (r"\d{8}_\d{6}_[0-9a-f]{8}", "20250618_143022_a1b2c3d4"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?\+00:00", "2025-06-18T14:30:22+00:00"),
    (r"\d+\.\d+( seconds\b)", r"0.00\1"),
    (r"\d+\.\d s\b", "0.0 s"),
    (r"\b\d\.\d{3}\b", "0.000"),
)
"""Times and random parts, which differ in every run."""
_SHELL = """
assetstore() { "$PYTHON" -m assetstore "$@"; }
python() { "$PYTHON" "$@"; }
pip() { "$PYTHON" -m pip install --quiet --no-deps --no-build-isolation --no-index --target "$SITE" .; }
"""


def blocks_of(path: Path) -> list[tuple[str, str, str]]:
    """Return language, further words and text of each block of a page."""
    found = _BLOCK.findall(path.read_text(encoding="utf-8"))
    return [(language, words.strip(), text) for language, words, text in found]


def links_of(path: Path) -> list[str]:
    """Return the files to which a page links."""
    found = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8"))
    return [link for link in found if not link.startswith("http")]


def steady(text: str) -> str:
    """Return a text with times and random parts that are always the same."""
    for pattern, instead in _VARYING:
        text = re.sub(pattern, instead, text)
    return "\n".join(line.rstrip() for line in text.strip("\n").splitlines())


def agree(shown: str, printed: str) -> bool:
    """Return whether a page shows what was printed; a line ``…`` stands for lines, and ``…`` in a line for a part of it."""
    lines = steady(shown).splitlines()
    patterns = ["(?:.*\n)+?" if line == "…" else f"{re.escape(line).replace('…', '.+')}\n" for line in lines]
    return re.fullmatch("".join(patterns), f"{steady(printed)}\n") is not None


@attrs.define
class Reader:
    """Types one block after the other.

    Attributes:
        folder: the working directory.
        names: the names of the Python blocks.
        printed: what the last block that ran printed.
        compared: each output shown, with what was really printed.
        ran: the language of each block that ran.
    """

    folder: Path
    names: dict[str, Any] = attrs.field(factory=dict)
    printed: str = ""
    compared: list[tuple[str, str]] = attrs.field(factory=list)
    ran: list[str] = attrs.field(factory=list)

    def read(self, path: Path) -> None:
        """Type all blocks of a page."""
        for block in blocks_of(path):
            self.type(*block)

    def type(self, language: str, name: str, text: str) -> None:
        """Type one block."""
        self.ran.append(language)
        if language == "text":
            self.compared.append((text, self.printed))
        elif name:
            (self.folder / name).write_text(text, encoding="utf-8")
        elif language == "toml":
            self.open_stores(text)
        elif language == "sh":
            self.run(text)
        else:
            assert "python" == language
            self.execute(text)

    def execute(self, text: str) -> None:
        """Run Python in the working directory; a stub, which shows a signature, must be valid and defines nothing."""
        output = io.StringIO()
        is_stub = _STUB.fullmatch(text) is not None
        code = compile(text, "the page", "exec", flags=__future__.annotations.compiler_flag if is_stub else 0)
        with contextlib.redirect_stdout(output), contextlib.chdir(self.folder):
            exec(code, {"timedelta": timedelta} if is_stub else self.names)
        self.printed = output.getvalue().replace(str(self.folder), SHOWN_FOLDER)

    def run(self, text: str) -> None:
        """Run commands; what they print to both streams is kept in its order."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
        site = str(self.folder / "site")
        path = os.pathsep.join(filter(None, [site, os.environ.get("PYTHONPATH")]))
        environment |= {**VARIABLES, "PYTHON": sys.executable, "SITE": site, "PYTHONPATH": path}
        done = subprocess.run(
            ["sh", "-c", _SHELL + text],
            cwd=self.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        self.printed = done.stdout.replace(str(self.folder), SHOWN_FOLDER)
        assert (text, 0) == (text, done.returncode), done.stdout

    def open_stores(self, text: str) -> None:
        """Open every store of a configuration, the variables that it names being set."""
        config = tomllib.loads(text)
        config = config.get("tool", {}).get("assetstore", config)
        stores = config.get("stores", {})
        assert config.get("default", next(iter(stores), None)) in {*stores, None}
        with pytest.MonkeyPatch.context() as environment:
            for name, value in VARIABLES.items():
                environment.setenv(name, value)
            for name, table in stores.items():
                build_store(StoreConfig(name=name, table=table, folder=self.folder, origin="the page")).close()

    def differences(self) -> list[tuple[str, str]]:
        """Return each output that is not as the page shows it."""
        return [(shown, printed) for shown, printed in self.compared if not agree(shown, printed)]
