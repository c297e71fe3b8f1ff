"""Runs Python code and records it, so that the steps to a divergence can be printed and pasted."""

from __future__ import annotations

import contextlib
import functools
import io
import itertools
import re
import tempfile
import textwrap
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import assetstore
from assetstore import testing
from assetstore.testing.machine.model import Answer, Raised

TAPE = bytes(range(251)) * 800

_HEADER = {
    "io": "import io",
    "itertools": "import itertools",
    "functools": "import functools",
    "tempfile": "import tempfile",
    "pytest": "import pytest",
    "ThreadPoolExecutor": "from concurrent.futures import ThreadPoolExecutor",
    "suppress": "from contextlib import suppress",
    "Path": "from pathlib import Path",
}
_VALUES = {"tape": "tape = bytes(range(251)) * 800", "folder": "folder = Path(tempfile.mkdtemp())"}
_OURS = {"assetstore": assetstore.__all__, "assetstore.testing": testing.__all__}
_WORD = re.compile(r"\b[A-Za-z_]\w*")
_FAULTY = re.compile(r"faulty = FaultyBackend\((.*)\)\nstore = AssetStore\(faulty\)")


class Code(str):
    """Python code for a value that is only known at run time."""

    __slots__ = ()


class Script:
    """Runs and records Python code.

    Attributes:
        names: the variables.
    """

    def __init__(self, setup: str, names: Mapping[str, object], folder: Path) -> None:
        """Begin by running ``setup``, which may use ``names``."""
        self.names: dict[str, Any] = {
            **{name: getattr(assetstore, name) for name in assetstore.__all__},
            **{name: getattr(testing, name) for name in testing.__all__},
            "io": io, "itertools": itertools, "functools": functools, "threading": threading, "pytest": pytest,
            "Path": Path, "tempfile": tempfile, "suppress": contextlib.suppress, "folder": folder, "tape": TAPE,
            "ThreadPoolExecutor": ThreadPoolExecutor,
            **names,
        }
        self._setup = setup
        self._lines: list[str] = []
        exec(setup, self.names)  # noqa: S102 - what is printed has to be what ran

    def run(self, code: str, view: str = "it") -> Answer:
        """Run an expression, or lines that leave their result in ``it``; return the value of ``view``."""
        self.names["it"] = None
        try:
            if is_block(code):
                exec(code, self.names)  # noqa: S102 - as above
            else:
                self.names["it"] = eval(code, self.names)  # noqa: S307 - as above
            return eval(view, self.names)  # noqa: S307 - as above
        except Exception as error:
            return Raised(error)

    def keep(self, code: str, answer: Answer = None) -> None:
        """Record code that ran."""
        self._lines.append(_raising(code, type(answer.error)) if isinstance(answer, Raised) else code)

    def ending(self, code: str, view: str, expected: Sequence[Answer], answer: Answer) -> str:
        """Return all code that ran, ending with the code whose answer was not expected."""
        given = f"raised {answer.error!r}" if isinstance(answer, Raised) else f"returned {literal(answer)}"
        text = "\n".join((*self._lines, _asserting(code, view, expected), f"# it {textwrap.shorten(given, 300)}"))
        if "faulty.failing" not in text:
            text = _FAULTY.sub(r"store = AssetStore(\1)", text)
        return "\n".join((*self._header(text), text))

    def _header(self, text: str) -> list[str]:
        words = set(_WORD.findall(f"{self._setup}\n{text}"))
        words |= {"Path", "tempfile"} if "folder" in words else set()
        header = [line for name, line in _HEADER.items() if name in words]
        for module, names in _OURS.items():
            used = [name for name in names if name in words]
            header += [f"from {module} import {', '.join(used)}"] if used else []
        values = [line for name, line in _VALUES.items() if name in words]
        return ["# A random walk led here; the last line fails.", *header, *values, *filter(None, [self._setup])]


def is_block(code: str) -> bool:
    """Return whether code has several lines."""
    return "\n" in code


def assigned(code: str) -> str:
    """Return code that leaves its result in ``it``."""
    return code if is_block(code) else f"it = {code}"


def call(target: str, *arguments: object, **options: object) -> str:
    """Return Python for a call."""
    listed = [*map(literal, arguments), *(f"{name}={literal(value)}" for name, value in options.items())]
    return f"{target}({', '.join(listed)})"


def literal(value: object) -> str:
    """Return Python code for a value; long bytes become a slice of the tape."""
    if isinstance(value, Code):
        return str(value)
    if isinstance(value, bytes) and len(value) > 40:
        start = value[0] % 251
        return f"tape[{start}:{start + len(value)}]" if TAPE[start : start + len(value)] == value else repr(value)
    if isinstance(value, list):
        return f"[{', '.join(map(literal, value))}]"
    if isinstance(value, tuple):
        return f"({', '.join(map(literal, value))}{',' if len(value) == 1 else ''})"
    return value.__name__ if isinstance(value, type) else ascii(value)


def indented(head: str, code: str) -> str:
    """Return code as a block under a head."""
    return f"{head}\n{textwrap.indent(code, '    ')}"


def _raising(code: str, kind: type) -> str:
    """Return the code wrapped to expect an error. The code is a single ``with`` or simpler."""
    raises = f"with pytest.raises({kind.__name__})"
    return f"{raises}, {code[5:]}" if code.startswith("with ") else indented(f"{raises}:", code)


def _asserting(code: str, view: str, expected: Sequence[Answer]) -> str:
    """Return the code with an assertion that its answer is one of those expected."""
    first = expected[0]
    if len(expected) == 1 and isinstance(first, type):
        return _raising(code, first)
    if len(expected) == 1 and view == "it" and not is_block(code):
        return f"assert {literal(first)} == {code}"
    if len(expected) == 1:
        return f"{assigned(code)}\nassert {literal(first)} == {view}"
    tried = indented("try:", assigned(code) if view == "it" else f"{assigned(code)}\nit = {view}")
    caught = indented("except Exception as error:", "it = type(error)")
    return f"{tried}\n{caught}\nassert it in {literal(list(expected))}"
